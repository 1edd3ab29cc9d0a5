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
    Return the memory that processes of one program hold: their own, and what they share, once.

    Shared memory counts as far as it was ever written to, whoever has it mapped now: proc(5) has
    Pss only of what a process has touched itself, and nginx's cache loader fills zones and ends.
    """
    own, shared = 0, {}
    for pid in pids:
        place = proc / str(pid)
        try:
            rollup = (place / "smaps_rollup").read_text()
            maps = (place / "maps").read_text()
        except OSError:  # it has ended meanwhile
            continue
        for kind in ("Anon", "File"):
            match = re.search(rf"^Pss_{kind}:\s+(\d+) kB$", rollup, re.MULTILINE)
            own += int(match[1]) * 1024 if match else 0
        for line in maps.splitlines():
            if line.endswith(" /dev/zero (deleted)"):
                memory = (place / "map_files" / line.split()[0]).stat()
                shared[memory.st_ino] = memory.st_blocks * 512
    return own + sum(shared.values())
