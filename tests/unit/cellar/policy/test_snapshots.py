"""The index as of a day."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar.policy import as_of
from unit.cellar.policy.support import NOW, file, page, pages

DAY = date(2026, 11, 30)


def shown(*files: dict[str, Any], **keys: Any) -> list[str]:
    return [entry["filename"] for entry in as_of(page(*files, **keys), DAY)["files"]]


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-11-30T00:00:00Z", True),
        ("2026-11-30T23:59:59.999999Z", True),
        ("2026-12-01T00:00:00Z", False),
        ("2026-12-01T00:00:00.000001Z", False),
        ("1999-01-01T00:00:00Z", True),
    ],
)
def test_a_day_is_over_at_midnight_in_utc(time: str, *, expected: bool) -> None:
    assert bool(shown(file(upload_time=time))) is expected


@pytest.mark.parametrize("time", ["", "2026-11-30", "2026-11-30T10:00:00+00:00", 5, None])
def test_a_file_without_a_usable_time_may_be_a_later_one(time: object) -> None:
    assert shown(file(upload_time=time), file()) == []


def test_versions_are_those_that_had_a_file_by_then() -> None:
    document = page(
        file("Demo-1.0.0.tar.gz", upload_time="2026-11-01T00:00:00Z"),
        file("demo-2004d.tar.gz", upload_time="2026-11-01T00:00:00Z"),
        file("demo-1.1.tar.gz", upload_time="2026-12-01T00:00:00Z"),
        file("demo-1.2.tar.gz"),
        versions=["2004d", "1.0", "1.1", "1.2", "1.3"],
    )
    assert as_of(document, DAY)["versions"] == ["2004d", "1.0"]


def test_the_projects_name_is_read_as_the_index_writes_it() -> None:
    uploaded = "2026-11-01T00:00:00Z"
    entry = file("an_example-1.0-1.tar.gz", upload_time=uploaded)
    document = page(entry, versions=["1.0.post1"]) | {"name": "An_Example"}
    assert as_of(document, DAY)["versions"] == ["1.0.post1"]


def test_the_last_day_of_the_calendar_is_a_day() -> None:
    document = page(file(upload_time="9999-12-31T23:59:59.999999Z"))
    assert as_of(document, date.max) == document


days = st.dates(date(2026, 11, 18), date(2026, 12, 5))


@given(document=pages, day=days)
def test_order_and_all_else_stay(document: dict[str, Any], day: date) -> None:
    before = repr(document)
    found = as_of(document, day)
    assert repr(document) == before, "the page itself is not written to"
    assert list(found) == list(document)
    for key in document.keys() - {"files", "versions"}:
        assert found[key] is document[key]
    left = iter(document["files"])
    assert all(any(entry is other for other in left) for entry in found["files"]), "in order"


@given(document=pages, days=st.tuples(days, days))
def test_a_later_day_takes_nothing_away(document: dict[str, Any], days: tuple[date, date]) -> None:
    early, late = (as_of(document, day) for day in sorted(days))
    assert as_of(late, min(days)) == early
    assert as_of(early, max(days)) == early


@given(document=pages, day=st.dates(date(2026, 11, 18), NOW.date()))
def test_what_is_uploaded_later_does_not_change_a_snapshot(
    document: dict[str, Any], day: date
) -> None:
    later = datetime(2026, 12, 3, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    grown = document | {"files": [*document["files"], file("demo-7.0.tar.gz", upload_time=later)]}
    if "versions" in document:
        grown["versions"] = [*document["versions"], "7.0"]
    assert as_of(grown, day) == as_of(document, day)
