"""Real wheels and sdists, made on the fly, the same bytes every time."""

import base64
import gzip
import hashlib
import io
import re
import tarfile
import zipfile
from collections.abc import Mapping

from fakepypi.distributions.content import GeneratedContent
from fakepypi.publication import Publication

# In-tree build backend (PEP 517): the sdist carries its wheel's files, so a build needs no package.
# Not the wheel itself: pip would take a zip at the end of an uncompressed archive for the archive.
_BACKEND = """\
import pathlib
import zipfile


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    files = pathlib.Path(__file__).parent / "wheel"
    name = "{wheel}"
    target = pathlib.Path(wheel_directory) / name
    with zipfile.ZipFile(target, "w", strict_timestamps=False) as archive:
        for path in sorted(files.glob("*/*")):
            archive.write(path, path.relative_to(files))
    return name
"""
_PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def normalise(name: str) -> str:
    """Return the normalised project name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def wheel_filename(publication: Publication) -> str:
    """Return `{distribution}-{version}-{tag}.whl` (binary distribution format)."""
    return f"{_distribution(publication)}-{publication.version}-{publication.tag}.whl"


def sdist_filename(publication: Publication) -> str:
    """Return `{distribution}-{version}.tar.gz` (PEP 625)."""
    return f"{_distribution(publication)}-{publication.version}.tar.gz"


def extras(publication: Publication) -> list[str]:
    """Return the extras that the requirements' markers name."""
    found = re.findall(r"extra\s*==\s*['\"]([^'\"]+)", " ".join(publication.requires))
    return list(dict.fromkeys(found))


def core_metadata(publication: Publication) -> bytes:
    """Return the METADATA or PKG-INFO file (core metadata 2.1)."""
    fields = [
        ("Metadata-Version", "2.1"),
        ("Name", publication.project),
        ("Version", publication.version),
        ("Summary", publication.summary),
        *([("Requires-Python", publication.requires_python)] * bool(publication.requires_python)),
        *(("Provides-Extra", extra) for extra in extras(publication)),
        *(("Requires-Dist", requirement) for requirement in publication.requires),
    ]
    return "".join(f"{name}: {value}\n" for name, value in fields).encode()


def build_wheel(publication: Publication) -> bytes:
    """Return a wheel of one importable package, made larger by incompressible padding."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, data in _wheel_files(publication).items():
            entry = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def build_sdist(publication: Publication) -> bytes:
    """Return an sdist (PEP 517, PEP 625) that builds its wheel without any other package."""
    root = sdist_filename(publication).removesuffix(".tar.gz")
    files = {
        "PKG-INFO": core_metadata(publication),
        "pyproject.toml": _PYPROJECT.encode(),
        "backend.py": _BACKEND.format(wheel=wheel_filename(publication)).encode(),
        **{f"wheel/{path}": data for path, data in _wheel_files(publication).items()},
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, data in files.items():
            entry = tarfile.TarInfo(f"{root}/{path}")
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), compresslevel=0, mtime=0)


def _wheel_files(publication: Publication) -> dict[str, bytes]:
    package = _distribution(publication)
    dist_info = f"{package}-{publication.version}.dist-info"
    wheel = (
        f"Wheel-Version: 1.0\nGenerator: fakepypi\nRoot-Is-Purelib: true\nTag: {publication.tag}\n"
    )
    files = {
        f"{package}/__init__.py": f'__version__ = "{publication.version}"\n'.encode(),
        f"{dist_info}/METADATA": core_metadata(publication),
        f"{dist_info}/WHEEL": wheel.encode(),
    }
    if publication.padding:
        seed = wheel_filename(publication)
        padding = GeneratedContent(publication.padding, seed).read(0, publication.padding)
        files[f"{package}/padding.bin"] = padding
    return files | {f"{dist_info}/RECORD": _record(files, f"{dist_info}/RECORD")}


def _distribution(publication: Publication) -> str:
    return normalise(publication.project).replace("-", "_")


def _record(files: Mapping[str, bytes], own_path: str) -> bytes:
    lines = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(data)}\n")
    return ("".join(lines) + f"{own_path},,\n").encode()
