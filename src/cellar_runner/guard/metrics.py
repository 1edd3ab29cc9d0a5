"""
The guard's metrics, in Prometheus' text format, for node_exporter's textfile collector.

What is not known has no sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cellar_runner.guard.memory import Memory
    from cellar_runner.routing import State
    from cellar_runner.settings import Settings


def exposition(settings: Settings, state: State, memory: Memory) -> str:
    """Return the metrics of a host."""
    labels = {"mode": str(state.mode), "appliance": settings.server_name, "fail": settings.fail}
    known = bool(memory.probed)
    samples: list[tuple[str, str, str, float | None]] = [
        ("info", "gauge", "How jobs reach which appliance.", 1),
        ("routed", "gauge", "Whether jobs use the appliance.", state.routed),
        ("since_timestamp_seconds", "gauge", "When that changed last.", state.since),
        ("paused", "gauge", "Whether an operator leads jobs past the appliance.", state.paused),
        ("guard_timestamp_seconds", "gauge", "When the guard last had a turn.", memory.at),
        (
            "appliance_up",
            "gauge",
            "Whether the last probe found the appliance well.",
            not memory.trouble if known else None,
        ),
        (
            "probe_timestamp_seconds",
            "gauge",
            "When the appliance was last probed.",
            memory.probed if known else None,
        ),
        (
            "probe_seconds",
            "gauge",
            "How long that took.",
            memory.seconds if known else None,
        ),
        (
            "certificate_end_timestamp_seconds",
            "gauge",
            "When the first certificate of the doors ends.",
            memory.certificate_end or None,
        ),
        (
            "failed_probes_total",
            "counter",
            "Probes that found the appliance unwell, since the host started.",
            memory.failed_probes,
        ),
        (
            "withdrawals_total",
            "counter",
            "How often jobs were taken off the appliance, since the host started.",
            memory.withdrawals,
        ),
    ]
    lines = []
    for name, kind, text, value in samples:
        if value is None:
            continue
        of = _labels(labels) if name == "info" else ""
        lines += [
            f"# HELP cellar_runner_{name} {text}",
            f"# TYPE cellar_runner_{name} {kind}",
            f"cellar_runner_{name}{of} {float(value)!r}",
        ]
    return "\n".join([*lines, ""])


def _labels(values: dict[str, str]) -> str:
    """Return labels; none of the values has a quote, a backslash or a line end."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in values.items()) + "}"
