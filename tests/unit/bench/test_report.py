"""What is promised is judged by the rows, and docs/ shows these rows and no others."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import report
from bench.bounds import BOUNDS, Bound, Term, number
from bench.chart import NAMESPACE, Bars, svg
from bench.rows import Results, Row

DOCS = Path(__file__).resolve().parents[3] / "docs"
TERM, OTHER = Term("w", "cellar", "m"), Term("w", "peer", "m")


def results(ours: float, theirs: float = 1.0) -> Results:
    rows = (
        Row("w", "cellar", "m", "ms", ours - 1, ours, ours + 1),
        Row("w", "peer", "m", "ms", theirs, theirs, theirs),
    )
    return Results({}, rows)


@pytest.mark.parametrize(
    ("bound", "ours", "verdict"),
    [
        (Bound("b", TERM, OTHER, "at least", 3), 3.0, "met"),
        (Bound("b", TERM, OTHER, "at least", 3), 2.99, "missed"),
        (Bound("b", TERM, sense="below", limit=60, unit="ms"), 59.9, "met"),
        (Bound("b", TERM, sense="below", limit=60, unit="ms"), 60.0, "missed"),
        (Bound("b", TERM, sense="at most", limit=60), 60.0, "met"),
        (Bound("b", TERM, sense="at most", limit=60), 60.1, "missed"),
        (Bound("b", TERM, sense="exactly", limit=1), 1.0, "met"),
        (Bound("b", TERM, sense="exactly", limit=1), 2.0, "missed"),
        (Bound("b", TERM), 2.0, ""),
        (Bound("b", Term("w", "nobody", "m"), sense="exactly", limit=1), 1.0, "not measured"),
        (Bound("b", TERM, Term("w", "nobody", "m"), "at least", 1), 5.0, "not measured"),
    ],
)
def test_a_promise_is_judged_by_the_rows(bound: Bound, ours: float, verdict: str) -> None:
    assert bound.judged(results(ours)).verdict == verdict


def test_a_promise_about_the_worst_round_is_judged_by_it() -> None:
    worst = Bound("b", Term("w", "cellar", "m", "max"), sense="below", limit=60)

    assert worst.judged(results(59.5)).verdict == "missed"


def test_a_ratio_to_nothing_is_not_measured() -> None:
    bound = Bound("b", TERM, OTHER, "at least", 1)

    assert bound.judged(results(5.0, 0.0)).verdict == "not measured"


def test_the_terminal_shows_verdict_value_and_what_was_wanted() -> None:
    rows = (
        Row("cold page", "cellar", "rewriter's processor time", "ms", 50.0, 61.234, 70.0),
        Row("warm page", "cellar", "pages", "1/s", 900.0, 900.0, 900.0),
        Row("warm page", "proxpi", "pages", "1/s", 6.0, 6.0, 6.0),
    )
    lines = list(report.verdicts(Results({}, rows)))

    assert len(lines) == len(BOUNDS)
    assert (
        "missed       Cold page: the rewriter's processor time: 61.2 ms (wanted: below 60 ms)"
        in lines
    )
    assert (
        "met          Warm page: pages a second, cellar / proxpi: 150 (wanted: at least 150)"
        in lines
    )
    assert lines[0].startswith("not measured Warm page:")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (0.8567, "0.857"), (12.34, "12.3"), (5449.0, "5,450"), (1.0, "1")],
)
def test_numbers_have_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


def test_bars_are_as_long_as_the_logarithm_of_their_values() -> None:
    picture = ET.fromstring(
        svg([Bars("Pages & more", "1/s", [("cellar", 1000.0), ("a", 100.0), ("b", 10.0)])])
    )
    space = f"{{{NAMESPACE}}}"
    _, *rectangles = picture.iter(f"{space}rect")
    bars = [int(rectangle.get("width", "")) for rectangle in rectangles]
    words = [text.text for text in picture.iter(f"{space}text")]

    assert bars[0] - bars[1] == pytest.approx(bars[1] - bars[2], abs=2)
    assert bars[0] > bars[1] > bars[2] > 0
    assert words == ["Pages & more (1/s)", "cellar", "1,000", "a", "100", "b", "10"]


def test_the_documentation_is_drawn_from_its_rows() -> None:
    """Whoever edits a number there edits it nowhere: `make bench BENCH=--draw` draws it anew."""
    measured = Results.from_json((DOCS / "benchmarks.json").read_text())

    assert (DOCS / "benchmarks.md").read_text() == report.markdown(measured)
    assert (DOCS / "benchmarks.svg").read_text() == report.chart(measured)


def test_the_documentation_has_every_promise_measured() -> None:
    measured = Results.from_json((DOCS / "benchmarks.json").read_text())

    judged = {bound.sentence: bound.judged(measured).verdict for bound in BOUNDS}
    assert [sentence for sentence, verdict in judged.items() if verdict == "not measured"] == []
