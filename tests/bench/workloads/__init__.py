"""The workloads. Each one asks, counts, and leaves its values in the samples; rounds alternate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.workloads.bench import Bench
from bench.workloads.files import cold_file, cold_tail, warm_file
from bench.workloads.million import million_objects
from bench.workloads.pages import burst, cold_page, expired_page, warm_page
from bench.workloads.verifying import verifying

if TYPE_CHECKING:
    from collections.abc import Callable

WORKLOADS: dict[str, Callable[[Bench], None]] = {
    "warm": warm_page,
    "cold": cold_page,
    "burst": burst,
    "expired": expired_page,
    "cold-file": cold_file,
    "warm-file": warm_file,
    "cold-tail": cold_tail,
    "verifying": verifying,
    "million": million_objects,
}

__all__ = ["WORKLOADS", "Bench"]
