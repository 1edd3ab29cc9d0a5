"""wrk, the load generator: its command lines, and what it says."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCRIPTS = Path(__file__).parent / "wrk"
_TIMEOUT = 30  # seconds for one answer

# What 1,000 connections need for their handshakes, one after the other, before the first one asks.
SETTLING = 4.0


@dataclass(frozen=True)
class Loop:
    """
    What came of asking again and again.

    `refused` are answers with a status of 400 or more, `broken` connections and time-outs. Times
    are in seconds.
    """

    answers: int
    bytes: int
    seconds: float
    refused: int
    broken: int
    median: float
    slowest: float


@dataclass(frozen=True)
class Once:
    """
    What came of asking once on each connection.

    `statuses` and `caches` (the X-Cache header, `-` if there is none) count answers. `asking` is
    the time from the first request to the last, `lasted` that to the last answer, in seconds.
    """

    asked: int
    broken: int
    median: float
    slowest: float
    asking: float
    lasted: float
    statuses: Mapping[str, int]
    caches: Mapping[str, int]

    @property
    def errors(self) -> int:
        """How many did not get a page."""
        return self.asked - self.statuses.get("200", 0)


@dataclass(frozen=True)
class Plan:
    """
    When is asked, in seconds.

    begin: from now to the first request; at least `SETTLING`.
    interval: from one request to the next.
    wait: how long the last answer is waited for: as long as pip waits, unless given.
    """

    begin: float = SETTLING
    interval: float = 0.0
    wait: float = 15.0


def loop_command(
    url: str, headers: Mapping[str, str], *, connections: int, seconds: int
) -> list[str]:
    """Return the command that asks for `url` on so many connections for so long."""
    return [*_command("loop.lua", connections, seconds, headers), url]


def once_command(
    origin: str, headers: Mapping[str, str], paths: Path, *, count: int, plan: Plan
) -> list[str]:
    """Return the command that asks for each path of the file `paths` once, each on a connection."""
    seconds = math.ceil(plan.begin + count * plan.interval + plan.wait)
    moments = [f"{plan.begin:.3f}", f"{plan.interval * 1000:g}"]
    return [*_command("once.lua", count, seconds, headers), origin, "--", *moments, str(paths)]


def read_loop(output: str) -> Loop:
    """
    Read what `loop_command` printed.

    Raises:
        ValueError: wrk did not come to its end.

    """
    said = _last_line(output)
    return Loop(
        answers=said["answers"],
        bytes=said["bytes"],
        seconds=said["microseconds"] / 1e6,
        refused=said["refused"],
        broken=said["broken"],
        median=said["median"] / 1e6,
        slowest=said["slowest"] / 1e6,
    )


def read_once(output: str) -> Once:
    """
    Read what `once_command` printed.

    Raises:
        ValueError: wrk did not come to its end.

    """
    said = _last_line(output)
    return Once(
        asked=said["asked"],
        broken=said["broken"],
        median=said["median"] / 1e6,
        slowest=said["slowest"] / 1e6,
        asking=said["milliseconds_asking"] / 1e3,
        lasted=said["milliseconds"] / 1e3,
        statuses=said["statuses"],
        caches=said["caches"],
    )


def _command(script: str, connections: int, seconds: int, headers: Mapping[str, str]) -> list[str]:
    # One thread: two would take both cores from those who are measured.
    command = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s"]
    command += [f"--timeout={_TIMEOUT}s", f"--script={_SCRIPTS / script}"]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    return command


def _last_line(output: str) -> dict[str, Any]:
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise ValueError(f"wrk said nothing that can be read: {output.strip()}")
    said: dict[str, Any] = json.loads(lines[-1])
    return said
