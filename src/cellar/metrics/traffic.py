"""The metrics of what goes through the appliance."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from cellar.status import FAILED, Passed
from cellar.traffic import Sum, Why, outcome

# What a sum has in common, in the words of labels.
Labels = Callable[[Sum], tuple[str, ...]]


def traffic(passed: Passed | None) -> Iterator[Metric]:
    """Yield the metrics of what has gone through; without a sample if nothing was counted yet."""
    text = "When the logs were counted last, 0 for never."
    counted = GaugeMetricFamily("cellar_traffic_timestamp_seconds", text)
    counted.add_metric([], passed.counted if passed else 0)
    yield counted
    served = passed.served if passed else ()
    labels = ("door", "kind", "outcome", "status")
    text = "Requests of clients, by what they mean for the cache (hit, miss, neither)."
    yield _counter("requests", text, labels, _requests(served, _told_apart))
    text = "Bytes of answers to clients; those of hits were saved."
    yield _counter("served_bytes", text, labels[:3], _bytes(served, lambda s: _told_apart(s)[:3]))
    text = "Requests that have nothing to do with the cache, by the reason."
    uncached = [each for each in served if each.key[4] != Why.NOT]
    yield _counter("uncached_requests", text, ("reason",), _requests(uncached, _reason))
    fetched = passed.fetched if passed else ()
    text = "Requests to upstream hosts."
    yield _counter("upstream_requests", text, ("host", "kind"), _requests(fetched, _of_host))
    text = "Requests to upstream hosts without an answer, or with one of the server's errors."
    failed = [each for each in fetched if each.key[2] in FAILED]
    yield _counter("upstream_errors", text, ("host", "kind"), _requests(failed, _of_host))
    text = "Bytes of content that came from upstream hosts."
    yield _counter("upstream_bytes", text, ("host", "kind"), _bytes(fetched, _of_host))
    text = "Lines of the logs that could not be read."
    lines = Counter[tuple[str, ...]]({(): passed.unreadable} if passed else {})
    yield _counter("unreadable_log_lines", text, (), lines)


def _told_apart(each: Sum) -> tuple[str, ...]:
    door, kind, cache, status, why = map(str, each.key)
    return door, kind, outcome(kind, cache, status, why), status


def _reason(each: Sum) -> tuple[str, ...]:
    return (str(each.key[4]),)


def _of_host(each: Sum) -> tuple[str, ...]:
    return str(each.key[0]), str(each.key[1])


def _requests(sums: Iterable[Sum], labels: Labels) -> Counter[tuple[str, ...]]:
    counts: Counter[tuple[str, ...]] = Counter()
    for each in sums:
        counts[labels(each)] += each.requests
    return counts


def _bytes(sums: Iterable[Sum], labels: Labels) -> Counter[tuple[str, ...]]:
    counts: Counter[tuple[str, ...]] = Counter()
    for each in sums:
        counts[labels(each)] += each.bytes
    return counts


def _counter(
    name: str, text: str, labels: Iterable[str], counts: Counter[tuple[str, ...]]
) -> Metric:
    family = CounterMetricFamily(f"cellar_{name}", text, labels=list(labels))
    for key, count in counts.items():
        family.add_metric(key, count)
    return family
