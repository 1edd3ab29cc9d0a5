"""
The metrics of an appliance.

Names follow Prometheus' own conventions: base units, and times as seconds since 1970, from which an
alert makes an age. What is not known has no sample; what never happened has the time 0.
"""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cellar import __version__
from cellar.metrics.traffic import traffic
from cellar.selftest.report import Status as Outcome
from cellar.status import Status, problems


def exposition(status: Status) -> str:
    """Return the metrics of an appliance with this status."""
    registry = CollectorRegistry()
    registry.register(_Appliance(status))
    return generate_latest(registry).decode()


class _Appliance(Collector):
    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        """Yield each family with its samples."""
        status = self._status
        yield from _itself(status)
        yield from _ups(status)
        yield from _certificates(status)
        yield from _verifier(status)
        yield from _zones(status)
        yield from _disk(status)
        yield from traffic(status.passed)


def _gauge(name: str, text: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(f"cellar_{name}", text)
    if value is not None:
        family.add_metric([], value)
    return family


def _gauges(name: str, text: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(f"cellar_{name}", text, labels=[label])
    for of, value in values:
        family.add_metric([of], value)
    return family


def _itself(status: Status) -> Iterator[Metric]:
    info = [(__version__, 1.0)]
    yield _gauges("info", "The version of Cellar.", "version", info)
    yield _gauge("metrics_timestamp_seconds", "When these metrics were taken.", status.when)
    text = "How many things need a hand; cellar status names them."
    yield _gauge("problems", text, len(problems(status)))


def _ups(status: Status) -> Iterator[Metric]:
    text = "Whether no check of a door has failed; doors are asked like a client asks."
    yield _gauges("door_up", text, "door", ((door.name, door.up) for door in status.doors))
    yield _gauge("rewriter_up", "Whether the rewriter answers.", _up(status, "rewriter"))
    yield _gauge("upstream_up", "Whether upstream answers.", _up(status, "upstream"))
    seconds = status.check("upstream").numbers.get("seconds")
    yield _gauge("upstream_response_seconds", "How long upstream took for a page.", seconds)
    text = "Whether the names of all upstream hosts can be resolved."
    yield _gauge("upstream_names_up", text, _up(status, "upstream names"))
    text = "When the names of upstream hosts were resolved last."
    yield _gauge("resolver_last_run_timestamp_seconds", text, status.resolved or 0)
    active = ((name, state == "active") for name, state in (status.units or {}).items())
    yield _gauges("unit_active", "Whether a unit of systemd is active.", "unit", active)


def _up(status: Status, check: str) -> float | None:
    outcome = status.check(check).status
    return None if outcome is Outcome.SKIP else float(outcome is Outcome.OK)


def _certificates(status: Status) -> Iterator[Metric]:
    ends = [(each.name, each.ends) for each in status.certificates]
    text = "When the certificate that is shown under a name ends."
    yield _gauges("certificate_end_timestamp_seconds", text, "name", ends)
    end = status.authority.ends if status.authority else None
    yield _gauge("ca_end_timestamp_seconds", "When the CA ends that clients trust.", end)


def _verifier(status: Status) -> Iterator[Metric]:
    verified = status.verified
    ended = verified.ended if verified else 0
    text = "When the verifier ended a run last, 0 for never."
    yield _gauge("verify_last_run_timestamp_seconds", text, ended)
    text = "What the last run of the verifier found, in records."
    records = verified.records.items() if verified else ()
    yield _gauges("verify_records", text, "outcome", records)
    text = "How many records are still to be verified."
    yield _gauge("verify_due_records", text, verified.due if verified else None)
    removed = CounterMetricFamily(
        "cellar_verify_removed_records", "Records that were wrong, and that the verifier removed."
    )
    removed.add_metric([], verified.removed_total if verified else 0)
    yield removed


def _zones(status: Status) -> Iterator[Metric]:
    zones = status.zones
    text = "What a zone of the cache takes of the disk."
    yield _gauges("zone_bytes", text, "zone", ((zone.name, zone.bytes) for zone in zones))
    text = "How many records a zone of the cache has."
    yield _gauges("zone_records", text, "zone", ((zone.name, zone.records) for zone in zones))
    text = "How much a zone of the cache may take of the disk."
    budgets = ((zone.name, zone.max_size) for zone in zones if zone.max_size)
    yield _gauges("zone_max_bytes", text, "zone", budgets)
    text = "When the zones were counted, which the verifier does at each run."
    yield _gauge("zones_timestamp_seconds", text, status.counted or 0)


def _disk(status: Status) -> Iterator[Metric]:
    disk = status.disk
    if disk is None:
        return
    yield _gauge("disk_size_bytes", "The size of the file system of the cache.", disk.size)
    yield _gauge("disk_free_bytes", "What is free on it.", disk.free)
    yield _gauge("disk_min_free_bytes", "What has to stay free on it.", disk.min_free)
    text = "Whether the engine stores anything; it does not while the disk is full."
    yield _gauge("stores", text, disk.stores)
