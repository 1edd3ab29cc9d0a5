"""The containers that stand in for hosts, in trials and in these tests."""

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
INVENTORY = "molecule/inventory/hosts.yml"


def test_making_the_containers_again_changes_nothing() -> None:
    """A container that was made anew would lose its appliance, cache and all."""
    result = subprocess.run(
        ["ansible-playbook", "-i", INVENTORY, "playbooks/containers/create.yml"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    changes = re.findall(r"^(\S+) .*changed=(\d+)", result.stdout, re.MULTILINE)
    assert len(changes) > 1, result.stdout
    assert {count for _, count in changes} == {"0"}, result.stdout
