"""What the kernel counts of processes: time on a processor, peaks of memory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process, as seen from this machine, and the control group that systemd put it in."""

    pid: int
    group: str


def processes_beside(pid: int, proc: Path = PROC) -> list[Process]:
    """Return the processes that share the PID namespace of `pid`: those of its container."""
    namespace = (proc / str(pid) / "ns/pid").readlink()
    found = []
    for place in proc.glob("[0-9]*"):
        try:
            if (place / "ns/pid").readlink() == namespace:
                found.append(Process(int(place.name), (place / "cgroup").read_text()))
        except OSError:  # it has ended meanwhile, or nobody may look at it
            continue
    return found


def alive(pids: list[int], proc: Path = PROC) -> list[int]:
    """Return those of the processes that have not ended."""
    return [pid for pid in pids if (proc / str(pid) / "status").exists()]


def processor_seconds(pids: list[int], proc: Path = PROC) -> float:
    """Return the processor time of processes and all their threads, exact to the nanosecond."""
    total = 0
    for pid in pids:
        for schedule in (proc / str(pid) / "task").glob("*/schedstat"):
            try:
                total += int(schedule.read_text().split()[0])
            except OSError:  # the thread has ended meanwhile
                continue
    return total / 1e9


def busy_seconds(ticks_per_second: int, proc: Path = PROC) -> float:
    """Return the time that all processors of this machine were not idle (proc(5), `stat`)."""
    line = (proc / "stat").read_text().splitlines()[0]
    user, nice, system, _idle, _waiting, irq, softirq, steal, *_ = map(int, line.split()[1:])
    return (user + nice + system + irq + softirq + steal) / ticks_per_second


def forget_peaks(pids: list[int], proc: Path = PROC) -> None:
    """Let the peaks of memory begin anew (proc(5), `clear_refs`)."""
    for pid in alive(pids, proc):
        (proc / str(pid) / "clear_refs").write_text("5\n")


def peak_bytes(pids: list[int], proc: Path = PROC) -> int:
    """
    Return the sum of the processes' peaks of resident memory (proc(5), VmHWM).

    It is too high rather than too low: pages that processes share count for each of them, and the
    peaks need not have been at one time. Processes that have ended count nothing.
    """
    total = 0
    for pid in alive(pids, proc):
        status = (proc / str(pid) / "status").read_text()
        match = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        if match:
            total += int(match[1]) * 1024
    return total


def resident_bytes(pids: list[int], proc: Path = PROC) -> int:
    """
    Return the resident memory of processes, exact: what some share counts once (proc(5), Pss).

    What is also shared with processes that are not among them counts in part.
    """
    total = 0
    for pid in pids:
        try:
            text = (proc / str(pid) / "smaps_rollup").read_text()
        except OSError:  # it has ended meanwhile
            continue
        match = re.search(r"^Pss:\s+(\d+) kB$", text, re.MULTILINE)
        if match:
            total += int(match[1]) * 1024
    return total
