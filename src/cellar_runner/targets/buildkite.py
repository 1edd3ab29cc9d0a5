"""
Buildkite's agent: its hook `environment`, which it sources before each job.

The hook reads the payload at that time, so that jobs follow the guard.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cellar_runner.edits.script_block import ScriptBlock
from cellar_runner.edits.text import decode
from cellar_runner.edits.whole import Whole
from cellar_runner.files import read
from cellar_runner.targets.shell import PROFILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellar_runner.edits.edit import Edit
    from cellar_runner.host import Host
    from cellar_runner.plan import Plan
    from cellar_runner.targets.target import Command

VARIABLES = "/usr/local/lib/cellar-runner/variables.sh"

_SETTINGS = "/etc/buildkite-agent/buildkite-agent.cfg"
_DEFAULT = "/etc/buildkite-agent/hooks"
_HOOKS_PATH = re.compile(r"""^\s*hooks-path\s*=\s*["']?([^"'\s]+)["']?\s*$""", re.MULTILINE)


class Buildkite:
    """Variables for jobs on the host; plugins that start containers pass none of themselves."""

    name = "buildkite"

    def found(self, host: Host) -> bool:
        """Tell whether there are settings of the agent."""
        return host.has(_SETTINGS)

    def edits(self, host: Host, plan: Plan) -> Sequence[Edit]:  # noqa: ARG002 # the hook reads it
        """Return the lines of the hook, after what it has."""
        settings = host.path(_SETTINGS)
        found = _HOOKS_PATH.search(decode(settings, read(settings) or b""))
        hook = host.path(f"{found[1] if found else _DEFAULT}/environment")
        line = f"[ ! -r {VARIABLES} ] || . {VARIABLES}"
        return (
            Whole(host.path(VARIABLES), PROFILE.encode()),
            ScriptBlock(hook, (line,), mode=0o755),
        )

    def reload(self, host: Host) -> Sequence[Command]:  # noqa: ARG002 # read before each job
        """Return nothing."""
        return ()
