"""The memory of the appliance around a workload."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench import counters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.workloads.bench import Bench

UNITS = {"nginx": "nginx.service", "rewriter": "cellar-rewriter.service"}


@contextmanager
def memory_of(bench: Bench, workload: str) -> Iterator[None]:
    """Measure the memory of nginx and rewriter before a block and after it, and peaks in it."""
    machine = bench.site.appliance
    processes = {name: machine.processes(unit) for name, unit in UNITS.items()}
    before = {name: counters.resident_bytes(pids) for name, pids in processes.items()}
    for pids in processes.values():
        counters.forget_peaks(pids)
    yield
    for name, unit in UNITS.items():
        pids = machine.processes(unit)
        values = {
            (f"{name}'s memory at rest", "MB"): before[name] / 1e6,
            (f"{name}'s memory afterwards", "MB"): counters.resident_bytes(pids) / 1e6,
            (f"{name}'s memory peak", "MB"): counters.peak_bytes(pids) / 1e6,
        }
        bench.samples.add(workload, "cellar", values)
