"""
Puts wheels on the servers of `private-indexes`, in the way of each of them; runs there.

    /opt/fakepypi/bin/python -m indexes.publishing SERVER PUBLICATION

PUBLICATION is a JSON object with the fields of `fakepypi.publication.Publication`. Prints a JSON
object with those of `Published`.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from fakepypi.distributions.artifacts import build_wheel, core_metadata, normalise, wheel_filename
from fakepypi.publication import Publication

if TYPE_CHECKING:
    from collections.abc import Callable

TORCH = "whl/cu128"


@dataclass(frozen=True)
class Published:
    """A wheel that a server has, with its size in bytes and its digest in hex."""

    project: str
    version: str
    filename: str
    size: int
    sha256: str


def to_devpi(publication: Publication) -> None:
    """Upload with devpi's own client; prepare.yml has logged it in."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder, wheel_filename(publication))
        wheel.write_bytes(build_wheel(publication))
        _run("/opt/devpi/bin/devpi", "upload", wheel)


def to_pypiserver(publication: Publication) -> None:
    """Lay it into the one folder, as its documentation says."""
    _write(Path("/srv/pypiserver"), publication)


def to_mirror(publication: Publication) -> None:
    """Have bandersnatch fetch the project from PyPI, where it must have been published before."""
    environment = {"SSL_CERT_FILE": "/srv/fakepypi/ca.pem"}
    command = ("/opt/bandersnatch/bin/bandersnatch", "--config", "/etc/bandersnatch.conf", "sync")
    _run(*command, normalise(publication.project), environment=environment)


def to_listing(publication: Publication) -> None:
    """Lay it into the project's folder."""
    _write(Path("/srv/listing/wheels", normalise(publication.project)), publication)


def to_torch(publication: Publication) -> None:
    """Link to it on the other host, by an absolute URL."""
    _write_with_metadata(Path("/srv/torch-files", TORCH), publication)
    _write_torch_page(normalise(publication.project))


def to_torch_itself(publication: Publication) -> None:
    """Link to it on the host of the page, by a path."""
    _write_with_metadata(Path("/srv/torch", TORCH), publication)
    _write_torch_page(normalise(publication.project))


SERVERS: dict[str, Callable[[Publication], None]] = {
    "devpi": to_devpi,
    "pypiserver": to_pypiserver,
    "mirror": to_mirror,
    "listing": to_listing,
    "torch": to_torch,
    "torch-itself": to_torch_itself,
}


def main(server: str, publication: Publication) -> Published:
    """Publish a wheel on a server."""
    SERVERS[server](publication)
    wheel = build_wheel(publication)
    return Published(
        normalise(publication.project),
        publication.version,
        wheel_filename(publication),
        len(wheel),
        hashlib.sha256(wheel).hexdigest(),
    )


def _run(*command: str | Path, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{command}\n{done.stdout}\n{done.stderr}")


def _write(folder: Path, publication: Publication) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / wheel_filename(publication)
    wheel.write_bytes(build_wheel(publication))
    return wheel


def _write_with_metadata(folder: Path, publication: Publication) -> None:
    wheel = _write(folder, publication)
    wheel.with_name(f"{wheel.name}.metadata").write_bytes(core_metadata(publication))


def _write_torch_page(project: str) -> None:
    """Write the page as PyTorch does: escaped names, digests, PEP 658's mark under both names."""
    links = []
    for host in ("torch", "torch-files"):
        origin = "" if host == "torch" else f"https://{host}.example"
        folder = Path("/srv", host, TORCH)
        for wheel in sorted(folder.glob(f"{project.replace('-', '_')}-*.whl")):
            href = f"{origin}/{TORCH}/{quote(wheel.name)}#sha256={_digest(wheel)}"
            metadata = f"sha256={_digest(wheel.with_name(f'{wheel.name}.metadata'))}"
            attributes = f'data-dist-info-metadata="{metadata}" data-core-metadata="{metadata}"'
            links.append(f'    <a href="{href}" {attributes}>{escape(wheel.name)}</a><br/>\n')
    page = Path("/srv/torch", TORCH, project, "index.html")
    page.parent.mkdir(parents=True, exist_ok=True)
    title = f"    <h1>Links for {project}</h1>\n"
    page.write_text(
        f"<!DOCTYPE html>\n<html>\n  <body>\n{title}{''.join(links)}  </body>\n</html>\n"
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    name, text = sys.argv[1:]
    sys.stdout.write(json.dumps(asdict(main(name, Publication(**json.loads(text))))))
