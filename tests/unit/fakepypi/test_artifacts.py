import base64
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from fakepypi.distributions.artifacts import (
    build_sdist,
    build_wheel,
    sdist_filename,
    wheel_filename,
)
from fakepypi.publication import Publication

DEMO = Publication("Demo.Name", "1.0", requires=["dep>=1", 'more; extra == "all"'])


def pip_install(target: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--isolated", "install", "--no-index", "--quiet"]
    return subprocess.run(
        [*command, "--disable-pip-version-check", "--target", str(target), *arguments],
        env={"PIP_CONFIG_FILE": "/dev/null", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def imported_version(target: Path, module: str) -> str:
    code = f"import {module}; print({module}.__version__)"
    command = [
        sys.executable,
        "-I",
        "-c",
        f"import sys; sys.path.insert(0, {str(target)!r}); {code}",
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_pip_installs_a_wheel_and_its_dependency(tmp_path: Path) -> None:
    for publication in (
        Publication("with-dependency", "1!2.0+local", requires=["needed>=1"]),
        Publication("needed", "1.5", padding=1000),
    ):
        (tmp_path / wheel_filename(publication)).write_bytes(build_wheel(publication))
    done = pip_install(tmp_path / "t", "--find-links", str(tmp_path), "with-dependency")
    assert done.returncode == 0, done.stderr
    assert imported_version(tmp_path / "t", "with_dependency") == "1!2.0+local"
    assert imported_version(tmp_path / "t", "needed") == "1.5"


def test_pip_builds_an_sdist_without_any_index(tmp_path: Path) -> None:
    publication = Publication("From-Source", "3.0", kind="sdist")
    (tmp_path / sdist_filename(publication)).write_bytes(build_sdist(publication))
    done = pip_install(tmp_path / "t", "--find-links", str(tmp_path), "from-source")
    assert done.returncode == 0, done.stderr
    assert imported_version(tmp_path / "t", "from_source") == "3.0"


def test_record_lists_every_file_with_its_digest_and_size() -> None:
    with zipfile.ZipFile(io.BytesIO(build_wheel(DEMO))) as wheel:
        files = {name: wheel.read(name) for name in wheel.namelist()}
    record = files.pop("demo_name-1.0.dist-info/RECORD").decode().splitlines()
    expected = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        expected.append(f"{name},sha256={digest},{len(data)}")
    assert record == [*expected, "demo_name-1.0.dist-info/RECORD,,"]


def test_metadata_says_what_was_asked_for() -> None:
    with zipfile.ZipFile(io.BytesIO(build_wheel(DEMO))) as wheel:
        metadata = wheel.read("demo_name-1.0.dist-info/METADATA").decode()
    assert metadata.splitlines() == [
        "Metadata-Version: 2.1",
        "Name: Demo.Name",
        "Version: 1.0",
        "Summary: Made by fakepypi",
        "Requires-Python: >=3.8",
        "Provides-Extra: all",
        "Requires-Dist: dep>=1",
        'Requires-Dist: more; extra == "all"',
    ]


def test_the_same_publication_gives_the_same_bytes() -> None:
    """The digests are pinned: lock files and expectations may be written down."""
    assert hashlib.sha256(build_wheel(DEMO)).hexdigest() == DEMO_WHEEL_SHA256
    assert build_sdist(DEMO) == build_sdist(DEMO)


def test_padding_makes_a_wheel_larger_by_that_much() -> None:
    small = len(build_wheel(Publication("p", "1")))
    large = len(build_wheel(Publication("p", "1", padding=5_000_000)))
    assert 5_000_000 <= large - small < 5_000_500


def test_an_sdist_unpacks_into_one_folder_with_pkg_info() -> None:
    with tarfile.open(fileobj=io.BytesIO(build_sdist(DEMO))) as archive:
        assert sorted(archive.getnames()) == [
            "demo_name-1.0/PKG-INFO",
            "demo_name-1.0/backend.py",
            "demo_name-1.0/pyproject.toml",
            "demo_name-1.0/wheel/demo_name-1.0.dist-info/METADATA",
            "demo_name-1.0/wheel/demo_name-1.0.dist-info/RECORD",
            "demo_name-1.0/wheel/demo_name-1.0.dist-info/WHEEL",
            "demo_name-1.0/wheel/demo_name/__init__.py",
        ]


@pytest.mark.parametrize(
    ("project", "version", "filename"),
    [
        ("demo", "1.0", "demo-1.0-py3-none-any.whl"),
        ("Foo.Bar--baz", "2.0", "foo_bar_baz-2.0-py3-none-any.whl"),
        ("demo", "1.0+cu128", "demo-1.0+cu128-py3-none-any.whl"),
        ("demo", "1!2.0", "demo-1!2.0-py3-none-any.whl"),
    ],
)
def test_file_names_follow_the_binary_distribution_format(
    project: str, version: str, filename: str
) -> None:
    assert wheel_filename(Publication(project, version)) == filename


DEMO_WHEEL_SHA256 = "a7c3c43ce9a2aefdd4ba5149f9fefe5ff5aa3190efd8b1335b6cc1df1cd45dd0"
