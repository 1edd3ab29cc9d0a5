"""A bound: a value or a ratio of one run, and whether it is as good as promised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from bench.rows import Results, Statistic


Sense = Literal["at least", "at most", "below", "exactly", "any"]


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
    sense: Sense = "any"
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
            "at most": self.value <= self.bound.limit,
            "below": self.value < self.bound.limit,
            "exactly": self.value == self.bound.limit,
        }
        return {True: "met", False: "missed", None: ""}[met.get(self.bound.sense)]

    @property
    def shown(self) -> str:
        """Return the value for people."""
        return "" if self.value is None else f"{number(self.value)} {self.bound.unit}".strip()


def number(value: float) -> str:
    """Return a number with three significant digits, thousands apart, and no needless zeros."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,}"
