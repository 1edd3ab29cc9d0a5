"""
Woodpecker and Drone: agents that start containers and read their variables when they start.

What they are given is constant for that reason: the payload as a volume, and where a variable for
all steps can be set, the certificates. A proxy would stay while the appliance is away, so there is
none; pip follows the guard by its settings file, which is a volume.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cellar_runner.edits.env_list import EnvList
from cellar_runner.edits.text import decode
from cellar_runner.files import read
from cellar_runner.targets.carrying import MOUNTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cellar_runner.edits.edit import Edit
    from cellar_runner.host import Host
    from cellar_runner.plan import Plan
    from cellar_runner.targets.target import Command

_ENVIRONMENT_FILE = re.compile(r"^EnvironmentFile=-?(/\S+)$", re.MULTILINE)


class Woodpecker:
    """The volumes of all steps of an agent that starts them by Docker."""

    name = "woodpecker"
    _file = "/etc/woodpecker/woodpecker-agent.env"  # of Woodpecker's own packages

    def found(self, host: Host) -> bool:
        """Tell whether there is a file with the agent's variables."""
        return host.has(self._file)

    def edits(self, host: Host, plan: Plan) -> Sequence[Edit]:  # noqa: ARG002 # constant
        """Return the volumes."""
        path = host.path(self._file)
        return (EnvList(path, "WOODPECKER_BACKEND_DOCKER_VOLUMES", MOUNTS),)

    def reload(self, host: Host) -> Sequence[Command]:  # noqa: ARG002 # a restart may end jobs
        """Return nothing: the agent has it from its next start."""
        return ()


class Drone:
    """The volumes and certificates of all steps of a runner that starts them by Docker."""

    name = "drone"

    def found(self, host: Host) -> bool:
        """Tell whether a service of the runner reads its variables from a file."""
        return bool(_drone_files(host))

    def edits(self, host: Host, plan: Plan) -> Sequence[Edit]:
        """Return the volumes and the certificates."""
        trust = tuple(f"{name}:{value}" for name, value in plan.trust.items())
        edits: list[Edit] = []
        for path in _drone_files(host):
            edits.append(EnvList(path, "DRONE_RUNNER_VOLUMES", MOUNTS))
            if trust:
                edits.append(EnvList(path, "DRONE_RUNNER_ENVIRON", trust, named=":"))
        return edits

    def reload(self, host: Host) -> Sequence[Command]:  # noqa: ARG002 # a restart may end jobs
        """Return nothing: the runner has it from its next start."""
        return ()


def _drone_files(host: Host) -> list[Path]:
    """Return the files of variables of the services of Drone's Docker runner."""
    found = []
    for unit in sorted(host.path("/etc/systemd/system").glob("drone-runner-docker*.service")):
        for name in _ENVIRONMENT_FILE.findall(decode(unit, read(unit) or b"")):
            path = host.path(name)
            if path.is_file() and path not in found:
                found.append(path)
    return found
