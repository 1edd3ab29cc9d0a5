"""Every list of requirements is locked: exact versions, by hash, that fit what was asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

FOLDER = Path(__file__).resolve().parents[3] / "requirements"
LISTS = sorted(FOLDER.rglob("*.in"))
LOCKS = sorted(FOLDER.rglob("*.txt"))


@dataclass(frozen=True)
class Pin:
    name: str
    version: Version
    hashes: tuple[str, ...]


def relative(path: Path) -> str:
    return str(path.relative_to(FOLDER))


def pins(lock: Path) -> list[Pin]:
    joined = lock.read_text().replace("\\\n", " ")
    found = []
    for line in joined.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            requirement, *options = re.split(r"\s+--hash=", line.strip())
            parsed = Requirement(requirement)
            (specifier,) = parsed.specifier
            assert specifier.operator == "==", line
            name = canonicalize_name(parsed.name)
            found.append(Pin(name, Version(specifier.version), tuple(options)))
    return found


def wanted(path: Path) -> list[Requirement]:
    found = []
    for line in path.read_text().splitlines():
        text = line.partition(" #")[0].strip()
        if text.startswith("-r "):
            found += wanted(path.parent / text.removeprefix("-r ").strip())
        elif text and not text.startswith("#"):
            found.append(Requirement(text))
    return found


def test_every_list_has_its_lock_and_every_lock_its_list() -> None:
    assert LISTS
    assert [path.with_suffix("") for path in LISTS] == [path.with_suffix("") for path in LOCKS]


@pytest.mark.parametrize("lock", LOCKS, ids=relative)
def test_every_pin_has_hashes(lock: Path) -> None:
    found = pins(lock)

    assert found
    for pin in found:
        assert pin.hashes, pin.name
        assert [h for h in pin.hashes if not re.fullmatch("sha256:[0-9a-f]{64}", h)] == [], pin.name


@pytest.mark.parametrize("path", LISTS, ids=relative)
def test_a_lock_has_what_its_list_asks_for(path: Path) -> None:
    locked = pins(path.with_suffix(".txt"))

    for requirement in wanted(path):
        name = canonicalize_name(requirement.name)
        versions = [pin.version for pin in locked if pin.name == name]
        fitting = [v for v in versions if requirement.specifier.contains(v, prereleases=True)]
        assert fitting, f"{requirement}: locked are {versions}; run `make lock`"


def test_what_is_tested_is_what_is_installed() -> None:
    """The lock of the developers has the same versions as the appliance's and the controller's."""
    tested = {(pin.name, pin.version) for pin in pins(FOLDER / "development.txt")}

    for name in ("appliance.txt", "controller.txt"):
        installed = {(pin.name, pin.version) for pin in pins(FOLDER / name)}
        assert sorted(installed - tested) == [], name


def test_what_appliances_install_has_no_compiled_code() -> None:
    """One set of wheels fits every host, whatever its processor and its Python are."""
    compiled = {"cffi", "cryptography", "httptools", "uvloop", "pydantic-core", "markupsafe"}

    assert {pin.name for pin in pins(FOLDER / "appliance.txt")} & compiled == set()
