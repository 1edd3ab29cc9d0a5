"""
The service: probes the appliance, and leads jobs to it or past it.

It never ends by itself. What it cannot change it tries again; what it cannot read it waits for.
"""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from cellar_runner import routing
from cellar_runner.guard.breaker import INTERVAL
from cellar_runner.guard.memory import Memory, read_memory, write_memory, write_quickly
from cellar_runner.guard.metrics import exposition
from cellar_runner.guard.notifying import notify
from cellar_runner.guard.probing import Prober, Verdict, Way, way_of
from cellar_runner.guard.reporting import UNIT
from cellar_runner.refusal import Refusal
from cellar_runner.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from cellar_runner.converging import Outcome
    from cellar_runner.host import Host
    from cellar_runner.routing import State
    from cellar_runner.settings import Settings

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
# Seconds. A change may run commands that take their time, and the watchdog has to bear that.
_WATCHDOG = 20
_WATCHDOG_FOR_CHANGES = 600
# Seconds between two metric files of which the second says nothing new.
_METRICS = 15.0
# Seconds until what could not be changed is tried again.
_AGAIN = 30.0
_SYSTEMCTL_SECONDS = 10


class Guard:
    """
    The guard of one host; `turn` is one probe and what follows from it.

    `probe` replaces the network in tests, `clock` the clock that never goes back.
    """

    def __init__(
        self,
        host: Host,
        probe: Callable[[Way], Verdict] | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Begin with what the guard before this one knew."""
        self._host = host
        self._probe = probe or _Probes()
        self._clock = clock or (lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
        memory = read_memory(host) or Memory()
        self.memory = replace(memory, breaker=memory.breaker.restarted(), ended=None)
        self._said: dict[str, str] = {}
        self._metrics_at = float("-inf")
        self._shown: tuple[bool, bool] | None = None
        self._again_at: float | None = None
        self._begun = False

    def turn(self) -> None:
        """Probe once, and lead jobs where they should go; raises nothing."""
        try:
            settings = read_settings(self._host)
            state = self._state()
            if not self._begun:
                state = self._begin(settings, state)
            self._decide(settings, state)
        except (Refusal, OSError) as error:
            self._say("change", f"{error}.")

    def _state(self) -> State:
        state = routing.read_state(self._host)
        if state is None:
            raise Refusal(f"{self._host.path(routing.STATE)} is missing or damaged")
        return state

    def _begin(self, settings: Settings, state: State) -> State:
        """Take the routes away that were left from before the host started: nobody has probed."""
        boot = self._host.path(_BOOT_ID).read_text().strip()
        left = state.guard.get("boot") not in {None, boot}
        if left and state.routed and settings.fail == "open":
            self._route(to=False, why="the host has started, and nothing is known yet")
        if state.guard.get("boot") != boot:
            with routing.locked(self._host):
                routing.write_state(self._host, replace(self._state(), guard={"boot": boot}))
        state = self._state()
        self._set(breaker=replace(self.memory.breaker, routed=state.routed))
        self._begun = True
        return state

    def _decide(self, settings: Settings, state: State) -> None:
        if state.paused:
            self._set(breaker=self.memory.breaker.stopped(), comes_back=None)
            if state.routed:
                self._route(to=False, why="paused")
        else:
            verdict = self._probe(way_of(self._host, settings, state.mode))
            self._hear(verdict)
            self._follow(settings, verdict)
        self._publish(settings)

    def _hear(self, verdict: Verdict) -> None:
        now, wall = self._clock(), time.time()
        before = self.memory.breaker
        breaker = before.heard(well=verdict.well, now=now)
        then = breaker.restored_at(now)
        self._set(
            breaker=breaker,
            probed=wall,
            trouble=verdict.trouble,
            seconds=round(verdict.seconds, 4),
            certificate_end=verdict.certificate_end or self.memory.certificate_end,
            comes_back=None if then is None else wall + then - now,
            withdrawals=self.memory.withdrawals + (before.routed and not breaker.routed),
            failed_probes=self.memory.failed_probes + (not verdict.well),
        )
        self._say("probe", verdict.trouble or "The appliance is well.")

    def _follow(self, settings: Settings, verdict: Verdict) -> None:
        """Lead jobs where the breaker wants them, unless somebody has a hand on them."""
        state = self._state()
        if state.paused:
            return
        wanted = settings.fail == "closed" or self.memory.breaker.routed
        if state.routed != wanted:
            if settings.fail == "closed":
                why = "cellar_runner_fail is closed"
            else:
                why = verdict.trouble.rstrip(".") or "the appliance is well"
            self._route(to=wanted, why=why)
        elif self._again_at is not None and self._clock() >= self._again_at:
            self._route(to=wanted, why=state.why)

    def _route(self, *, to: bool, why: str) -> None:
        notify("WATCHDOG=1", f"WATCHDOG_USEC={_WATCHDOG_FOR_CHANGES * 10**6}")
        outcome: Outcome = routing.set_routed(self._host, to, why)
        notify("WATCHDOG=1", f"WATCHDOG_USEC={_WATCHDOG * 10**6}")
        where = "through the appliance" if to else "directly to PyPI"
        _log(f"Jobs go {where}: {why}.")
        for failure in outcome.failures:
            _log(f"{failure}.")
        self._again_at = self._clock() + _AGAIN if outcome.failures else None
        self._said.pop("change", None)

    def _publish(self, settings: Settings) -> None:
        self._set(at=time.time())
        write_memory(self._host, self.memory)
        now, state = self._clock(), self._state()
        changed = (state.routed, state.paused) != self._shown
        if not changed and now - self._metrics_at < _METRICS:
            return
        self._shown = state.routed, state.paused
        text = exposition(settings, state, self.memory)
        try:
            write_quickly(self._host.path(str(settings.metrics_file)), text, 0o644)
        except OSError as error:
            self._say("metrics", f"{settings.metrics_file} cannot be written: {error.strerror}.")
        self._metrics_at = now

    def _set(self, **values: object) -> None:
        self.memory = replace(self.memory, **values)  # type: ignore[arg-type] # of the class

    def _say(self, about: str, sentence: str) -> None:
        """Write a sentence to the journal, unless it was the last one about this."""
        if sentence != self._said.get(about):
            self._said[about] = sentence
            self._metrics_at = float("-inf")
            _log(sentence)


class _Probes:
    """Probes by a way; what was made for it is kept as long as it stays the same."""

    def __init__(self) -> None:
        self._way: Way | None = None
        self._prober: Prober | None = None

    def __call__(self, way: Way) -> Verdict:
        """Return how the appliance is."""
        if self._prober is None or way != self._way:
            self._way, self._prober = way, Prober(way)
        return self._prober.probe()


def serve(host: Host) -> int:
    """Be the service until SIGTERM; what jobs find then stays as it is."""
    stopping = _Stopping()
    guard = Guard(host)
    ready = False
    while not stopping:
        begun = time.monotonic()
        guard.turn()
        notify("WATCHDOG=1", *(() if ready else ("READY=1",)), f"STATUS={_status(guard)}")
        ready = True
        stopping.wait(begun + INTERVAL - time.monotonic())
    notify("STOPPING=1")
    return 0


def stopped(host: Host) -> int:
    """
    Take jobs off an appliance that nobody guards any more; run after each end of the service.

    Not if it comes back: after a crash, and in a restart.
    """
    if not _stays_away():
        return 0
    memory = read_memory(host)
    if memory is not None:
        write_memory(host, replace(memory, ended=time.time()))
    settings, state = read_settings(host), routing.read_state(host)
    if settings.fail == "closed" or state is None or not state.routed:
        return 0
    outcome = routing.set_routed(host, False, "the guard was stopped")  # noqa: FBT003 # its own
    for failure in outcome.failures:
        _log(f"{failure}.")
    return 1 if outcome.failures else 0


def _stays_away() -> bool:
    """Tell whether the service is being stopped for good: systemd has such a job then."""
    command = ["systemctl", "list-jobs", "--no-legend", "--plain", UNIT]
    try:
        done = subprocess.run(  # noqa: S603 # the command is our own
            command,
            capture_output=True,
            text=True,
            timeout=_SYSTEMCTL_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return True  # nobody knows, and a route that nobody guards is the worse end
    jobs = [line.split() for line in done.stdout.splitlines()]
    return any(job[1:3] == [UNIT, "stop"] for job in jobs)


def _status(guard: Guard) -> str:
    memory = guard.memory
    return memory.trouble or ("The appliance is well." if memory.probed else "Nothing is known.")


class _Stopping:
    """Whether SIGTERM or SIGINT has come. A signal ends a wait, and nothing else."""

    def __init__(self) -> None:
        self._came = False
        self._receiver, sender = socket.socketpair()
        for end in (self._receiver, sender):
            end.setblocking(False)  # noqa: FBT003 # it has no name
        signal.set_wakeup_fd(sender.detach())
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._come)

    def _come(self, *_: object) -> None:
        self._came = True

    def __bool__(self) -> bool:
        return self._came

    def wait(self, seconds: float) -> None:
        """Return after so many seconds, or when a signal comes."""
        if not self._came and seconds > 0:
            select.select([self._receiver], [], [], seconds)


def _log(sentence: str) -> None:
    """Write a line to the journal."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
