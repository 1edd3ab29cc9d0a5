"""What numbers are held against: ratios of one run, and whether they are as good as promised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from bench.rows import Results, Statistic


@dataclass(frozen=True)
class Term:
    """A value of a row: its workload, subject, metric, and which of the three values."""

    workload: str
    subject: str
    metric: str
    statistic: Statistic = "median"

    def of(self, results: Results) -> float | None:
        """Return the value, None if it was not measured."""
        row = results.find(self.workload, self.subject, self.metric)
        return None if row is None else row.value(self.statistic)


@dataclass(frozen=True)
class Bound:
    """
    A value, or its ratio to another one, and what it has to be; nothing if `sense` is "any".

    The unit is that of the value itself; a ratio has none.
    """

    sentence: str
    term: Term
    beside: Term | None = None
    sense: Literal["at least", "below", "exactly", "any"] = "any"
    limit: float = 0.0
    unit: str = ""

    def judged(self, results: Results) -> Judgement:
        """Return what the results say."""
        value = self.term.of(results)
        if self.beside is not None and value is not None:
            other = self.beside.of(results)
            value = value / other if other else None
        return Judgement(self, value)

    @property
    def wanted(self) -> str:
        """What it has to be, in words."""
        limit = f"{number(self.limit)} {self.unit}".strip()
        return "" if self.sense == "any" else f"{self.sense} {limit}"


@dataclass(frozen=True)
class Judgement:
    """A bound and the value that it is about, None if that was not measured."""

    bound: Bound
    value: float | None

    @property
    def verdict(self) -> str:
        """Return "met", "missed", "not measured", or nothing where nothing was promised."""
        if self.value is None:
            return "not measured"
        met = {
            "at least": self.value >= self.bound.limit,
            "below": self.value < self.bound.limit,
            "exactly": self.value == self.bound.limit,
        }
        return {True: "met", False: "missed", None: ""}[met.get(self.bound.sense)]

    @property
    def shown(self) -> str:
        """Return the value for people."""
        return "" if self.value is None else f"{number(self.value)} {self.bound.unit}".strip()


BOUNDS = (
    Bound(
        "Warm page: pages a second, cellar / the same bytes as a static file of the same nginx",
        Term("warm page", "cellar", "pages"),
        Term("warm page", "static file", "pages"),
        "at least",
        0.85,
    ),
    Bound(
        "Warm page: pages a second, cellar / proxpi",
        Term("warm page", "cellar", "pages"),
        Term("warm page", "proxpi", "pages"),
        "at least",
        150,
    ),
    Bound(
        "Warm page: pages a second, static file / proxpi: what TLS alone leaves room for",
        Term("warm page", "static file", "pages"),
        Term("warm page", "proxpi", "pages"),
    ),
    Bound(
        "Warm page: pages a second, cellar / devpi",
        Term("warm page", "cellar", "pages"),
        Term("warm page", "devpi", "pages"),
    ),
    Bound(
        "Cold page: time added to upstream's own, proxpi / cellar",
        Term("cold page", "proxpi", "adds"),
        Term("cold page", "cellar", "adds"),
        "at least",
        3,
    ),
    Bound(
        "Cold page: the rewriter's processor time",
        Term("cold page", "cellar", "rewriter's processor time"),
        sense="below",
        limit=60,
        unit="ms",
    ),
    Bound(
        "Burst of cold pages: clients without a page, worst round",
        Term("burst", "cellar", "errors", "max"),
        sense="exactly",
    ),
    Bound(
        "Burst of cold pages: the rewriter's memory peak, worst round",
        Term("burst", "cellar", "rewriter's memory peak", "max"),
        sense="below",
        limit=300,
        unit="MB",
    ),
    Bound(
        "Burst of cold pages: the slowest answer, worst round",
        Term("burst", "cellar", "slowest answer", "max"),
        unit="ms",
    ),
    Bound(
        "Expired page, 1,000 clients at once: requests upstream, worst round",
        Term("expired page", "cellar", "requests upstream", "max"),
        sense="exactly",
        limit=1,
    ),
    Bound(
        "Expired page, 1,000 clients at once: answers other than the stale page, worst round",
        Term("expired page", "cellar", "not the stale page", "max"),
        sense="exactly",
    ),
    Bound(
        "Expired page, 1,000 clients at once: the slowest answer / that of a page still fresh",
        Term("expired page", "cellar", "slowest answer"),
        Term("expired page", "cellar, page fresh", "slowest answer"),
    ),
)


def number(value: float) -> str:
    """Return a number with three significant digits, thousands apart, and no needless zeros."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,}"
