"""Pages out of the cache: without upstream, without Python, and never older than PyPI allows."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

from support.door import ACCEPT, JSON, max_age
from support.fixtures import DOORS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Appliance
    from support.door import OpenDoor

FORMS = ("json", "html")

# Headers with which clients of one form differ; none may cost PyPI another request.
CLIENT_HEADERS = [
    {"Accept": "application/vnd.pypi.simple.v1+json, */*;q=0.1"},
    {"Accept": "application/vnd.pypi.simple.v1+json;q=1.0, text/html;q=0.01"},
    {"Accept-Encoding": "identity"},
    {"Accept-Encoding": "br, zstd, gzip;q=0.5"},
    {"Accept-Language": "de"},
    {"Authorization": "Basic dXNlcjpzZWNyZXQ="},
    {"Cache-Control": "no-cache"},
    {"Cache-Control": "max-age=0"},
    {"Cookie": "a=b"},
    {"If-None-Match": '"something else"'},
    {"Origin": "https://evil.example"},
    {"Pragma": "no-cache"},
    {"Range": "bytes=0-10000000"},
    {"User-Agent": "pip/26.3"},
    {"X-Forwarded-For": "192.0.2.1"},
]


def document(answer: requests.Response) -> tuple[str, bytes]:
    return answer.headers["Content-Type"], answer.content


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("door", DOORS)
def test_the_second_request_for_a_page_costs_upstream_nothing(
    pages: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, door: str, form: str
) -> None:
    first = pages(door).page(published.project, form)
    second = pages(door).page(published.project, form)
    assert document(second) == document(first)
    assert fakepypi.totals(path=f"/simple/{published.project}/").requests == 1
    assert second.headers["X-Cache"] == "HIT"


@pytest.mark.parametrize("door", DOORS)
def test_no_header_of_a_client_splits_the_cache(
    pages: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, door: str
) -> None:
    """Otherwise every version of every installer would ask PyPI again for every page."""
    first = pages(door).page(published.project)
    for headers in CLIENT_HEADERS:
        answer = pages(door).page(published.project, headers=headers)
        assert document(answer) == document(first), headers
    for query in ("?x=1", f"?format={JSON}", "?"):
        answer = pages(door).ask(f"/simple/{published.project}/{query}", {"Accept": JSON})
        assert document(answer) == document(first), query
    assert fakepypi.totals(path=f"/simple/{published.project}/").requests == 1


@pytest.mark.parametrize("door", DOORS)
def test_twenty_clients_that_want_a_new_page_at_once_cost_one_request(
    pages: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, door: str
) -> None:
    """A CI pipeline starts its jobs in the same second."""
    path = f"/simple/{published.project}/"
    with fakepypi.behaving("index", path, delay=0.5):
        answers = pages(door).ask_at_once(20, path, {"Accept": JSON})
    assert [answer.status_code for answer in answers] == [200] * 20
    assert len({document(answer) for answer in answers}) == 1
    assert fakepypi.totals(path=path).requests == 1


def test_doors_and_forms_do_not_mix(
    pages: OpenDoor, fakepypi: FakePyPI, published: PublishedFile
) -> None:
    kinds = [(door, form) for door in DOORS for form in FORMS]
    cold = {kind: document(pages(kind[0]).page(published.project, kind[1])) for kind in kinds}
    assert len(set(cold.values())) == 4
    for kind in reversed(kinds):
        assert document(pages(kind[0]).page(published.project, kind[1])) == cold[kind]
    assert fakepypi.totals(path=f"/simple/{published.project}/").requests == 4


@pytest.fixture
def without_rewriter(
    appliance: Appliance, published: PublishedFile, pages: OpenDoor
) -> Iterator[str]:
    """Stop the rewriter, and its socket with it; yield a project whose pages are cached."""
    for door in DOORS:
        for form in FORMS:
            pages(door).page(published.project, form)
    appliance.run("systemctl stop cellar-rewriter.socket cellar-rewriter.service")
    yield published.project
    appliance.run("systemctl start cellar-rewriter.socket cellar-rewriter.service")


def test_a_cached_answer_never_touches_python(
    pages: OpenDoor, files: OpenDoor, fakepypi: FakePyPI, without_rewriter: str, project: str
) -> None:
    """Promise 1. What needs Python says so: 503, and when to come again."""
    for door in DOORS:
        for form in FORMS:
            for encoding in ("gzip", "identity"):
                headers = {"Accept-Encoding": encoding}
                answer = pages(door).page(without_rewriter, form, headers)
                assert (answer.status_code, answer.headers["X-Cache"]) == (200, "HIT")
    assert pages("index").ask("/healthz").status_code == 200

    wheel = fakepypi.publish(project, "2.0")
    assert files("index").ask(wheel.path).status_code == 200
    assert files("index").ask(f"{wheel.metadata_path}").status_code == 200

    refused = pages("index").page(f"{project}-unknown")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert refused.text.startswith("Cellar: ")


@pytest.mark.parametrize(
    ("upstream_says", "seconds"),
    [
        ({"Cache-Control": "max-age=600, public"}, 600),
        ({"Cache-Control": "max-age=86400, public"}, 600),
        ({"Cache-Control": "public, max-age=40"}, 40),
        ({"Cache-Control": "max-age=600", "Age": "500"}, 100),
        ({"Cache-Control": "max-age=600, s-maxage=50"}, 50),
        ({"Cache-Control": "max-age=600, stale-while-revalidate=9999, stale-if-error=9999"}, 600),
        ({"Cache-Control": None}, 600),
        ({"Cache-Control": "max-age=600", "Expires": "Thu, 01 Jan 2099 00:00:00 GMT"}, 600),
        ({"Cache-Control": "max-age=600", "X-Accel-Expires": "99999"}, 600),
        ({"Cache-Control": "max-age=600", "Vary": "*"}, 600),
    ],
)
@pytest.mark.parametrize("door", DOORS)
def test_a_page_is_fresh_for_what_upstream_allows_and_ten_minutes_at_most(
    pages: OpenDoor,
    fakepypi: FakePyPI,
    published: PublishedFile,
    door: str,
    upstream_says: dict[str, str | None],
    seconds: int,
) -> None:
    """In total: a client counts from the answer's Date, and it had an age in the cache already."""
    path = f"/simple/{published.project}/"
    with fakepypi.behaving("index", path, headers=upstream_says):
        first = pages(door).page(published.project)
    again = pages(door).page(published.project)
    assert fakepypi.totals(path=path).requests == 1
    (asked,) = fakepypi.requests(path=path)
    assert max_age(first) == seconds
    # What comes out of the cache may have been there for half of its time.
    assert max_age(again) <= seconds // 2
    assert max_age(again) > 0 or seconds < 600, "installers ask for PyPI's own pages all the time"
    for answer in (first, again):
        sent = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        assert abs(sent - asked.time) < 5
        assert sent + max_age(answer) <= asked.time + seconds + 1
        assert not {"Age", "Expires", "X-Accel-Expires"} & answer.headers.keys()
        assert "stale-" not in answer.headers["Cache-Control"], "how long is for us to say"
        assert "X-Client-Cache-Control" not in answer.headers


@pytest.mark.parametrize("directive", ["no-store", "no-cache", "private", "max-age=0"])
def test_what_upstream_forbids_to_keep_is_not_kept(
    pages: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, directive: str
) -> None:
    path = f"/simple/{published.project}/"
    with fakepypi.behaving("index", path, headers={"Cache-Control": directive}):
        answers = [pages("index").page(published.project) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert fakepypi.totals(path=path).requests == 2
    assert max_age(answers[1]) == 0


@pytest.mark.parametrize("door", DOORS)
def test_an_expired_page_is_asked_for_anew(
    pages: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, door: str
) -> None:
    """And a release that was published meanwhile is seen."""
    path = f"/simple/{published.project}/"
    with fakepypi.behaving("index", path, headers={"Cache-Control": "max-age=1"}):
        old = pages(door).page(published.project)
        fakepypi.publish(published.project, "2.0")
        while fakepypi.totals(path=path).requests < 2:
            seen = pages(door).page(published.project)
    seen = pages(door).page(published.project)
    assert len(old.json()["files"]) == 1
    assert len(seen.json()["files"]) == 2
    assert seen.headers["ETag"] != old.headers["ETag"]


@pytest.mark.parametrize("door", DOORS)
def test_an_unknown_project_is_remembered_for_a_minute_at_most(
    pages: OpenDoor, fakepypi: FakePyPI, project: str, door: str
) -> None:
    """Installers ask every index for every name; who has just published must not wait long."""
    path = f"/simple/{project}/"
    answers = [pages(door).ask(path, {"Accept": ACCEPT[form]}) for form in ("json", "json")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert fakepypi.totals(path=path).requests == 1
    assert 0 < max_age(answers[0]) <= 60
    assert max_age(answers[1]) == 0, "it may be a minute old already"


# Freshness counts in whole seconds, and goes over into what is served while it is renewed.
ONE_SECOND = {"headers": {"Cache-Control": "max-age=1"}}
SIX_SECONDS = {"headers": {"Cache-Control": "max-age=6"}}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("door", DOORS)
def test_a_page_that_nobody_has_changed_costs_upstream_one_304(
    pages: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, door: str, form: str
) -> None:
    path = f"/simple/{published.project}/"
    with fakepypi.behaving("index", path, **ONE_SECOND):
        first = pages(door).page(published.project, form)
    time.sleep(2.1)
    renewed = pages(door).page(published.project, form)

    assert renewed.headers["X-Cache"] == "REVALIDATED"
    assert document(renewed) == document(first)
    assert renewed.headers["ETag"] == first.headers["ETag"]
    assert max_age(renewed) > 0, "to clients it is as fresh as on the first day"
    _, asked = fakepypi.requests(path=path)
    assert (asked.status, asked.bytes_sent) == (304, 0)
    assert asked.header("if-none-match")
    assert pages(door).page(published.project, form).headers["X-Cache"] == "HIT"


@pytest.mark.parametrize("door", DOORS)
def test_in_the_second_half_of_its_time_a_page_is_served_at_once(
    pages: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, door: str
) -> None:
    """Upstream says nothing for as long as the clients ask, so none of them has waited for it."""
    path = f"/simple/{published.project}/"
    with fakepypi.behaving("index", path, **SIX_SECONDS):
        old = pages(door).page(published.project)
    fakepypi.publish(published.project, "2.0")
    time.sleep(4.1)
    with fakepypi.behaving("index", path, hold=True):
        answers = pages(door).ask_at_once(20, path, {"Accept": JSON})
        fakepypi.wait_for(2, path=path)
    assert {document(answer) for answer in answers} == {document(old)}

    fakepypi.wait_until_idle(path=path)
    deadline = time.monotonic() + 10
    while len(pages(door).page(published.project).json()["files"]) < 2:
        assert time.monotonic() < deadline, "the engine has not put the new page in its place"
        time.sleep(0.05)
    asked = [(r.header("if-none-match"), r.status) for r in fakepypi.requests(path=path)]
    assert len(asked) == 2, asked


@pytest.mark.parametrize("door", DOORS)
def test_after_its_time_all_wait_for_one_request_and_nobody_gets_the_old_page(
    pages: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, door: str
) -> None:
    """The first pipeline of the morning must see what was released in the night."""
    path = f"/simple/{published.project}/"
    with fakepypi.behaving("index", path, **ONE_SECOND):
        pages(door).page(published.project)
    fakepypi.publish(published.project, "2.0")
    time.sleep(2.1)
    with fakepypi.behaving("index", path, delay=0.5):
        answers = pages(door).ask_at_once(50, path, {"Accept": JSON})

    assert [len(answer.json()["files"]) for answer in answers] == [2] * 50
    assert fakepypi.totals(path=path).requests == 2


@pytest.mark.parametrize("door", DOORS)
def test_an_older_page_than_the_one_before_is_never_served(
    pages: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, door: str
) -> None:
    """Promise 6. PyPI is many caches, and one of them may lag behind."""
    path = f"/simple/{published.project}/"
    fakepypi.publish(published.project, "2.0")
    with fakepypi.behaving("index", path, **ONE_SECOND):
        new = pages(door).page(published.project)
    time.sleep(2.1)
    with fakepypi.behaving("index", path, serial=published.serial):
        answers = [pages(door).page(published.project) for _ in range(2)]

    assert len(new.json()["files"]) == 2
    assert [document(answer) for answer in answers] == [document(new)] * 2
