"""What the operator sees: where jobs go, since when, why, and which files say so."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cellar_runner.certificates import days_left
from cellar_runner.guard.reporting import guard_document, guard_lines
from cellar_runner.journal import Store
from cellar_runner.planning import chosen_targets
from cellar_runner.refusal import Refusal
from cellar_runner.routing import STATE, State, read_state
from cellar_runner.settings import STATE_FOLDER, Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cellar_runner.host import Host


@dataclass(frozen=True, slots=True)
class Status:
    """
    All that is known of the host.

    `files` are those with entries of ours, with the targets that want them; `idle` are targets that
    were found and have none now; `under_way` tells that a run was killed. `guard` is what is known
    of the guard, and `guard_lines` the same in sentences.
    """

    settings: Settings
    state: State
    files: Mapping[str, tuple[str, ...]]
    idle: tuple[str, ...]
    under_way: bool
    guard: Mapping[str, Any] = field(default_factory=dict)
    guard_lines: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "routed": self.state.routed,
            "paused": self.state.paused,
            "since": self.state.since,
            "why": self.state.why,
            "mode": str(self.state.mode),
            "mode_why": self.state.mode_why,
            "address": self.settings.address,
            "server_name": self.settings.server_name,
            "certificate_days": days_left(self.settings.authorities),
            "guard": dict(self.guard),
            "files": {path: list(targets) for path, targets in self.files.items()},
            "idle_targets": list(self.idle),
            "interrupted": self.under_way,
        }

    def text(self) -> str:
        """Return it for people, a screen at most."""
        state = self.state
        where = "through the appliance" if state.routed else "directly to PyPI"
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(state.since))
        days = days_left(self.settings.authorities)
        lines = [
            f"Jobs go {where} since {since}: {state.why}.",
            *(["Paused: `cellar-runner resume` ends it."] if state.paused else []),
            *(f"Guard      {line}" for line in self.guard_lines),
            f"Mode       {state.mode}, because {state.mode_why}",
            f"Appliance  {self.settings.server_name} ({self.settings.address})",
            f"CA         {'public' if days is None else f'ends in {days} days'}",
            *(f"File       {path} ({', '.join(targets)})" for path, targets in self.files.items()),
            *(f"Target     {name}: nothing to write" for name in self.idle),
        ]
        if self.under_way:
            lines.append("A run was interrupted: `cellar-runner refresh` finishes it.")
        return "\n".join(lines)


def read_status(host: Host) -> Status:
    """
    Return the status of the host.

    Raises:
        Refusal: the program is not installed here, or its folder is damaged.

    """
    state = read_state(host)
    if state is None:
        raise Refusal(f"{host.path(STATE)} is missing: `cellar-runner apply` writes it")
    settings = read_settings(host)
    journal = Store(host.path(STATE_FOLDER)).load()
    files = {path: entry.targets for path, entry in journal.entries.items()}
    busy = {target for targets in files.values() for target in targets}
    found = [target.name for target in chosen_targets(host, settings)]
    return Status(
        settings,
        state,
        files,
        tuple(name for name in found if name not in busy),
        bool(journal.steps or journal.due),
        guard_document(host, time.time()),
        tuple(guard_lines(host, settings, state, time.time())),
    )
