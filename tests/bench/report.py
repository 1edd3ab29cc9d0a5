"""docs/benchmarks.md and its chart, made from the rows and from nothing else."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from bench.bounds import BOUNDS, number
from bench.chart import Bars, svg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.rows import Results

_TEMPLATE = Path(__file__).with_suffix(".md")


def markdown(results: Results) -> str:
    """Return the page about a run."""
    judgements = [bound.judged(results) for bound in BOUNDS]
    promised = _table(
        ("", "measured", "wanted", ""),
        [(j.bound.sentence, j.shown, j.bound.wanted, j.verdict) for j in judgements],
        "lrll",
    )
    rows = _table(
        ("workload", "subject", "metric", "unit", "min", "median", "max"),
        [
            (r.workload, r.subject, r.metric, r.unit, *map(number, (r.min, r.median, r.max)))
            for r in results.rows
        ],
        "llllrrr",
    )
    about = _table(("", ""), list(results.about.items()), "ll")
    template = Template(_TEMPLATE.read_text())
    return template.substitute(promises=promised, rows=rows, about=about)


def chart(results: Results) -> str:
    """Return the picture about a run (SVG); workloads that were not measured are left out."""
    wanted = (
        ("Warm page of 2,400 files, 8 connections", "warm page", "pages", "pages a second"),
        ("Cold page of 2,400 files, added to upstream's own time", "cold page", "adds", "ms"),
        (
            "One cold file, 8 clients at once: time until all have it",
            "cold file, 8 clients",
            "total / the line's own time",
            "line's own time = 1",
        ),
    )
    groups = []
    for title, workload, metric, unit in wanted:
        rows = [r for r in results.rows if (r.workload, r.metric) == (workload, metric)]
        values = [(row.subject, row.median) for row in rows if row.median > 0]
        if values:
            groups.append(Bars(title, f"{unit}, logarithmic", values))
    return svg(groups)


def verdicts(results: Results) -> Iterable[str]:
    """Return a line for the terminal about each bound."""
    judgements = [bound.judged(results) for bound in BOUNDS]
    for judgement in judgements:
        bound = judgement.bound
        wanted = f" (wanted: {bound.wanted})" if bound.wanted else ""
        yield f"{judgement.verdict or '-':<13}{bound.sentence}: {judgement.shown or '?'}{wanted}"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]], alignment: str) -> str:
    marks = ["---:" if letter == "r" else "---" for letter in alignment]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, marks, *lines))
