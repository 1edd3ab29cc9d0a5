"""What went through the appliance: since ever, and lately."""

from dataclasses import dataclass
from pathlib import Path

from cellar.traffic import Sum, Traffic, TrafficError
from cellar.traffic.adding import NO_ANSWER

_HOUR = 3600
# What the counter calls requests to upstream that failed.
FAILED = {"5xx", NO_ANSWER}


@dataclass(frozen=True, slots=True)
class Lately:
    """
    What went through since a full hour, `since`, that is between one and two hours ago.

    Requests, bytes of answers, the share of answers that came from the cache (None if there was
    none that could have), and of upstream requests, those that failed, and bytes.
    """

    since: float
    requests: int
    bytes: int
    hit_ratio: float | None
    fetches: int
    failed: int
    fetched: int


@dataclass(frozen=True, slots=True)
class Passed:
    """
    What the engine's logs add up to.

    `counted` is when they were read last, in seconds since 1970. Sums of `served` have door, kind,
    cache, status and why for a key, those of `fetched` host, kind and status; both only grow, as
    does the count of `unreadable` lines.
    """

    counted: float
    unreadable: int
    served: tuple[Sum, ...]
    fetched: tuple[Sum, ...]
    lately: Lately


def passed(directory: Path, when: float) -> Passed | None:
    """Return what has gone through by the time `when`; None if nothing has been counted yet."""
    since = when // _HOUR * _HOUR - _HOUR
    try:
        with Traffic.opened(directory) as traffic:
            served, fetched = traffic.totals()
            (total,) = traffic.served(since, when + 1)
            by_status = traffic.fetched(since, when + 1, ("status",))
            lately = Lately(
                since,
                total.requests,
                total.bytes,
                traffic.hit_ratio(since, when + 1),
                sum(each.requests for each in by_status),
                sum(each.requests for each in by_status if each.key[0] in FAILED),
                sum(each.bytes for each in by_status),
            )
            return Passed(
                traffic.counted, traffic.unreadable, tuple(served), tuple(fetched), lately
            )
    except TrafficError:
        return None
