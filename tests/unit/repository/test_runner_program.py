"""The program of CI hosts: one file, the same bytes from the same sources, which Python runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from cellar_runner.targets.every import TARGETS

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "roles/runner/files/build-program"


def build(program: Path, source: Path = ROOT / "src/cellar_runner") -> bytes:
    subprocess.run([sys.executable, BUILD, source, program], check=True)
    return program.read_bytes()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "cellar-runner"
    build(path)
    return path


def test_the_same_sources_give_the_same_bytes_wherever_they_are(
    program: Path, tmp_path: Path
) -> None:
    """A second play changes no host, also one from another checkout."""
    copy = tmp_path / "elsewhere/cellar_runner"
    shutil.copytree(ROOT / "src/cellar_runner", copy)
    for path in copy.rglob("*"):
        os.utime(path, (0, 0))
    (copy / "__pycache__").mkdir(exist_ok=True)
    (copy / "__pycache__/host.cpython-311.pyc").write_bytes(b"")

    assert build(tmp_path / "other", copy) == program.read_bytes()


def test_other_sources_give_other_bytes(program: Path, tmp_path: Path) -> None:
    copy = tmp_path / "cellar_runner"
    shutil.copytree(ROOT / "src/cellar_runner", copy)
    (copy / "host.py").write_text("")

    assert build(tmp_path / "other", copy) != program.read_bytes()


def test_it_has_the_package_and_nothing_else(program: Path) -> None:
    with zipfile.ZipFile(program) as archive:
        names = set(archive.namelist())

    package = (ROOT / "src/cellar_runner").rglob("*.py")
    assert names == {"__main__.py", *(str(path.relative_to(ROOT / "src")) for path in package)}


def test_it_needs_nothing_but_python(program: Path) -> None:
    """Neither this project nor any package: not even those that Python is installed with."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", program, "status"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert done.stderr.startswith("cellar-runner: /var/lib/cellar-runner/")


def test_an_older_python_is_refused_in_one_sentence(program: Path) -> None:
    old = "import runpy, sys; sys.version_info = (3, 9, 2); sys.argv[1:] = ['status']; "
    done = subprocess.run(
        [sys.executable, "-c", f"{old}runpy.run_path({str(program)!r}, run_name='__main__')"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (
        2,
        "cellar-runner: Python 3.11 or newer is needed, and this is older\n",
    )


def test_operators_can_choose_every_target_and_no_other_one() -> None:
    specification = yaml.safe_load((ROOT / "roles/settings/meta/argument_specs.yml").read_text())
    options = specification["argument_specs"]["settings"]["options"]

    assert sorted(options["cellar_runner_targets"]["choices"]) == sorted(t.name for t in TARGETS)
