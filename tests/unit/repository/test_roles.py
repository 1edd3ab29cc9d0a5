"""Every role tells what it does, and what it takes, in a form that Ansible can show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what `ansible-doc` shows of all roles."""
    command = [sys.executable, "-m", "ansible", "doc", "--type", "role"]
    command += ["--roles-path", str(ROOT / "roles"), "--json", *ROLES]
    environment = {name: v for name, v in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment["ANSIBLE_HOME"] = str(tmp_path_factory.mktemp("home"))
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    roles: dict[str, Any] = json.loads(done.stdout)
    return roles


def _options(entry: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return options by name, those inside others included."""
    found = []
    for name, option in entry.get("options", {}).items():
        found += [(name, option), *_options(option)]
    return found


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_documented(shown: dict[str, Any], role: str) -> None:
    (entry,) = shown[role]["entry_points"].values()

    assert entry["short_description"]
    assert entry["description"]
    assert all(line.endswith(".") for line in entry["description"])
    for name, option in _options(entry):
        assert option["description"], name
        assert option["type"], name


@pytest.mark.parametrize("role", ROLES)
def test_a_roles_own_variables_begin_with_its_name(role: str) -> None:
    """`cellar_*` is the product's, and the role `settings` has all of them."""
    prefix = "cellar_" if role == "settings" else f"{role}_"

    for kind, start in {"defaults": prefix, "vars": f"__{prefix}"}.items():
        path = ROOT / "roles" / role / kind / "main.yml"
        if path.exists():
            names = yaml.safe_load(path.read_text())
            assert [n for n in names if not n.startswith(start)] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_roles_documented_variables_are_those_that_it_has(
    shown: dict[str, Any], role: str
) -> None:
    """Each has a default or is required; none is undocumented."""
    (entry,) = shown[role]["entry_points"].values()
    path = ROOT / "roles" / role / "defaults/main.yml"
    defaults = yaml.safe_load(path.read_text()) if path.exists() else {}

    optional = {n for n, option in entry.get("options", {}).items() if not option.get("required")}
    assert optional == set(defaults)
