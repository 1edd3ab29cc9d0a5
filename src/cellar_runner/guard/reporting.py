"""What `cellar-runner status` says of the guard."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cellar_runner.guard.memory import read_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellar_runner.guard.memory import Memory
    from cellar_runner.host import Host
    from cellar_runner.routing import State
    from cellar_runner.settings import Settings

UNIT = "cellar-runner-guard.service"
# Seconds after a turn for which a guard can be busy: a probe, and what it has to change.
_BUSY = 30.0


def guard_runs(memory: Memory | None, now: float) -> bool:
    """Tell whether there is a guard that has had a turn lately, and was not stopped since."""
    return memory is not None and memory.ended is None and abs(now - memory.at) <= _BUSY


def guard_document(host: Host, now: float) -> dict[str, Any]:
    """Return what is known of the guard, for programs; `now` is in seconds since 1970."""
    memory = read_memory(host)
    if memory is None:
        return {"runs": False}
    known = {**asdict(memory), "well": bool(memory.probed) and not memory.trouble}
    return {"runs": guard_runs(memory, now), **{k: v for k, v in known.items() if k != "breaker"}}


def guard_lines(host: Host, settings: Settings, state: State, now: float) -> Sequence[str]:
    """Return sentences on the guard, for people; `now` is in seconds since 1970."""
    memory = read_memory(host)
    if memory is None or not guard_runs(memory, now):
        last = "" if memory is None else f", and did until {_clock(memory.ended or memory.at)}"
        return [f"The guard does not run{last}: `systemctl start {UNIT}`."]
    if state.paused:
        return ["The guard does not probe while paused."]
    lines = []
    if memory.probed:
        found = memory.trouble or f"The appliance is well; it answered in {memory.seconds:.2f} s."
        lines.append(f"{found} ({_clock(memory.probed)})")
    if settings.fail == "closed":
        lines.append("Jobs stay with it whatever happens (cellar_runner_fail: closed).")
    elif memory.comes_back is not None:
        lines.append(
            f"If all goes well from now on, jobs come back at {_clock(memory.comes_back)}."
        )
    return lines


def _clock(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))
