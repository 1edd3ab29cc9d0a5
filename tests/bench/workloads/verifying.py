"""What it costs to prove the cache: objects a second, and what clients lose of a warm file."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.downloads import Downloads, Load
from bench.workloads.bench import processor_shares, run_load, wait_for_quiet
from failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.machine import Machine
    from bench.workloads.bench import Bench

MB = 1_000_000
WORKLOAD = "verifying"
# Small files are what most of a cache's objects are, large ones most of its bytes.
SMALL, SMALL_SIZE = 2_000, 40_000
LARGE, LARGE_SIZE = 16, 64 * MB
CONNECTIONS, SECONDS = 8, 5

_UNIT = "cellar-verifier.service"
_TIMER = "cellar-verifier.timer"
_ASKING = 4  # at once, to fill the cache
# As the unit does it, but for the report, and for the processor time that it took.
_MEASURED = """
import json, resource, subprocess
done = subprocess.run(["cellar", "verify", "--all", "--json"], capture_output=True, check=True)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps(json.loads(done.stdout) | {"processor": usage.ru_utime + usage.ru_stime}))
"""


def verifying(bench: Bench) -> None:
    """Prove a cache of small files, then of large ones too, then while clients read a warm file."""
    machine = bench.site.appliance
    with _without_timer(machine):
        bench.say(f"{WORKLOAD}: {SMALL:,} small files and {LARGE} large ones, to fill the cache")
        _fill(bench, SMALL, SMALL_SIZE)
        for number in bench.each_round(f"{WORKLOAD}, small files"):
            _prove(bench, "small files", number)
        warm = _fill(bench, LARGE, LARGE_SIZE)
        for number in bench.each_round(f"{WORKLOAD}, large files"):
            _prove(bench, "large files", number)
        load = Load("127.0.0.1", 443, bench.site.server_name, warm, CONNECTIONS, seconds=SECONDS)
        for number in bench.each_round(f"{WORKLOAD}, warm file beside"):
            for busy in (True, False) if number % 2 else (False, True):
                _beside(bench, load, number, busy=busy)


@contextmanager
def _without_timer(machine: Machine) -> Iterator[None]:
    machine.run("systemctl", "stop", _TIMER, _UNIT)
    yield
    machine.run("systemctl", "start", _TIMER)


def _fill(bench: Bench, count: int, size: int) -> str:
    """Bring so many files into the cache; return the path of one of them."""
    paths = [bench.publish_file(size).path for _ in range(count)]
    door = bench.site.door

    def ask(path: str) -> None:
        replace(door).ask(path).raise_for_status()

    with ThreadPoolExecutor(_ASKING) as pool:
        list(pool.map(ask, paths))
    return paths[-1]


def _prove(bench: Bench, what: str, number: int) -> None:
    """
    Prove everything, on an appliance that does nothing else.

    Raises:
        Failure: something was not proven.

    """
    wait_for_quiet()
    done = json.loads(bench.site.appliance.run("python3", "-c", _MEASURED))
    seconds = done["ended"] - done["started"]
    records = done["records"].get("proven", 0)
    if done["removed"] or done["due"] or records < (SMALL if what == "small files" else LARGE):
        raise Failure(f"the cache of {what} was not proven: {done}")
    if number:
        values = {
            ("records", "1/s"): records / seconds,
            ("bytes", "MB/s"): done["bytes"] / seconds / MB,
            ("processor", "cores"): done["processor"] / seconds,
            ("bytes for a second of a processor", "MB"): done["bytes"] / done["processor"] / MB,
        }
        bench.samples.add(f"{WORKLOAD}, {what}", "cellar", values)


def _beside(bench: Bench, load: Load, number: int, *, busy: bool) -> None:
    """
    Read a warm file, while the verifier works or while it does not.

    Raises:
        Failure: the verifier was through before the clients were.

    """
    machine = bench.site.appliance
    machine.run("rm", "-f", "/var/lib/cellar/verifier/records.sqlite")  # so that all is due
    wait_for_quiet()
    if busy:
        machine.run("systemctl", "start", "--no-block", _UNIT)
    with processor_shares(machine) as shares:
        done = Downloads.read(run_load(machine, load.command()))
    if busy:
        state = machine.run("systemctl", "show", "--value", "--property=ActiveState", _UNIT)
        machine.run("systemctl", "stop", _UNIT)
        if state.strip() != "activating":
            raise Failure(f"the verifier did not work as long as the clients did: it is {state}")
    if done.refused:
        raise Failure(f"the appliance did not answer all requests: {done}")
    if number:
        subject = "cellar, verifying" if busy else "cellar"
        values = {("bytes", "MB/s"): done.bytes / done.seconds / MB}
        bench.samples.add(f"{WORKLOAD}, warm file beside", subject, values | shares)
