"""The numbers of a report."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cellar.report.span import Span, day_at
from cellar.traffic import Outcome, Sum, Traffic, Why, outcome

# A file that is fetched again within so many days would have been worth its space.
SOON = 30


class By(StrEnum):
    """What a report's rows can be told apart by."""

    DAY = "day"
    PROJECT = "project"
    KIND = "kind"
    DOOR = "door"
    UPSTREAM = "upstream"


_COLUMNS = {By.DAY: "start", By.UPSTREAM: "host"}
_OUTCOME = ("kind", "cache", "status", "why")


@dataclass(frozen=True, slots=True)
class Figures:
    """
    What clients got and what upstream sent for it; None is what the logs do not tell apart.

    `hits` and `misses` are the answers that came from the cache and that did not, of those that the
    cache can have a part in. Bytes are of bodies.
    """

    requests: int | None = 0
    hits: int | None = 0
    misses: int | None = 0
    served: int | None = 0
    fetches: int | None = 0
    fetched: int | None = 0

    @property
    def saved(self) -> int | None:
        """
        The bytes that clients got less those that upstream sent.

        It is negative where more was fetched than served, as for a client that reads the beginning
        of a file whose first slice is fetched whole.
        """
        if self.served is None or self.fetched is None:
            return None
        return self.served - self.fetched

    @property
    def hit_ratio(self) -> float | None:
        """The share of answers that came from the cache, from 0 to 1."""
        if self.hits is None or self.misses is None or not self.hits + self.misses:
            return None
        return self.hits / (self.hits + self.misses)

    def __add__(self, other: "Figures") -> "Figures":
        """Add figures up."""
        return Figures(
            _sum(self.requests, other.requests),
            _sum(self.hits, other.hits),
            _sum(self.misses, other.misses),
            _sum(self.served, other.served),
            _sum(self.fetches, other.fetches),
            _sum(self.fetched, other.fetched),
        )


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of what has `name` in common; "" is all that has no row of its own."""

    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class NotCached:
    """Answers that did not come from the cache and did not go into it, and what said so."""

    why: str
    rule: str
    requests: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Table:
    """Rows by one thing, and how many more there were (their sum is the row without a name)."""

    by: By
    rows: list[Row] = field(default_factory=list)
    left_out: int = 0


def total(traffic: Traffic, span: Span) -> Figures:
    """Return the figures of a span of time."""
    return _rows(traffic, span, "", "").get("", Figures())


def table(traffic: Traffic, span: Span, by: By, top: int | None = None) -> Table:
    """Return figures by one thing: every day of a span, or the `top` others by what they got."""
    column = _COLUMNS.get(by, by.value)
    served = column if by is not By.UPSTREAM else None
    fetched = column if by is not By.DOOR else None
    found = _rows(traffic, span, served, fetched)
    if by is By.DAY:
        days: dict[str, Figures] = {str(day): Figures() for day in span.days}
        for start, figures in found.items():
            day = str(day_at(int(start)))
            days[day] += figures
        return Table(by, [Row(day, figures) for day, figures in days.items()])
    rest = found.pop("", None)
    ranked = sorted(found.items(), key=lambda item: (-_weight(item[1]), item[0]))
    rows = [Row(str(name), figures) for name, figures in ranked[:top]]
    left_out = ranked[len(rows) :]
    for _, figures in left_out:
        rest = figures if rest is None else rest + figures
    if rest is not None:
        rows.append(Row("", rest))
    return Table(by, rows, len(left_out))


def not_cached(traffic: Traffic, span: Span) -> list[NotCached]:
    """Return why what was not cached, by falling bytes and requests."""
    found = [
        NotCached(str(each.key[0]), str(each.key[1]), each.requests, each.bytes)
        for each in traffic.served(span.begins, span.ends, ("why", "rule"))
        if each.key[0] != Why.NOT
    ]
    soon = [each for each in traffic.again(span.begins, span.ends) if each.days <= SOON]
    if soon:
        requests, count = sum(each.requests for each in soon), sum(each.bytes for each in soon)
        found.append(NotCached(EVICTED, "", requests, count))
    return sorted(found, key=lambda each: (-each.bytes, -each.requests, each.why, each.rule))


#: Beside the words of `Why`: what was stored, and had to be fetched again.
EVICTED = "evicted soon"


def _rows(
    traffic: Traffic, span: Span, served: str | None, fetched: str | None
) -> dict[str | int, Figures]:
    """Return figures by a column of each table; "" is none, and None is not told apart."""
    within = span.begins, span.ends
    rows: dict[str | int, Figures] = {}
    nothing = Figures(
        **dict.fromkeys(
            ("requests", "hits", "misses", "served"), 0 if served is not None else None
        ),
        **dict.fromkeys(("fetches", "fetched"), 0 if fetched is not None else None),
    )
    if served is not None:
        by = (served, *_OUTCOME) if served else _OUTCOME
        for name, figures in _served(traffic.served(*within, by), named=bool(served)):
            rows[name] = rows.get(name, nothing) + figures
    if fetched is not None:
        for each in traffic.fetched(*within, (fetched,) if fetched else ()):
            name = each.key[0] if fetched else ""
            figures = Figures(fetches=each.requests, fetched=each.bytes)
            rows[name] = rows.get(name, nothing) + figures
    return rows


def _served(sums: Sequence[Sum], *, named: bool) -> Iterable[tuple[str | int, Figures]]:
    for each in sums:
        name, of = (each.key[0], each.key[1:]) if named else ("", each.key)
        judged = outcome(*map(str, of))
        figures = Figures(requests=each.requests, served=each.bytes)
        if judged is Outcome.HIT:
            figures = replace(figures, hits=each.requests)
        elif judged is Outcome.MISS:
            figures = replace(figures, misses=each.requests)
        yield name, figures


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _weight(figures: Figures) -> int:
    return figures.fetched or 0 if figures.served is None else figures.served
