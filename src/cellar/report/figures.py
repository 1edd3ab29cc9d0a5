"""The numbers of a report."""

from collections.abc import Sequence
from dataclasses import dataclass, field
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


_OUTCOME = ("kind", "cache", "status", "why")
# All but projects are few enough to be added up here, so that the database is read through once.
_SERVED: tuple[str, ...] = ("start", "door", "rule", *_OUTCOME)
_FETCHED: tuple[str, ...] = ("start", "host", "kind")
_COLUMNS = {By.DAY: "start", By.UPSTREAM: "host"}


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


#: Beside the words of `Why`: what was stored, and had to be fetched again.
EVICTED = "evicted soon"


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


class Accounts:
    """What was served and fetched in a span of time."""

    def __init__(self, traffic: Traffic, span: Span) -> None:
        """Read it from the database, projects aside."""
        self._traffic = traffic
        self._span = span
        self._within = span.begins, span.ends
        self._served = traffic.served(*self._within, _SERVED)
        self._fetched = traffic.fetched(*self._within, _FETCHED)

    def total(self) -> Figures:
        """Return the sum of everything."""
        served = (_served(each, _SERVED) for each in self._served)
        fetched = (_fetched(each) for each in self._fetched)
        return sum((*served, *fetched), Figures())

    def table(self, by: By, top: int) -> Table:
        """Return figures by one thing: every day of the span, or the `top` others by bytes."""
        if by is By.DAY:
            return self._days()
        found = self._rows(by)
        rest = found.pop("", None)
        ranked = sorted(found.items(), key=lambda item: (-_weight(item[1]), item[0]))
        rows = [Row(str(name), figures) for name, figures in ranked[:top]]
        left_out = ranked[top:]
        for _, figures in left_out:
            rest = figures if rest is None else rest + figures
        if rest is not None:
            rows.append(Row("", rest))
        return Table(by, rows, len(left_out))

    def not_cached(self) -> list[NotCached]:
        """Return why what was not cached, by falling bytes and requests."""
        sums: dict[tuple[str, str], list[int]] = {}
        for each in self._served:
            why, rule = (str(each.key[_SERVED.index(name)]) for name in ("why", "rule"))
            if why != Why.NOT:
                so_far = sums.setdefault((why, rule), [0, 0])
                so_far[0] += each.requests
                so_far[1] += each.bytes
        for again in self._traffic.again(*self._within):
            if again.days <= SOON:
                so_far = sums.setdefault((EVICTED, ""), [0, 0])
                so_far[0] += again.requests
                so_far[1] += again.bytes
        found = [NotCached(*reason, *both) for reason, both in sums.items()]
        return sorted(found, key=lambda each: (-each.bytes, -each.requests, each.why, each.rule))

    def _days(self) -> Table:
        days = {str(day): Figures() for day in self._span.days}
        for start, figures in self._rows(By.DAY).items():
            days[str(day_at(int(start)))] += figures
        return Table(By.DAY, [Row(day, figures) for day, figures in days.items()])

    def _rows(self, by: By) -> dict[str | int, Figures]:
        """Return figures by one thing; None is what is not told apart by it."""
        column = _COLUMNS.get(by, by.value)
        served, fetched, served_by, fetched_by = self._served, self._fetched, _SERVED, _FETCHED
        if by is By.PROJECT:
            served_by, fetched_by = (column, *_OUTCOME), (column,)
            served = self._traffic.served(*self._within, served_by)
            fetched = self._traffic.fetched(*self._within, fetched_by)
        nothing = Figures()
        if column not in served_by:
            served, nothing = [], Figures(None, None, None, None, 0, 0)
        if column not in fetched_by:
            fetched, nothing = [], Figures(fetches=None, fetched=None)
        rows: dict[str | int, Figures] = {}
        for each in served:
            name = each.key[served_by.index(column)]
            rows[name] = rows.get(name, nothing) + _served(each, served_by)
        for each in fetched:
            name = each.key[fetched_by.index(column)]
            rows[name] = rows.get(name, nothing) + _fetched(each)
        return rows


def _served(each: Sum, by: Sequence[str]) -> Figures:
    judged = outcome(*(str(each.key[by.index(name)]) for name in _OUTCOME))
    hits = each.requests if judged is Outcome.HIT else 0
    misses = each.requests if judged is Outcome.MISS else 0
    return Figures(each.requests, hits, misses, each.bytes)


def _fetched(each: Sum) -> Figures:
    return Figures(fetches=each.requests, fetched=each.bytes)


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _weight(figures: Figures) -> int:
    return figures.fetched or 0 if figures.served is None else figures.served
