"""All targets, in the order in which they are told to use the appliance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellar_runner.targets.agents import Drone, Woodpecker
from cellar_runner.targets.buildkite import Buildkite
from cellar_runner.targets.containerd import Containerd
from cellar_runner.targets.docker import Docker
from cellar_runner.targets.github import GitHub
from cellar_runner.targets.gitlab import GitLab
from cellar_runner.targets.jenkins import Jenkins
from cellar_runner.targets.pdm import Pdm
from cellar_runner.targets.pip import Pip
from cellar_runner.targets.podman import Podman
from cellar_runner.targets.shell import Shell
from cellar_runner.targets.uv import Uv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellar_runner.targets.target import Target

# Those that start containers, or programs that do: there a hosts file is not enough.
CONTAINER_TARGETS: Sequence[Target] = (
    Podman(),
    Docker(),
    Containerd(),
    GitLab(),
    GitHub(),
    Woodpecker(),
    Drone(),
)

# The shell last: it carries the routes of all shells, which need what the others wrote.
TARGETS: Sequence[Target] = (
    *CONTAINER_TARGETS,
    Buildkite(),
    Jenkins(),
    Pip(),
    Uv(),
    Pdm(),
    Shell(),
)
