"""Every play stops for all when it fails for one, and Ansible can read every playbook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOKS = sorted((ROOT / "playbooks").rglob("*.yml"))
# What an operator runs against machines that serve; the others concern containers on this machine.
PRODUCTION = [
    path
    for path in PLAYBOOKS
    if path.parent == ROOT / "playbooks" and not path.name.startswith("local")
]

# The appliance of `make up` has no CI hosts.
LOCAL = [path for path in PLAYBOOKS if path.name != "runners.yml"]


def plays(playbook: Path) -> list[dict[str, Any]]:
    found = yaml.safe_load(playbook.read_text())
    return [each for each in found if "import_playbook" not in str(each.keys())]


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_play_says_what_it_does_and_stops_for_all_when_it_fails_for_one(playbook: Path) -> None:
    for play in plays(playbook):
        assert play.get("name")
        assert play.get("any_errors_fatal") is True, play["name"]


@pytest.mark.parametrize("playbook", PRODUCTION, ids=lambda path: path.name)
def test_a_production_play_touches_no_host_unasked_and_loses_no_restart(playbook: Path) -> None:
    """Facts would be gathered before settings are checked; a failed task would drop handlers."""
    for play in plays(playbook):
        assert play.get("gather_facts") is False, play["name"]
        assert play.get("force_handlers") is True, play["name"]


def test_the_settings_are_checked_before_anything_else() -> None:
    (play,) = plays(ROOT / "playbooks/appliance.yml")

    first, *others, last = [each["role"] for each in play["roles"]]
    assert first == "settings"
    assert others
    assert last == "outcome", "what does not work is said at the end, where it is seen"
    assert not {"pre_tasks", "tasks", "vars", "vars_files"} & play.keys()


@pytest.mark.parametrize(("inventory", "playbooks"), [("example", PRODUCTION), ("local", LOCAL)])
def test_ansible_reads_every_playbook_without_a_word_of_warning(
    inventory: str, playbooks: list[Path], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "ansible", "playbook", "--syntax-check"]
    command += ["--inventory", f"inventory/{inventory}", *map(str, playbooks)]
    environment = {name: v for name, v in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment["ANSIBLE_HOME"] = str(tmp_path)

    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("playbook: ") == len(playbooks)
