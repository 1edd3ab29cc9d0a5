"""The report's numbers are those of the lines, by day and by project."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from cellar.report import By, Report, Span, Wanted, report_on
from cellar.report.figures import Figures
from cellar.traffic import Traffic
from unit.traffic.logs import DAY, NOON, answer, fetch, missed, streamed

if TYPE_CHECKING:
    from unit.traffic.logs import Logs

TODAY = date(2026, 11, 24)
WEEK = Span.last_days(7, TODAY)


def reported(logs: Logs, *by: By, top: int = 20, span: Span = WEEK) -> Report:
    logs.count()
    with Traffic.opened(logs.directory) as traffic:
        return report_on(traffic, logs.settings, Wanted(span, by or (By.DAY,), top))


def rows(report: Report, by: By) -> dict[str, Figures]:
    return {row.name: row.figures for row in report.tables[by].rows}


def test_days_begin_and_end_at_midnight_utc(logs: Logs) -> None:
    midnight = NOON - DAY // 2
    logs.answered(*[answer(bytes=1, at=midnight + at) for at in (-1, 0, DAY - 1)])
    logs.fetched(fetch(bytes="10", at=midnight))
    logs.now = NOON + DAY // 2 - 1
    found = rows(reported(logs), By.DAY)
    assert len(found) == 7
    assert [found[day].requests for day in ("2026-11-23", "2026-11-24")] == [1, 2]
    assert [found[day].fetched for day in ("2026-11-23", "2026-11-24")] == [0, 10]
    assert found["2026-11-20"] == Figures()


def test_what_is_outside_of_the_span_does_not_count(logs: Logs) -> None:
    for day in range(10):
        logs.answered(answer(bytes=10**day, at=NOON - day * DAY))
        logs.fetched(fetch(bytes=str(10**day), at=NOON - day * DAY))
    report = reported(logs, span=Span(date(2026, 11, 20), date(2026, 11, 22)))
    assert (report.total.served, report.total.fetched) == (11100, 11100)
    assert list(rows(report, By.DAY)) == ["2026-11-20", "2026-11-21", "2026-11-22"]


def test_saved_is_served_less_fetched_and_may_be_negative(logs: Logs) -> None:
    """A client that reads ten bytes of a cold file costs a slice."""
    logs.answered(missed(bytes=10, status=206, range="bytes=0-9"))
    logs.fetched(fetch(bytes="1000"))
    assert reported(logs).total.saved == -990


@pytest.mark.parametrize(
    ("lines", "ratio"),
    [
        ([answer(), answer(), answer(), missed()], 0.75),
        ([answer("/simple/demo/", cache="STALE"), missed("/simple/demo/")], 0.5),
        ([answer("/simple/demo/", cache="REVALIDATED"), answer(cache="UPDATING")], 1.0),
        ([answer(cache="EXPIRED", upstream_status="200")], 0.0),
        ([answer(), streamed()], 0.5),
        # The cache can have no part in these.
        ([answer(), answer("/simple/none/", status=404), answer("/search", cache="")], 1.0),
        ([answer(), answer("/simple/Demo", status=301, cache="")], 1.0),
        ([answer(), answer(status=503, cache="", upstream_status="502")], 1.0),
        ([answer("/", cache="")], None),
        ([], None),
    ],
)
def test_the_hit_ratio_is_of_what_the_cache_can_have_a_part_in(
    logs: Logs, lines: list[bytes], ratio: float | None
) -> None:
    logs.answered(*lines)
    report = reported(logs)
    assert report.total.hit_ratio == ratio
    with Traffic.opened(logs.directory) as traffic:
        assert traffic.hit_ratio(0, NOON + DAY) == ratio


def test_projects_with_the_most_bytes_come_first_and_the_others_are_one_row(logs: Logs) -> None:
    for number in range(5):
        logs.answered(answer(f"/simple/p-{number}/", bytes=10**number))
        logs.fetched(fetch(f"/simple/p-{number}/", bytes="1"))
    logs.answered(answer("/", cache="", bytes=7))
    report = reported(logs, By.PROJECT, top=2)
    found = rows(report, By.PROJECT)
    assert list(found) == ["p-4", "p-3", ""]
    assert (found[""].served, found[""].fetched, found[""].requests) == (118, 3, 4)
    assert report.tables[By.PROJECT].left_out == 3
    assert sum((figures for figures in found.values()), Figures()) == report.total


def test_what_the_logs_do_not_tell_apart_is_not_made_up(logs: Logs) -> None:
    logs.answered(answer(bytes=5), answer(bytes=6, door="intercept"))
    logs.fetched(fetch(bytes="3"))
    report = reported(logs, By.DOOR, By.UPSTREAM)
    doors, upstreams = rows(report, By.DOOR), rows(report, By.UPSTREAM)
    assert [(d.served, d.fetched, d.saved) for d in doors.values()] == [
        (6, None, None),
        (5, None, None),
    ]
    assert upstreams == {"files.example": Figures(None, None, None, None, 1, 3)}


def test_without_any_traffic_there_is_a_report(logs: Logs) -> None:
    report = reported(logs, *By)
    assert report.total == Figures()
    assert report.not_cached == []
    assert report.suggestions == []
    assert len(report.tables[By.DAY].rows) == 7
    assert report.tables[By.PROJECT].rows == []
