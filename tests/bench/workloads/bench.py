"""What all workloads have: who is up, where values go, rounds, and a machine that is quiet."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from bench import counters
from bench.pages import LARGE, page
from bench.subjects import Subject, cellar, peers, static_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.machine import Machine
    from bench.rows import Samples
    from bench.site import Site
    from fakepypi.publication import PublishedFile

LARGE_PROJECT = "large"
_PROJECTS = 20  # with files, a round
_LONGEST_LOAD = 150  # seconds; no load goes on for longer, whatever happens
# A round waits until the rest of the machine is as quiet as that, but not for ever.
_QUIET_CORES, _LISTENING, _LONGEST_WAIT = 0.2, 0.5, 20.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Bench:
    """What the workloads share."""

    site: Site
    samples: Samples
    rounds: int
    say: Callable[[str], None]
    warm_subjects: tuple[Subject, ...] = field(default=())
    files: Iterator[int] = field(default_factory=count)

    def publish(self, project: str, files: int) -> None:
        """Publish a page at upstream."""
        upstream = self.site.upstream
        body = page(project, files, upstream.files_host, upstream.index_host)
        upstream.publish_page(project, body)

    def publish_file(self, size: int) -> PublishedFile:
        """Publish a file of so many bytes at upstream, one that nobody has and no other is like."""
        project = f"files{next(self.files)}"
        return self._publish_file(project, "1", size)

    def _publish_file(self, project: str, version: str, size: int) -> PublishedFile:
        filename = f"{project}-{version}-py3-none-any.whl"
        return self.site.upstream.publish(
            project, version, kind="blob", filename=filename, size=size
        )

    def subjects(self) -> tuple[Subject, ...]:
        """Return all who serve warm pages: cellar, static file, proxpi, devpi; started once."""
        if not self.warm_subjects:
            self.say("Starting the static file's nginx, proxpi and devpi")
            self.publish(LARGE_PROJECT, LARGE)
            # devpi knows no project that was not there when it first looked.
            for number in range(_PROJECTS + _PROJECTS * self.rounds):
                self._publish_file(f"files{number}", "0", 1)
            static = static_file(self.site, LARGE_PROJECT)
            self.warm_subjects = (cellar(self.site), static, *peers(self.site, LARGE_PROJECT))
        return self.warm_subjects

    def each_round(self, workload: str) -> Iterator[int]:
        """Yield the numbers of the rounds; 0 is the warm-up, which is not counted."""
        for number in range(self.rounds + 1):
            counted = f"round {number} of {self.rounds}" if number else "warm-up"
            self.say(f"{workload}: {counted}")
            yield number


def wait_for_quiet() -> None:
    """Return when little else goes on on this machine, or when that has taken too long."""
    deadline = time.monotonic() + _LONGEST_WAIT
    while time.monotonic() < deadline:
        before = _busy_seconds()
        time.sleep(_LISTENING)
        if (_busy_seconds() - before) / _LISTENING < _QUIET_CORES:
            return


@contextmanager
def processor_shares(machine: Machine) -> Iterator[dict[tuple[str, str], float]]:
    """Yield what will hold, after the block, how many processors were busy for whom in it."""
    shares: dict[tuple[str, str], float] = {}
    processes = machine.processes()
    before = counters.processor_seconds(processes), _generator_seconds(), _busy_seconds()
    start = time.perf_counter()
    yield shares
    seconds = time.perf_counter() - start
    after = counters.processor_seconds(processes), _generator_seconds(), _busy_seconds()
    own, generator, busy = ((b - a) / seconds for a, b in zip(before, after, strict=True))
    shares["processors: subject", "cores"] = own
    shares["processors: load generator", "cores"] = generator
    shares["processors: everything else", "cores"] = max(0.0, busy - own - generator)


def _generator_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _busy_seconds() -> float:
    return counters.busy_seconds(_TICKS)


def run_load(machine: Machine, command: list[str]) -> str:
    """
    Run the load generator in the network of a container and return what it says.

    Raises:
        subprocess.TimeoutExpired: it did not stop by itself.

    """
    done = subprocess.run(
        machine.inside_its_network(command),
        capture_output=True,
        text=True,
        timeout=_LONGEST_LOAD,
        check=False,
    )
    return done.stdout + done.stderr
