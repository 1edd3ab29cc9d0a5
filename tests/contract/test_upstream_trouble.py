"""Promise 5: upstream trouble is not the client's trouble, and it is never remembered."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
import requests
from urllib3.exceptions import ProtocolError

from support.door import JSON
from support.fixtures import DOORS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.door import OpenDoor

Trouble = Callable[["FakePyPI", str], AbstractContextManager[None]]
SHORT_LIVED = {"headers": {"Cache-Control": "max-age=1"}}


def behaving(**effects: Any) -> Trouble:
    return lambda fakepypi, path: fakepypi.behaving(path=path, **effects)


def refusing(fakepypi: FakePyPI, _path: str) -> AbstractContextManager[None]:
    return fakepypi.down()


@contextmanager
def resetting(fakepypi: FakePyPI, _path: str) -> Iterator[None]:
    with fakepypi.down():
        pass  # kept connections are closed, so that new ones meet the reset
    with fakepypi.behaving(connection="reset"):
        yield


# What tells by itself that it is no file.
PLAIN_TROUBLES: dict[str, Trouble] = {
    **{str(status): behaving(status=status) for status in (403, 429, 500, 502, 503, 504)},
    "says 503 is fresh": behaving(status=503, headers={"Cache-Control": "max-age=600, public"}),
    "says 404 is fresh for a day": behaving(status=403, headers={"Cache-Control": "max-age=86400"}),
    "asks for an hour": behaving(status=429, retry_after=3600),
    "refuses connections": refusing,
    "resets connections": resetting,
}
# What may be passed on, since the client sees that it is not the file; but it is never remembered.
TROUBLES: dict[str, Trouble] = {
    **PLAIN_TROUBLES,
    "ends in the head": behaving(status_line="HTTP/1.1"),
    "is not HTTP": behaving(status_line="220 mail.example ESMTP"),
    "redirects elsewhere": behaving(location="https://evil.example/"),
    "redirects in circles": behaving(location="/simple/"),
}
# Of pages only: their end is known to the rewriter, and their content to be a page's.
PAGE_TROUBLES: dict[str, Trouble] = {
    **TROUBLES,
    "ends too early": behaving(truncate_after=100),
    "is cut off": behaving(reset_after=100),
    "promises too much": behaving(length_error=50),
    "sends an empty body": behaving(status=200),
    "sends no gzip as gzip": behaving(headers={"Content-Encoding": "gzip"}, status=200),
    "speaks an unknown coding": behaving(headers={"Content-Encoding": "x-unknown"}),
}


def is_a_sentence_for_later(answer: requests.Response) -> bool:
    """Tell whether an answer is what installers try again after, and not 504 or 429 (pip)."""
    return (
        answer.status_code == 503
        and answer.headers.get("Retry-After", "").isdecimal()
        and answer.headers.get("Cache-Control", "no-store") == "no-store"
        and answer.text[0].isupper()
        and answer.text.endswith(".\n")
    )


@pytest.mark.parametrize("trouble", PAGE_TROUBLES)
def test_a_page_that_is_not_cached_waits_for_better_times(
    pages: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, trouble: str
) -> None:
    """503 with a sentence, never stored: the first request after the trouble gets the page."""
    path = f"/simple/{published.project}/"
    with PAGE_TROUBLES[trouble](fakepypi, path):
        answers = {door: pages(door).page(published.project) for door in DOORS}
    for door, answer in answers.items():
        assert is_a_sentence_for_later(answer), (answer.status_code, answer.headers, answer.text)
        recovered = pages(door).page(published.project)
        assert (recovered.status_code, len(recovered.json()["files"])) == (200, 1)


@pytest.fixture(scope="module")
def seen_before(fakepypi: FakePyPI, pages: OpenDoor) -> Iterator[Callable[[str], str]]:
    """
    Return the project of a trouble: its pages have been served, and have expired since.

    All are asked for together, so that their expiry is waited for once.
    """
    stamp = f"{time.time_ns():x}"
    projects = {trouble: f"s{stamp}-{n}" for n, trouble in enumerate(PAGE_TROUBLES)}
    with fakepypi.behaving("index", f"/simple/s{stamp}-*/", **SHORT_LIVED):
        for project in projects.values():
            fakepypi.publish(project, "1.0")
            for door in DOORS:
                assert pages(door).page(project).status_code == 200
    # Freshness counts in whole seconds.
    expired = time.monotonic() + 2.1

    def of(trouble: str) -> str:
        time.sleep(max(0.0, expired - time.monotonic()))
        return projects[trouble]

    yield of
    for project in projects.values():
        fakepypi.withdraw(project)


@pytest.mark.parametrize("trouble", PAGE_TROUBLES)
def test_a_page_seen_before_is_served_stale(
    pages: OpenDoor, fakepypi: FakePyPI, seen_before: Callable[[str], str], trouble: str
) -> None:
    """And when upstream is well again, what it says now: two seconds later at the latest."""
    project = seen_before(trouble)
    fakepypi.publish(project, "2.0")  # or upstream says 304, and a body is nothing it can spoil
    with PAGE_TROUBLES[trouble](fakepypi, f"/simple/{project}/"):
        answers = [pages(door).page(project) for door in DOORS for _ in range(2)]
    for answer in answers:
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, JSON)
        assert len(answer.json()["files"]) == 1
    end = time.monotonic() + 2.1
    for door in DOORS:
        while len(pages(door).page(project).json()["files"]) != 2:
            assert time.monotonic() < end, "the trouble is remembered for too long"


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_file_that_is_not_cached_waits_for_better_times(
    files: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, trouble: str
) -> None:
    """Whatever the answer is now, the first one after the trouble is the file."""
    with TROUBLES[trouble](fakepypi, published.path):
        try:
            answer = files("index").ask(published.path)
        except requests.RequestException:
            assert trouble not in PLAIN_TROUBLES
        else:
            good = is_a_sentence_for_later(answer) or trouble not in PLAIN_TROUBLES
            assert good, (answer.status_code, answer.headers, answer.text)
    recovered = files("index").ask(published.path)
    assert (recovered.status_code, len(recovered.content)) == (200, published.size)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_cached_file_needs_no_upstream(
    files: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, trouble: str
) -> None:
    whole = files("index").ask(published.path)
    before = fakepypi.totals(path=published.path).requests
    with TROUBLES[trouble](fakepypi, published.path):
        answers = [files(door).ask(published.path) for door in DOORS]
    assert [(a.status_code, a.content) for a in answers] == [(200, whole.content)] * 2
    assert fakepypi.totals(path=published.path).requests == before


CUT_SHORT: dict[str, dict[str, Any]] = {
    "closed early": {"truncate_after": 1000},
    "reset": {"reset_after": 1000},
    "longer than sent": {"length_error": 100},
    "without a length, ended early": {"framing": "eof", "truncate_after": 1000},
    "in chunks, ended early": {"framing": "chunked", "truncate_after": 1000},
}


@pytest.mark.parametrize("ranges", ["ranges", "no ranges"])
@pytest.mark.parametrize("how", CUT_SHORT)
def test_a_file_that_ends_too_early_is_never_stored(
    files: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, how: str, ranges: str
) -> None:
    """One broken connection to PyPI must not break every build until somebody purges."""
    effects = {**CUT_SHORT[how], "ignore_range": ranges == "no ranges"}
    with fakepypi.behaving("files", published.path, method="GET", times=1, **effects):
        # What the client gets is the part that came, and then nothing, or the end.
        cut = files("index").ask(published.path, stream=True)
        cut.raw.read(1000)
        cut.close()
    again = files("index").ask(published.path)
    assert (again.status_code, len(again.content)) == (200, published.size)


@pytest.mark.parametrize("how", CUT_SHORT)
def test_a_later_part_of_a_file_that_ends_too_early_is_never_stored(
    files: OpenDoor, fakepypi: FakePyPI, project: str, how: str
) -> None:
    """What came before it was right, and says nothing of it."""
    slice_size = 8 * 1024 * 1024
    file = fakepypi.publish(
        project, "1.0", kind="blob", filename=f"{project}-1.0.tar.gz", size=9_000_000
    )
    cut = fakepypi.behaving("files", file.path, method="GET", skip=1, times=1, **CUT_SHORT[how])
    with cut, closing(files("index").ask(file.path, stream=True)) as answer:
        answer.raw.read(slice_size + 1000)
    again = files("index").ask(file.path)
    assert hashlib.blake2b(again.content, digest_size=32).hexdigest() == file.blake2b_256
    asked = [
        dict(each.headers)["range"] for each in fakepypi.requests(path=file.path, method="GET")
    ]
    assert len([each for each in asked if each.startswith("bytes=0-")]) == 1


@pytest.mark.parametrize("framing", ["eof", "chunked"])
def test_a_file_of_unknown_length_is_passed_but_never_stored(
    files: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, framing: str
) -> None:
    """If it ended early, nothing would tell."""
    with fakepypi.behaving("files", published.path, framing=framing, ignore_range=True):
        answers = [files("index").ask(published.path) for _ in range(2)]
    assert [len(answer.content) for answer in answers] == [published.size] * 2
    assert fakepypi.totals(path=published.path, method="GET").requests == 2


def test_a_download_survives_an_upstream_that_dies_between_slices(
    files: OpenDoor, fakepypi: FakePyPI, project: str
) -> None:
    """One hiccup in a file of gigabytes is asked for again, and the client sees none of it."""
    file = fakepypi.publish(
        project, "1.0", kind="blob", filename=f"{project}-1.0.tar.gz", size=20_000_000
    )
    with fakepypi.behaving("files", file.path, method="GET", skip=1, times=1, status=503):
        answer = files("index").ask(file.path)
    assert (answer.status_code, len(answer.content)) == (200, file.size)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "how", [name for name in CUT_SHORT if name != "without a length, ended early"]
)
def test_a_download_survives_an_upstream_that_breaks_off_later_in_the_file(
    files: OpenDoor, fakepypi: FakePyPI, project: str, door: str, how: str
) -> None:
    """Its client has a part of the file by then, and must not have anything else after it."""
    file = fakepypi.publish(
        project, "1.0", kind="blob", filename=f"{project}-1.0.tar.gz", size=20_000_000
    )
    with fakepypi.behaving("files", file.path, method="GET", skip=1, times=1, **CUT_SHORT[how]):
        answer = files(door).ask(file.path)
    assert hashlib.blake2b(answer.content, digest_size=32).hexdigest() == file.blake2b_256


@pytest.mark.parametrize("how", CUT_SHORT)
def test_what_is_not_stored_ends_where_upstream_broke_off(
    files: OpenDoor, fakepypi: FakePyPI, project: str, how: str
) -> None:
    """Nobody can send the rest then, and installers try again; wrong bytes are no rest."""
    file = fakepypi.publish(
        project, "1.0", kind="blob", filename=f"{project}-1.0.tar.gz", size=30_000_000
    )
    came = bytearray()
    # Nobody knows beforehand that it is too large to be stored.
    with (
        fakepypi.behaving("files", file.path, method="HEAD", status=503),
        fakepypi.behaving("files", file.path, method="GET", skip=1, times=1, **CUT_SHORT[how]),
        closing(files("index").ask(file.path, stream=True)) as answer,
        suppress(ProtocolError),  # the connection ended before the file did
    ):
        for piece in answer.raw.stream(65536):
            came += piece
    again = files("index").ask(file.path)
    assert hashlib.blake2b(again.content, digest_size=32).hexdigest() == file.blake2b_256
    assert came
    assert again.content.startswith(came)


# What upstream may say in its header that is meant for caches and servers, not for our clients.
STEERING = {
    "X-Accel-Redirect": "/healthz",
    "X-Accel-Expires": "0",
    "X-Accel-Limit-Rate": "1",
    "X-Accel-Buffering": "no",
    "X-Accel-Charset": "utf-7",
    "Set-Cookie": "a=b",
    "Vary": "*",
    "Strict-Transport-Security": "max-age=99999",
}
SEEN = STEERING.keys() - {"Vary", "X-Accel-Charset"}


@pytest.mark.parametrize("door", DOORS)
def test_upstreams_header_steers_neither_the_cache_nor_its_clients(
    pages: OpenDoor, files: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, door: str
) -> None:
    for opened, path, host in (
        (pages(door), f"/simple/{published.project}/", "index"),
        (files(door), published.path, "files"),
    ):
        with fakepypi.behaving(host, path, headers=STEERING):  # type: ignore[arg-type] # a Role
            first = opened.ask(path, {"Accept": JSON})
        second = opened.ask(path, {"Accept": JSON})
        assert (first.status_code, first.content) == (200, second.content)
        assert published.filename in first.text or len(first.content) == published.size
        for answer in (first, second):
            said = {n for n in SEEN if n in answer.headers}
            assert said == set()
        assert fakepypi.totals(path=path, method="GET").requests == 1


def test_a_silent_upstream_is_given_up_and_clients_are_told(
    pages: OpenDoor, fakepypi: FakePyPI, project: str
) -> None:
    """
    A page and a file that are not cached, and a page that is; all at once, for it takes long.

    Installers give up after 15 s (pip) or 30 s (uv) and ask again; what counts is that nothing
    wrong is stored, that the page seen before is served, and that waiting ends.
    """
    path = f"/simple/{project}/"
    file = fakepypi.publish(project, "1.0")
    index, intercept = pages("index"), pages("intercept")
    with fakepypi.behaving("index", path, **SHORT_LIVED):
        index.page(project)
    time.sleep(2.1)  # until that has expired
    with (
        fakepypi.behaving(path=path, hold=True),
        fakepypi.behaving(path=file.path, hold=True),
        ThreadPoolExecutor() as pool,
    ):
        asked = [
            pool.submit(door.ask, what, {"Accept": JSON})
            for door, what in ((index, path), (intercept, path), (index, file.path))
        ]
        stale, page, whole = (answer.result() for answer in asked)
    assert (stale.status_code, len(stale.json()["files"])) == (200, 1)
    assert is_a_sentence_for_later(page)
    assert is_a_sentence_for_later(whole)
    assert intercept.page(project).status_code == 200
    assert len(index.ask(file.path).content) == file.size
