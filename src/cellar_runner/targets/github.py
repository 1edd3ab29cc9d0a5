"""
GitHub's self-hosted runner: a hook that its worker runs on the host before each job.

The hook reads the payload at that time, so that jobs follow the guard, and adds to $GITHUB_ENV. The
bundle is copied to the job's temporary folder, since job containers and container actions see that:
the runner translates the path for them (actions/runner: ContainerStepHost, ContainerActionHandler).
The folder is emptied by the runner after each job.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cellar_runner.edits.job_hook import JobHook
from cellar_runner.edits.text import decode
from cellar_runner.edits.whole import Whole
from cellar_runner.files import read
from cellar_runner.plan import BUNDLE, ENVIRONMENT
from cellar_runner.refusal import Refusal
from cellar_runner.targets.services import READ_AGAIN, drop_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cellar_runner.edits.edit import Edit
    from cellar_runner.host import Host
    from cellar_runner.plan import Plan
    from cellar_runner.targets.target import Command

HOOK = "/usr/local/lib/cellar-runner/github-job-started.sh"
STARTED = "ACTIONS_RUNNER_HOOK_JOB_STARTED"
EARLIER = "CELLAR_RUNNER_EARLIER_HOOK"

_UNITS = "etc/systemd/system"
_FOLDER = re.compile(r"^WorkingDirectory=(.+)$", re.MULTILINE)

_SCRIPT = f"""\
#!/bin/sh
# Written by cellar-runner; `cellar-runner status` says what it is.
# The variables of {ENVIRONMENT} for the job, all of them or none: where one of
# them is set to something else, or the certificates cannot be copied, all stay
# as they are. Then the hook that was there before.
(
    cellar_runner_bundle=$RUNNER_TEMP/_github_home/.cellar-runner.pem
    mkdir -p "$RUNNER_TEMP/_github_home" &&
        cp {BUNDLE} "$cellar_runner_bundle" &&
        chmod 644 "$cellar_runner_bundle" || exit
    while IFS='=' read -r cellar_runner_name cellar_runner_value; do
        eval "cellar_runner_found=\\${{$cellar_runner_name-$cellar_runner_value}}"
        [ "$cellar_runner_found" = "$cellar_runner_value" ] || exit
    done <{ENVIRONMENT}
    while IFS='=' read -r cellar_runner_name cellar_runner_value; do
        [ "$cellar_runner_value" != {BUNDLE} ] || cellar_runner_value=$cellar_runner_bundle
        printf '%s=%s\\n' "$cellar_runner_name" "$cellar_runner_value"
    done <{ENVIRONMENT} >"$cellar_runner_bundle.env" &&
        cat "$cellar_runner_bundle.env" >>"$GITHUB_ENV"
) 2>/dev/null || : # the runner gives the shell -e
case ${{{EARLIER}-}} in
    "") ;;
    *.ps1) exec pwsh -command ". '${EARLIER}'" ;;
    *) exec "$(command -v bash || command -v sh)" -e "${EARLIER}" ;;
esac
exit 0
"""


class GitHub:
    """Variables for jobs on the host, in job containers and in container actions."""

    name = "github"

    def found(self, host: Host) -> bool:
        """Tell whether a runner is installed as a service, or in a folder of that name."""
        return any(True for _ in _folders(host))

    def edits(self, host: Host, plan: Plan) -> Sequence[Edit]:  # noqa: ARG002 # the hook reads it
        """Return the hook, the line of each runner that names it, and drop-ins for its service."""
        hook = Whole(host.path(HOOK), _SCRIPT.encode(), mode=0o755)
        files = [folder / ".env" for folder in _folders(host)]
        lines = [JobHook(file, STARTED, EARLIER, HOOK) for file in files]
        return (hook, *lines, *(drop_in(host, unit.name) for unit in _units(host)))

    def reload(self, host: Host) -> Sequence[Command]:
        """Return what systemd needs; a runner reads .env at its start, and a restart ends jobs."""
        return (READ_AGAIN,) if _units(host) else ()

    def release(self, host: Host) -> None:
        """
        Refuse while a runner's process has the hook: its next job would fail without the file.

        Raises:
            Refusal: such a process is there.

        """
        for process in host.path("/proc").glob("[0-9]*"):
            try:
                program = (process / "cmdline").read_bytes().split(b"\0")[0]
                variables = (process / "environ").read_bytes().split(b"\0")
            except OSError:
                continue  # it has ended
            if program.endswith(b"/Runner.Listener") and f"{STARTED}={HOOK}".encode() in variables:
                raise Refusal(
                    f"the GitHub runner of process {process.name} runs {HOOK} before each job, and "
                    f"its jobs would fail without it: take {STARTED} out of its .env, restart its "
                    "service when it is idle, and run this again"
                )


def _units(host: Host) -> list[Path]:
    return sorted(host.path(_UNITS).glob("actions.runner.*.service"))


def _folders(host: Host) -> Iterator[Path]:
    """Yield the folders of runners, each once."""
    seen = set()
    for unit in _units(host):
        found = _FOLDER.search(decode(unit, read(unit) or b""))
        folder = host.path(found[1].strip()) if found else None
        if folder is not None and (folder / ".runner").exists() and folder not in seen:
            seen.add(folder)
            yield folder
    for pattern in ("opt/actions-runner*", "home/*/actions-runner*", "root/actions-runner*"):
        for folder in sorted(host.root.glob(pattern)):
            if (folder / ".runner").exists() and folder not in seen:
                seen.add(folder)
                yield folder
