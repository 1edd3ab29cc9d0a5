"""Values become rows, and a run survives its file."""

from __future__ import annotations

import json
from dataclasses import asdict

from bench.rows import Results, Row, Samples


def test_a_row_has_the_minimum_the_median_and_the_maximum_of_its_rounds() -> None:
    samples = Samples()
    for value in (30.0, 10.0, 20.0, 40.0):
        samples.add("warm page", "cellar", {("pages", "1/s"): value})
    samples.add("warm page", "proxpi", {("pages", "1/s"): 1.0, ("slowest answer", "ms"): 2.0})

    assert samples.rows() == [
        Row("warm page", "cellar", "pages", "1/s", min=10.0, median=25.0, max=40.0),
        Row("warm page", "proxpi", "pages", "1/s", min=1.0, median=1.0, max=1.0),
        Row("warm page", "proxpi", "slowest answer", "ms", min=2.0, median=2.0, max=2.0),
    ]


def test_rows_have_four_digits_so_that_what_is_judged_is_what_the_file_says() -> None:
    samples = Samples()
    for value in (1.23456, 12345.6, 22222.2):
        samples.add("cold page", "cellar", {("adds", "ms"): value})

    (row,) = samples.rows()
    assert (row.min, row.median, row.max) == (1.235, 12350.0, 22220.0)


def test_a_run_survives_its_file() -> None:
    row = Row("cold page", "cellar", "adds", "ms", min=1.235, median=12350.0, max=2.0)
    results = Results({"when": "now", "processor": "2 · x"}, (row,))

    assert Results.from_json(results.to_json()) == results


def test_a_file_has_a_line_a_row_so_that_a_change_can_be_read() -> None:
    rows = tuple(Row("w", "s", f"m{number}", "1/s", 1.0, 2.0, 3.0) for number in range(3))
    lines = Results({}, rows).to_json().splitlines()

    (line,) = (line for line in lines if '"m1"' in line)
    assert json.loads(line.rstrip(",")) == asdict(rows[1])


def test_what_was_not_measured_is_not_found() -> None:
    results = Results({}, (Row("w", "s", "m", "1/s", 1.0, 2.0, 3.0),))

    found = results.find("w", "s", "m")
    assert found is not None
    assert [found.value(s) for s in ("min", "median", "max")] == [1.0, 2.0, 3.0]
    assert results.find("w", "s", "other") is None
