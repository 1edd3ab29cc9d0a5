"""What was measured: values while a run goes on; rows of minimum, median, maximum after it."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

Statistic = Literal["min", "median", "max"]


@dataclass(frozen=True)
class Metric:
    """What is measured of whom: `metric` in `unit`, of `subject`, under `workload`."""

    workload: str
    subject: str
    metric: str
    unit: str


@dataclass(frozen=True)
class Row:
    """A metric's values over all rounds of a run."""

    workload: str
    subject: str
    metric: str
    unit: str
    min: float
    median: float
    max: float

    @property
    def key(self) -> tuple[str, str, str]:
        """What a row is found by."""
        return self.workload, self.subject, self.metric

    def value(self, statistic: Statistic) -> float:
        """Return one of the three values."""
        return {"min": self.min, "median": self.median, "max": self.max}[statistic]


class Samples:
    """Collects the values of a run."""

    def __init__(self) -> None:
        self._values: defaultdict[Metric, list[float]] = defaultdict(list)

    def add(self, workload: str, subject: str, values: Mapping[tuple[str, str], float]) -> None:
        """Take one round's values, by metric and unit."""
        for (metric, unit), value in values.items():
            self._values[Metric(workload, subject, metric, unit)].append(value)

    def rows(self) -> list[Row]:
        """
        Return a row for each metric, in the order in which they came.

        Four significant digits: more would be noise, and what is judged is what the file says.
        """
        return [
            Row(
                **asdict(metric),
                min=_rounded(min(values)),
                median=_rounded(median(values)),
                max=_rounded(max(values)),
            )
            for metric, values in self._values.items()
        ]


@dataclass(frozen=True)
class Results:
    """A whole run: `about` says when, where, of what and how, text by name."""

    about: Mapping[str, str]
    rows: tuple[Row, ...]

    def find(self, workload: str, subject: str, metric: str) -> Row | None:
        """Return the row of a metric, None if it was not measured."""
        return next((row for row in self.rows if row.key == (workload, subject, metric)), None)

    def to_json(self) -> str:
        """Return the run as JSON, a line a row; `from_json` reads it."""
        rows = ",\n".join(f"    {json.dumps(asdict(row))}" for row in self.rows)
        about = json.dumps(dict(self.about), indent=4, ensure_ascii=False).replace("\n}", "\n  }")
        return f'{{\n  "about": {about},\n  "rows": [\n{rows}\n  ]\n}}\n'

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        document = json.loads(text)
        return cls(document["about"], tuple(Row(**row) for row in document["rows"]))


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
