"""Containers of different inventories can run at the same time on one machine."""

from __future__ import annotations

import ipaddress
import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
INVENTORIES = [
    ROOT / "inventory/local/hosts.yml",
    ROOT / "tests/bench/inventory/hosts.yml",
    *sorted(ROOT.glob("molecule/inventory/*.yml")),
]


def hosts(tree: dict[str, Any]) -> set[str]:
    """Return the names of all hosts in a group and those below it."""
    found = set(tree.get("hosts") or {})
    return found.union(*(hosts(child or {}) for child in (tree.get("children") or {}).values()))


def containers(inventory: Path) -> set[str]:
    return hosts(yaml.safe_load(inventory.read_text())["all"])


def text(inventory: Path) -> str:
    """Return all that may describe a network: the file, and the variables of all its hosts."""
    shared = inventory.parent / "group_vars/all.yml"
    return inventory.read_text() + (shared.read_text() if shared.exists() else "")


def networks(inventory: Path) -> set[str]:
    return set(re.findall(r"name: ([\w-]+), subnet:", text(inventory)))


def subnets(inventory: Path) -> set[ipaddress.IPv4Network]:
    found = re.findall(r"subnet: ([0-9./]+)", text(inventory))
    return {ipaddress.IPv4Network(subnet) for subnet in found}


@pytest.mark.parametrize(
    ("one", "other"),
    list(itertools.combinations(INVENTORIES, 2)),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_two_inventories_share_no_container_and_no_network(one: Path, other: Path) -> None:
    """Else `make up`, `make bench` and the scenarios would take each other's containers away."""
    for parts in (containers, networks):
        assert parts(one), one
        assert parts(one) & parts(other) == set()
    for subnet, another in itertools.product(subnets(one), subnets(other)):
        assert not subnet.overlaps(another), (subnet, another)


def test_every_scenario_names_a_file_and_not_the_folder_of_all_inventories() -> None:
    """A folder would be read as one inventory: every scenario would start all containers."""
    for path in [ROOT / ".config/molecule/config.yml", *ROOT.glob("molecule/*/molecule.yml")]:
        for named in re.findall(r"molecule/inventory\S*", path.read_text()):
            assert (ROOT / named.rstrip(".")).is_file(), (path, named)
