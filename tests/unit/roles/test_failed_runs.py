"""What a run that fails says and leaves; handlers that run after a failure are no second one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]

# What systemctl of systemd 252 says of a unit that is not there, and of one that cannot start.
MISSING = """#!/bin/sh
case $1 in
show) printf 'LoadState=not-found\\nActiveState=inactive\\n' ;;
is-enabled) echo "Failed to get unit file state for $2: No such file or directory" >&2; exit 1 ;;
is-active) echo inactive; exit 3 ;;
list-*) echo '0 units listed.' ;;
esac
"""
BROKEN = """#!/bin/sh
case $1 in
show) printf 'Id=%s\\nLoadState=loaded\\nActiveState=active\\n' "$2" ;;
re*) echo 'Job failed. See "systemctl status".' >&2; exit 1 ;;
esac
"""


def play(folder: Path, **parts: Any) -> subprocess.CompletedProcess[str]:
    """Run a play on this machine, which finds programs in `folder` first."""
    book = {"hosts": "localhost", "gather_facts": False, **parts}
    (folder / "play.yml").write_text(yaml.safe_dump([book]))
    environment = {n: v for n, v in os.environ.items() if not n.startswith("ANSIBLE_")}
    environment |= {"ANSIBLE_HOME": str(folder / "home"), "ANSIBLE_NOCOLOR": "1"}
    environment["PATH"] = f"{folder}:{environment['PATH']}"
    return subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", str(folder / "play.yml")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def notified(folder: Path, systemctl: str, notify: str) -> subprocess.CompletedProcess[str]:
    """Notify a handler of the role, with a stand-in for systemctl."""
    write_program(folder / "systemctl", systemctl)
    return play(
        folder,
        tasks=[{"name": "Change", "ansible.builtin.command": "true", "notify": notify}],
        handlers=[{"import_tasks": str(ROOT / "roles/rewriter/handlers/main.yml")}],
    )


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


NOTIFIED = ["Restart the rewriter", "Upstream's authorities changed"]


@pytest.mark.parametrize("notify", NOTIFIED)
def test_a_unit_that_is_not_there_yet_need_not_be_told(tmp_path: Path, notify: str) -> None:
    done = notified(tmp_path, MISSING, notify)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "RUNNING HANDLER" in done.stdout


@pytest.mark.parametrize("notify", NOTIFIED)
def test_a_unit_that_does_not_come_back_is_a_failure(tmp_path: Path, notify: str) -> None:
    done = notified(tmp_path, BROKEN, notify)

    assert done.returncode != 0
    assert "Job failed" in done.stdout + done.stderr


PIP = """#!/bin/sh
for word; do
    case $last in --dest) mkdir -p "$word"; touch "$word/half.whl" ;; esac
    last=$word
done
echo 'ERROR: No index answers.' >&2
exit 1
"""


def test_a_download_that_fails_is_told_by_its_reason_and_leaves_nothing(tmp_path: Path) -> None:
    write_program(tmp_path / "python", PIP)
    wheels = tmp_path / "cache/wheels"

    tasks = yaml.safe_load((ROOT / "roles/rewriter/tasks/fetch.yml").read_text())
    tasks[0]["ansible.builtin.command"]["argv"][0] = str(tmp_path / "python")

    done = play(
        tmp_path,
        vars={"__rewriter_wheels": str(wheels), "__rewriter_lock": "lock.txt"},
        tasks=tasks,
    )

    assert done.returncode != 0
    assert "(ERROR: No index answers.): does pip reach" in " ".join(done.stdout.split()), (
        done.stdout
    )
    assert list(wheels.parent.iterdir()) == []


@pytest.mark.parametrize("stderr", ["Error: subnet 10.213.70.0/24 is already used", None])
def test_a_network_that_cannot_be_made_is_told_with_podmans_reason_and_where_it_is_set(
    tmp_path: Path, stderr: str | None
) -> None:
    """And one that is there is no reason to stop."""
    tasks = yaml.safe_load((ROOT / "roles/containers/tasks/present.yml").read_text())
    (judge,) = (task for task in tasks if task["name"] == "Require that they are there")
    made: dict[str, Any] = {"item": {"name": "cellar-local", "subnet": "10.213.70.0/24"}}
    if stderr:
        made |= {"msg": "Can't create network cellar-local", "stderr": stderr}

    done = play(
        tmp_path,
        vars={"__containers_made": {"results": [made]}, "inventory_file": "/srv/hosts.yml"},
        tasks=[judge],
    )

    assert done.returncode == (2 if stderr else 0), done.stdout + done.stderr
    if stderr:
        said = " ".join((done.stdout + done.stderr).split())
        assert f"cellar-local could not be made ({stderr}): its subnet is 10.213.70.0/24" in said
        assert "containers_networks in /srv/hosts.yml" in said


def test_an_upstream_host_of_which_nothing_is_known_ends_the_run_and_is_named_alone(
    tmp_path: Path,
) -> None:
    """What has addresses from before goes on with them, be it resolved now or not."""
    known = "a.example cannot be resolved; look for it. What was known of it stays."
    unknown = "b.example cannot be resolved; look for it. Nothing is known of it."
    tasks = yaml.safe_load((ROOT / "roles/resolver/tasks/main.yml").read_text())
    (judge,) = (task for task in tasks if task["name"].startswith("Refuse to go on without"))

    for lines, status in (([known], 0), ([known, unknown], 2)):
        said = play(
            tmp_path, vars={"__resolver_run": {"rc": 1, "stderr_lines": lines}}, tasks=[judge]
        )

        assert said.returncode == status, said.stdout + said.stderr
        assert "a.example" not in said.stdout
        assert (unknown in " ".join(said.stdout.split())) == (status == 2)
