"""What is counted is told apart by day, project, kind and outcome, and its sums stay bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cellar.traffic import Traffic, book
from cellar.traffic.subjects import Kind, Subject, subject_of
from unit.traffic.logs import DAY, HOUR, NOON, WHEEL, answer, fetch, missed, wheel

if TYPE_CHECKING:
    from unit.traffic.logs import Logs

DIGEST = "e" * 60


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("/simple/demo/", Subject(Kind.PAGE, "demo")),
        ("/snapshot/2026-11-01/simple/demo/", Subject(Kind.PAGE, "demo")),
        ("/simple/Demo_Two", Subject(Kind.PAGE, "demo-two")),
        ("/index/json/simple/demo/", Subject(Kind.PAGE, "demo")),
        ("/intercept/html/snapshot/2026-11-01/simple/demo/", Subject(Kind.PAGE, "demo")),
        ("/unfiltered/json/simple/demo/", Subject(Kind.PAGE, "demo")),
        ("/simple/", Subject(Kind.LIST)),
        ("/pypi/demo/json", Subject(Kind.DOCUMENT, "demo")),
        ("/pypi/demo/1.0/json", Subject(Kind.DOCUMENT, "demo")),
        ("/index/pypi/demo/1.0/json", Subject(Kind.DOCUMENT, "demo")),
        ("/integrity/demo/1.0/demo-1.0.tar.gz/provenance", Subject(Kind.DOCUMENT, "demo")),
        (WHEEL, Subject(Kind.FILE, "demo", "demo-1.0-py3-none-any.whl")),
        (f"{WHEEL}.metadata", Subject(Kind.METADATA, "demo")),
        (wheel("Big.Demo-1.0.tar.gz"), Subject(Kind.FILE, "big-demo", "Big.Demo-1.0.tar.gz")),
        ("/heads/pypi" + WHEEL, Subject(Kind.FILE, "demo", "demo-1.0-py3-none-any.whl")),
        ("/packages/source/d/demo/demo-1.0.zip", Subject(Kind.FILE, "demo", "demo-1.0.zip")),
        (
            f"/files/acme.example:8443/{DIGEST}abcd/x/acme-2.0.tar.gz",
            Subject(Kind.FILE, "acme", "acme-2.0.tar.gz"),
        ),
        ("/files/acme.example/-/x/acme-2.0.tar.gz", Subject(Kind.FILE, "acme", "acme-2.0.tar.gz")),
        ("/search", Subject(Kind.OTHER)),
        ("/", Subject(Kind.OTHER)),
        ("?", Subject(Kind.OTHER)),
        ("/_file", Subject(Kind.OTHER)),
        ("/index/healthz", Subject(Kind.OTHER)),
        ("/simple/-not a name/", Subject(Kind.OTHER)),
    ],
)
def test_a_path_tells_what_is_asked_for(path: str, subject: Subject) -> None:
    assert subject_of(path) == subject


def test_answers_are_told_apart_by_day_door_project_kind_and_outcome(logs: Logs) -> None:
    logs.answered(
        answer(bytes=1),
        answer(bytes=2, at=NOON - 2 * HOUR),
        answer(bytes=4, door="intercept"),
        answer("/simple/demo/", bytes=8),
        answer(cache="MISS", upstream_status="200", bytes=16),
        answer(wheel("other-2.0.zip"), bytes=32),
    )
    logs.count()
    assert logs.served("start") == {NOON: (5, 61), NOON - 2 * HOUR: (1, 2)}
    assert logs.served("door") == {"index": (5, 59), "intercept": (1, 4)}
    assert logs.served("project") == {"demo": (5, 31), "other": (1, 32)}
    assert logs.served("kind") == {"file": (5, 55), "page": (1, 8)}
    assert logs.served("cache") == {"hit": (5, 47), "miss": (1, 16)}
    assert logs.served("project", "kind") == {
        ("demo", "file"): (4, 23),
        ("demo", "page"): (1, 8),
        ("other", "file"): (1, 32),
    }


def test_upstreams_are_told_apart_by_their_own_names(logs: Logs) -> None:
    """The rewriter asks the index that owns the project; the engine has names for its pools."""
    logs.change(
        indexes=[
            {
                "name": "pypi",
                "url": "https://index.example/simple/",
                "files": ["https://files.example/packages/"],
                "ca_file": "",
                "credential": "",
                "missing_statuses": [],
            },
            {
                "name": "acme",
                "url": "https://packages.acme.example/simple/",
                "files": ["https://packages.acme.example/"],
                "ca_file": "",
                "credential": "",
                "missing_statuses": [],
            },
        ],
        routes=[
            {"projects": ["acme-*"], "indexes": ["acme"]},
            {"projects": ["both"], "indexes": ["acme", "pypi"]},
            {"projects": ["*"], "indexes": ["pypi"]},
        ],
    )
    page = {"host": "rewriter", "address": "unix:/run/cellar/rewriter.sock", "status": "200"}
    logs.fetched(
        fetch(bytes="1"),
        fetch("/index/json/simple/demo/", rewriter_bytes="20", **page),
        fetch("/index/json/simple/acme-x/", rewriter_bytes="300", **page),
        fetch("/index/json/simple/both/", rewriter_bytes="4000", **page),
        fetch("/search", host="pypi_index_host", bytes="50000"),
    )
    logs.count()
    assert logs.upstreams("host") == {
        "files.example": (1, 1),
        "index.example": (1, 20),
        "packages.acme.example": (1, 300),
        "packages.acme.example and index.example": (1, 4000),
        "pypi_index_host": (1, 50000),
    }


def test_each_address_that_was_tried_is_a_request_and_own_sockets_are_none(logs: Logs) -> None:
    logs.fetched(
        fetch(
            address="198.51.100.1:443, 198.51.100.2:443 : unix:/run/nginx/internal.sock",
            status="502, 206 : 200",
            bytes="0, 700 : 9000",
        ),
        fetch(address="unix:/run/nginx/internal.sock", status="200", bytes="9000"),
        fetch(address="198.51.100.1:443", status="-", bytes="-"),
        fetch(address="198.51.100.1:443, 198.51.100.2:443", status="206", bytes="30"),
    )
    logs.count()
    assert logs.upstreams("status") == {"2xx": (2, 730), "5xx": (1, 0), "none": (2, 0)}


def test_a_name_has_a_row_of_its_own_once_upstream_has_it(logs: Logs) -> None:
    """Strangers may make up a million names."""
    logs.answered(
        answer("/simple/made-up/", status=404, bytes=10),
        answer("/simple/demo/", status=404, bytes=20),
        answer("/simple/demo/", bytes=300),
        answer("/simple/Moved", status=301, bytes=4000),
    )
    logs.count()
    assert logs.served("project") == {"": (2, 4010), "demo": (2, 320)}


def test_names_beyond_a_bound_are_counted_together(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "_MOST_PROJECTS_OF_AN_HOUR", 10)
    for number in range(40):
        logs.answered(answer(f"/simple/real-{number}/", bytes=1))
        logs.fetched(fetch(f"/simple/real-{number}/", bytes="1"))
        if number % 7 == 0:
            logs.count()
    logs.count()
    assert len(logs.served("project")) == len(logs.upstreams("project")) == 11
    assert logs.served() == logs.upstreams() == {"": (40, 40)}
    assert logs.served("project")[""] == (30, 30)


def test_hours_become_days_and_nothing_is_lost(logs: Logs) -> None:
    times = [NOON - hours * HOUR for hours in range(24 * 6)]
    logs.answered(*[answer(bytes=1, at=at) for at in times])
    logs.fetched(*[fetch(bytes="1", at=at) for at in times])
    logs.now = times[-1] + HOUR
    logs.count()
    before = logs.served("project", "kind", "cache", "status")
    logs.now = NOON
    logs.count()
    assert logs.served("project", "kind", "cache", "status") == before
    assert logs.served() == logs.upstreams() == {"": (144, 144)}
    midnight = NOON - 12 * HOUR
    starts = logs.served("start")
    assert starts == logs.upstreams("start")
    # Today and the two days before it by the hour.
    hours = {midnight - 2 * DAY + hours * HOUR: (1, 1) for hours in range(2 * 24 + 13)}
    days = {midnight - days * DAY: (24, 24) for days in (3, 4, 5)}
    assert starts == {**hours, **days, midnight - 6 * DAY: (11, 11)}


def test_of_a_whole_day_the_greatest_projects_have_rows(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "_MOST_PROJECTS_OF_A_DAY", 2)
    for number in range(5):
        logs.answered(answer(f"/simple/real-{number}/", bytes=10**number, at=NOON - HOUR))
    logs.count()
    logs.now = NOON + 4 * DAY
    logs.count()
    assert logs.served("project") == {"": (3, 111), "real-3": (1, 1000), "real-4": (1, 10000)}


def test_what_is_older_than_the_setting_goes_and_totals_stay(logs: Logs) -> None:
    logs.change(traffic={"days": 3})
    logs.answered(answer(bytes=1, at=NOON - 5 * DAY), answer(bytes=20, at=NOON - DAY))
    logs.fetched(fetch(bytes="300", at=NOON - 5 * DAY), fetch(bytes="4000", at=NOON - DAY))
    logs.count()
    assert logs.served() == {"": (1, 20)}
    assert logs.upstreams() == {"": (1, 4000)}
    with Traffic.opened(logs.directory) as traffic:
        served, fetched = traffic.totals()
    assert [(each.key, each.requests, each.bytes) for each in served] == [
        (("index", "file", "hit", "2xx", ""), 2, 21)
    ]
    assert [(each.key, each.requests, each.bytes) for each in fetched] == [
        (("files.example", "file", "2xx"), 2, 4300)
    ]


def test_totals_never_go_back(logs: Logs) -> None:
    """Prometheus takes a counter that goes back for one that began anew."""
    last = 0
    for days in range(0, 40, 5):
        logs.change(traffic={"days": 7})
        logs.now = NOON + days * DAY
        logs.answered(answer(bytes=1, at=logs.now), missed(bytes=1, at=logs.now))
        logs.count()
        with Traffic.opened(logs.directory) as traffic:
            total = sum(each.bytes for each in traffic.totals()[0])
        assert total == last + 2
        last = total


def test_a_column_that_is_none_is_refused(logs: Logs) -> None:
    logs.count()
    with Traffic.opened(logs.directory) as traffic, pytest.raises(ValueError, match="no such col"):
        traffic.served(0, NOON, ("bytes; DROP TABLE served",))
