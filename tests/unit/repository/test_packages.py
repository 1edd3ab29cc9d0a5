"""What leaves the repository: the wheel that appliances install, and the collection."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ANSIBLE = (sys.executable, "-m", "ansible")


def _run(
    *command: str | Path, cwd: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    inherited = {n: v for n, v in os.environ.items() if not n.startswith(("ANSIBLE_", "PIP_"))}
    return subprocess.run(
        command,
        cwd=cwd,
        env=inherited | {"PIP_CONFIG_FILE": os.devnull} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _succeed(*command: str | Path, cwd: Path = ROOT, **environment: str) -> None:
    done = _run(*command, cwd=cwd, **environment)
    assert done.returncode == 0, done.stdout + done.stderr


def _task(path: str, name: str) -> dict[str, object]:
    tasks = yaml.safe_load((ROOT / path).read_text())
    (task,) = (each for each in tasks if each["name"] == name)
    return dict(task)


def _build_wheel(folder: Path, repository: Path = ROOT) -> Path:
    """Build as role `rewriter` does, offline, with its own arguments."""
    task = _task("roles/rewriter/tasks/build.yml", "Build the wheel of src/cellar")
    (command,) = (value for key, value in task.items() if key == "ansible.builtin.command")
    assert isinstance(command, dict)
    values = {
        "{{ role_path }}/files/build-wheel": str(ROOT / "roles/rewriter/files/build-wheel"),
        "{{ ansible_playbook_python }}": sys.executable,
        "{{ __rewriter_built_dir }}": str(folder),
        "{{ __rewriter_repository }}": str(repository),
    }
    _succeed(*(values.get(word, word) for word in command["argv"]))
    (wheel,) = folder.iterdir()
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_same_sources_give_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """An appliance's release is named by it: a second run would else change every host."""
    again = _build_wheel(tmp_path)

    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (wheel, again)]
    assert digests[0] == digests[1]


def test_the_wheel_has_the_package_and_nothing_else(wheel: Path) -> None:
    """Nor what a controller alone needs to keep to itself: inventories, keys, tests."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}

    info = "cellar-0.1.0.dist-info"
    package = {name for name in names if not name.startswith(info)}
    sources = {
        str(path.relative_to(ROOT / "src"))
        for path in (ROOT / "src/cellar").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert package == sources
    assert {PurePosixPath(name).suffix for name in package} <= {".css", ".py", ".typed"}
    assert "cellar/cli/__init__.py" in package
    assert f"{info}/entry_points.txt" in names


# The collection: what is in it, and what must not be.
NEEDED = [
    "playbooks/appliance.yml",
    "roles/settings/defaults/main.yml",
    "roles/nginx/templates/nginx.conf/http.j2",
    "roles/rewriter/tasks/main.yml",
    "plugins/filter/cellar.py",
    "plugins/filter/cellar_setting_problems.yml",
    "src/cellar/cli/__init__.py",
    "src/cellar/py.typed",
    "requirements/appliance.txt",
    "pyproject.toml",
    "meta/runtime.yml",
    "LICENSE",
    "README.md",
]
UNWANTED = {
    ".ansible", ".ansible-lint", ".cellar", ".ci", ".config", ".git", ".gitignore", ".hypothesis",
    ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv", "Makefile", "__pycache__",
    "ansible.cfg", "inventory", "molecule", "scripts", "tests",
}  # fmt: skip


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collection")
    build = ("galaxy", "collection", "build", "--output-path", folder)
    _succeed(*ANSIBLE, *build, ANSIBLE_HOME=str(folder / "home"))
    (archive,) = folder.glob("*.tar.gz")
    return archive


def test_the_collection_has_what_a_controller_needs(collection: Path) -> None:
    with tarfile.open(collection) as archive:
        names = set(archive.getnames())

    assert [name for name in NEEDED if name not in names] == []


def test_the_collection_has_nothing_that_only_developers_need(collection: Path) -> None:
    with tarfile.open(collection) as archive:
        names = archive.getnames()

    found = {part for name in names for part in PurePosixPath(name).parts} & UNWANTED
    assert sorted(found) == []
    assert [name for name in names if name.endswith((".pyc", ".pem", ".key"))] == []


@pytest.fixture(scope="module")
def installed(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the collection offline, far from this repository; return where it is."""
    folder = tmp_path_factory.mktemp("installed")
    install = (
        "galaxy",
        "collection",
        "install",
        "--offline",
        "--no-deps",
        collection,
        "-p",
        folder,
    )
    _succeed(*ANSIBLE, *install, cwd=folder, ANSIBLE_HOME=str(folder / "home"))
    return folder / "ansible_collections/cellar/pypi"


def test_the_installed_collection_finds_its_roles_and_filters(
    installed: Path, tmp_path: Path
) -> None:
    """With a wrong setting, so that it ends where it has found them, before any host is asked."""
    inventory = tmp_path / "hosts.yml"
    hosts = {"host.invalid": {"cellar_log_days": 0}}
    inventory.write_text(yaml.safe_dump({"appliances": {"hosts": hosts}}))

    done = _run(
        *(*ANSIBLE, "playbook", "--inventory", inventory, "cellar.pypi.appliance"),
        cwd=tmp_path,
        ANSIBLE_HOME=str(tmp_path / "home"),
        ANSIBLE_COLLECTIONS_PATH=str(installed.parents[2]),
    )

    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "cellar_log_days: is not between 1 and 3650 (0)" in said, said
    assert "unreachable=0" in said


def test_the_installed_collection_builds_the_same_wheel(
    installed: Path, wheel: Path, tmp_path: Path
) -> None:
    """Whether an operator works from a clone or from the collection, appliances get the same."""
    assert _build_wheel(tmp_path, installed).read_bytes() == wheel.read_bytes()
