"""The shape of a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellar_runner.edits.edit import Edit
    from cellar_runner.host import Host
    from cellar_runner.plan import Plan


@dataclass(frozen=True, slots=True)
class Command:
    """What is run after files have changed; `why` ends the sentence that says that it failed."""

    arguments: tuple[str, ...]
    why: str


class Target(Protocol):
    """One thing on a host that reads its settings from files."""

    @property
    def name(self) -> str:
        """The name in settings and reports."""

    def found(self, host: Host) -> bool:
        """Tell whether it is on this host."""

    def edits(self, host: Host, plan: Plan) -> Sequence[Edit]:
        """Return what its files need under this plan; nothing where they need nothing."""

    def reload(self, host: Host) -> Sequence[Command]:
        """Return what makes it read its files again, without ending a job."""


@runtime_checkable
class Constant(Protocol):
    """
    A target that is the same whether jobs are routed or not.

    The guard does not ask it, since it has no time for what such a target may have to find out; and
    the payload goes after it has read its files again, since it names the payload from its start.
    """

    @property
    def constant(self) -> bool:
        """True; it is there to tell these from others."""


@runtime_checkable
class Holding(Protocol):
    """A target whose processes may need our files for a while after they are named no more."""

    def release(self, host: Host) -> None:
        """Raise Refusal while there is a process that would fail without our files."""
