"""Runs a playbook and shows how far it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from failure import Failure

if TYPE_CHECKING:
    from screen import Progress, Screen

_ROOT = Path(__file__).resolve().parents[2]
_TASKS = ("TASK [", "RUNNING HANDLER [")
# What a task's first line begins with when it was run; "skipping:" when it was not.
_RESULTS = ("ok: ", "changed: ", "included: ", "failed: ", "fatal: ")


def run_playbook(inventory: str, playbook: str, log: Path, screen: Screen) -> None:
    """
    Run `playbook`; each task is shown while it runs, everything goes to `log`.

    Raises:
        Failure: a task failed; the sentence is Ansible's own.

    """
    programs = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
    log.parent.mkdir(exist_ok=True)
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
        output = Output(progress)
        for line in process.stdout:
            record.write(line)
            output.take(line)
    if process.returncode != 0:
        raise Failure(f"{output.error or f'{playbook} failed'}\n(all of it: {log})")


class Output:
    """What Ansible prints, line by line: the tasks that ran, and the first error."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = ""
        self._errors: list[str] = []
        self._in_error = False

    def take(self, line: str) -> None:
        """Read the next line."""
        if line.startswith(_TASKS):
            self._task = line.split("[", 1)[1].rsplit("]", 1)[0]
            self._progress.begin(self._task)
        elif self._task and line.startswith(_RESULTS):
            self._progress.ran(self._task)
            self._task = ""
        if line.startswith("...ignoring"):
            self._errors.pop()
        if line.startswith("[ERROR]: "):
            self._errors.append(line.rpartition(" failed: ")[2])
            self._in_error = True
        elif self._in_error and line.strip() and not line.startswith("Origin: "):
            self._errors[-1] += line
        else:
            self._in_error = False

    @property
    def error(self) -> str:
        """The first error: the ones after it are of handlers, which find what it has left."""
        return self._errors[0].strip() if self._errors else ""
