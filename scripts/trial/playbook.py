"""Runs a playbook and shows how far it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from failure import Failure

if TYPE_CHECKING:
    from screen import Screen

_ROOT = Path(__file__).resolve().parents[2]


def run_playbook(inventory: str, playbook: str, log: Path, screen: Screen) -> None:
    """
    Run `playbook`; each task is shown while it runs, everything goes to `log`.

    Raises:
        Failure: a task failed; the sentence is Ansible's own.

    """
    programs = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
    log.parent.mkdir(exist_ok=True)
    error, in_error = "", False
    with (
        log.open("a") as record,
        screen.progress(playbook) as progress,
        subprocess.Popen(
            [f"{programs}/ansible-playbook", "-i", inventory, playbook],
            cwd=_ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        if process.stdout is None:  # for the type checker: it is a pipe
            raise AssertionError
        for line in process.stdout:
            record.write(line)
            if line.startswith(("TASK [", "RUNNING HANDLER [")):
                progress(line.split("[", 1)[1].rsplit("]", 1)[0])
            elif line.startswith("[ERROR]: "):
                error, in_error = line.rpartition(" failed: ")[2], True
            elif in_error and line.strip() and not line.startswith("Origin: "):
                error += line
            else:
                in_error = False
    if process.returncode != 0:
        raise Failure(f"{error.strip() or f'{playbook} failed'}\n(all of it: {log})")
