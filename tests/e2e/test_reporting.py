"""The report's numbers are those of the clients and of upstream, to the byte."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from support.inside import look

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Appliance
    from support.door import OpenDoor

STATE = "/var/lib/cellar/traffic"
# nginx writes its logs at least once a second.
FLUSH = 1.5
# What the scenario's rules keep out of the cache: cellar_file_size_limit is 20m.
OVER_LIMIT = 21 * 2**20


def report(appliance: Appliance, *options: str) -> dict[str, Any]:
    time.sleep(FLUSH)
    said = appliance.run(" ".join(["cellar report --json --days 2", *options]))
    return dict(json.loads(said))


def of_project(appliance: Appliance, project: str) -> dict[str, Any]:
    """Return a project's row of the report."""
    rows = report(appliance, "--by project --top 100000")["by"]["project"]
    (row,) = [row for row in rows if row["name"] == project]
    return dict(row)


def length(answer: requests.Response) -> int:
    """Return the bytes of an answer's body on the wire."""
    return int(answer.headers["Content-Length"])


@pytest.fixture(autouse=True)
def _counted_once(appliance: Appliance) -> None:
    """Root makes no database of its own; the timer's unit does."""
    appliance.run("systemctl start cellar-traffic.service")


def test_of_a_project_every_byte_is_counted_that_clients_got_and_upstream_sent(
    appliance: Appliance,
    pages: OpenDoor,
    files: OpenDoor,
    fakepypi: FakePyPI,
    published: PublishedFile,
) -> None:
    """Cold and warm, through both doors, whole and in parts."""
    path, metadata = published.path, str(published.metadata_path)
    answers = [
        answer
        for door in ("index", "intercept", "index")
        for answer in (
            pages(door).page(published.project),
            files(door).ask(metadata),
            files(door).ask(path, {"Range": "bytes=0-99"}),
            files(door).ask(path, {"Range": "bytes=-50"}),
            files(door).ask(path),
        )
    ]
    files("index").ask(path, method="HEAD")
    row = of_project(appliance, published.project)
    sent = f"*{published.project}*"
    assert row["bytes_served"] == sum(map(length, answers))
    assert row["bytes_fetched"] == fakepypi.bytes_sent(path=sent) > 0
    assert row["bytes_saved"] == row["bytes_served"] - row["bytes_fetched"]
    assert row["requests_served"] == len(answers) + 1
    assert row["requests_fetched"] == len(fakepypi.requests(path=sent))
    hits = [answer for answer in answers if answer.headers["X-Cache"] in {"HIT", "UPDATING"}]
    assert 0 < row["requests_from_cache"] <= len(hits)


@pytest.fixture
def _unwatched(appliance: Appliance) -> Iterator[None]:
    """For metrics upstream is asked for a page every minute, which no log of the engine has."""
    appliance.run("systemctl stop cellar-metrics.timer cellar-metrics.service")
    yield
    appliance.run("systemctl start cellar-metrics.timer")


@pytest.mark.usefixtures("_unwatched")
def test_the_sums_of_all_are_upstreams_own(
    appliance: Appliance,
    pages: OpenDoor,
    files: OpenDoor,
    at: OpenDoor,
    fakepypi: FakePyPI,
    published: PublishedFile,
) -> None:
    """Also of what is not there and of what is passed through; nobody reads texts of errors."""
    large = fakepypi.publish(published.project, "2.0", padding=OVER_LIMIT)
    before, sent_before = report(appliance)["total"], fakepypi.totals()
    for door in ("index", "intercept"):
        pages(door).page(published.project)
        pages(door).page(f"{published.project}-is-not-there")
        files(door).ask(published.path)
        files(door).ask(published.path.replace(".whl", "-x.whl"))
        files(door).ask(large.path)
        files(door).ask(large.path, {"Range": "bytes=7-1006"})
    at(appliance.names.index).ask(f"/project/{published.project}/")
    with fakepypi.behaving(host="files", status=503):
        files("index").ask(str(published.metadata_path))
    after, sent = report(appliance)["total"], fakepypi.totals()
    unread = fakepypi.bytes_sent(path=str(published.metadata_path), status=503)
    fetched = after["bytes_fetched"] - before["bytes_fetched"]
    assert fetched == sent.bytes_sent - sent_before.bytes_sent - unread > 2 * OVER_LIMIT
    requests = after["requests_fetched"] - before["requests_fetched"]
    assert requests == sent.requests - sent_before.requests


def test_it_says_why_a_file_is_not_cached_and_which_limit_would_keep_it(
    appliance: Appliance, files: OpenDoor, fakepypi: FakePyPI, project: str
) -> None:
    def not_cached() -> dict[tuple[str, str], tuple[int, int]]:
        rows = report(appliance)["not_cached"]
        return {(r["why"], r["rule"]): (r["requests"], r["bytes"]) for r in rows}

    large = fakepypi.publish(project, "1.0", padding=OVER_LIMIT)
    streamed = fakepypi.publish(f"streamed-{project}", "1.0", padding=1000)
    before = not_cached()
    got = [files("index").ask(large.path) for _ in range(3)]
    small = files("index").ask(streamed.path)
    after = not_cached()
    for reason, answers in {
        ("over limit", "cellar_file_size_limit"): got,
        ("rule", "never-stored"): [small],
    }.items():
        requests, count = before.get(reason, (0, 0))
        assert after[reason] == (requests + len(answers), count + sum(map(length, answers)))
    suggestions = {each["setting"]: each for each in report(appliance)["suggestions"]}
    limit = suggestions["cellar_file_size_limit"]
    assert limit["now"] == 20 * 2**20
    assert limit["suggested"] >= length(got[0])
    assert limit["saved"] >= 2 * length(got[0])
    fakepypi.withdraw(f"streamed-{project}")


def test_rotation_and_a_killed_counter_lose_and_double_nothing(
    appliance: Appliance, files: OpenDoor, fakepypi: FakePyPI, published: PublishedFile
) -> None:
    for _ in range(3):
        for _ in range(20):
            files("index").ask(published.path)
        time.sleep(FLUSH)
        appliance.box.run("timeout --signal=KILL 0.4 cellar report")
        appliance.run("logrotate --force /etc/logrotate.d/cellar")
    row = of_project(appliance, published.project)
    assert row["requests_served"] == 60
    assert row["bytes_fetched"] == fakepypi.bytes_sent(path=published.path)


def test_the_page_is_shown_to_those_who_may_see_it_and_to_nobody_else(
    appliance: Appliance, pages: OpenDoor
) -> None:
    """By default that is the appliance itself."""
    status, found, body = look(appliance, "/report.html")
    assert status == "HTTP/1.1 200 OK"
    assert body.startswith("<!DOCTYPE html>")
    assert found["Content-Type"] == "text/html; charset=utf-8"
    assert found["Cache-Control"] == "no-store"
    assert found["Content-Security-Policy"].startswith("default-src 'none'; ")
    refused = pages("index").ask("/report.html")
    assert refused.status_code == 403
    assert refused.text == (
        "Cellar: the report is for the networks that cellar_report_networks names.\n"
    )
    # At the intercept door that name is PyPI's.
    assert "cellar_report_networks" not in pages("intercept").ask("/report.html").text


def test_counting_leaves_everything_to_the_engines_user(appliance: Appliance) -> None:
    """Whoever asks for a report; else the timer's next run could not go on."""
    report(appliance)
    owners = appliance.run(f"find {STATE} -type f -printf '%f %u %m\\n'").splitlines()
    assert sorted(owners) == ["report.html www-data 644", "traffic.sqlite www-data 644"]
    appliance.run("systemctl start cellar-traffic.service")


def test_anybody_on_the_appliance_may_read_a_report(appliance: Appliance) -> None:
    report(appliance)
    said = appliance.run("runuser -u nobody -- cellar report --json --days 1")
    assert json.loads(said)["version"] == 1
