"""All targets, in the order in which they are told to use the appliance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellar_runner.targets.pdm import Pdm
from cellar_runner.targets.pip import Pip
from cellar_runner.targets.shell import Shell
from cellar_runner.targets.uv import Uv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellar_runner.targets.target import Target

# Those that start containers, or programs that do: there a hosts file is not enough.
CONTAINER_TARGETS: Sequence[Target] = ()

# The shell last: it carries the routes of all shells, which need what the others wrote.
TARGETS: Sequence[Target] = (*CONTAINER_TARGETS, Pip(), Uv(), Pdm(), Shell())
