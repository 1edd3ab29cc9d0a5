"""Each misbehaviour, seen on the wire through a raw TLS socket."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from fakepypi.client import FakePyPI
from fakepypi.misbehaviour.behaviour import MIRROR
from fakepypi.raw import Answer

Ask = Callable[..., Answer]
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
SIZE = 200_000


@pytest.mark.parametrize("status", [403, 404, 429, 500, 502, 503, 504])
def test_status_replaces_the_answer_and_loses_its_headers(
    upstream: FakePyPI, ask_file: Ask, status: int
) -> None:
    with upstream.behaving("files", status=status, retry_after=7):
        answer = ask_file()
    assert (answer.status, answer.headers["retry-after"]) == (status, "7")
    assert not {"cache-control", "etag", "accept-ranges"} & answer.headers.keys()
    assert len(answer.body) < 100


def test_times_and_skip_choose_which_requests_misbehave(upstream: FakePyPI, ask_file: Ask) -> None:
    with upstream.behaving("files", status=503, skip=1, times=2):
        assert [ask_file().status for _ in range(5)] == [200, 503, 503, 200, 200]
        (rule,) = upstream.behaviours().values()
    assert rule["acted"] == 2
    assert upstream.behaviours() == {}


def test_only_the_named_requests_misbehave(
    upstream: FakePyPI, ask_file: Ask, ask_page: Ask
) -> None:
    with upstream.behaving("files", path="*.whl", method="GET", status=503):
        assert [ask_file().status, ask_file(method="HEAD").status, ask_page().status] == [
            503,
            200,
            200,
        ]
    assert ask_file().status == 200


def test_one_flipped_bit_is_the_only_difference_in_whole_and_range(
    upstream: FakePyPI, ask_file: Ask
) -> None:
    whole = ask_file()
    with upstream.behaving("files", flip_bit=100_000):
        wrong = ask_file()
        near = ask_file({"Range": "bytes=99999-100001"})
        far = ask_file({"Range": "bytes=0-99999"})
    differing = [i for i in range(SIZE) if wrong.body[i] != whole.body[i]]
    assert differing == [100_000]
    assert wrong.body[100_000] ^ whole.body[100_000] == 1
    assert near.body == wrong.body[99_999:100_002]
    assert far.body == whole.body[:100_000]
    assert wrong.headers["content-length"] == whole.headers["content-length"]


@pytest.mark.parametrize("error", [-5, 5])
def test_a_wrong_length_is_in_the_head_only(upstream: FakePyPI, ask_file: Ask, error: int) -> None:
    with upstream.behaving("files", length_error=error):
        answer = ask_file()
    assert answer.headers["content-length"] == str(SIZE + error)
    assert (len(answer.body), answer.end) == (SIZE, "closed")


def test_chunks_replace_the_length(upstream: FakePyPI, ask_file: Ask) -> None:
    whole = ask_file().body
    with upstream.behaving("files", framing="chunked"):
        answer = ask_file()
    assert answer.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in answer.headers
    body, rest = b"", answer.body
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    assert body == whole


def test_a_body_may_end_with_the_connection(upstream: FakePyPI, ask_file: Ask) -> None:
    whole = ask_file().body
    with upstream.behaving("files", framing="eof"):
        answer = ask_file()
    assert not {"content-length", "transfer-encoding"} & answer.headers.keys()
    assert (answer.body, answer.end) == (whole, "closed")


def test_a_garbage_status_line_is_sent_as_given(upstream: FakePyPI, ask_page: Ask) -> None:
    with upstream.behaving("index", status_line="ICY 200 what?"):
        assert ask_page().first_line == "ICY 200 what?"


@pytest.mark.parametrize(("form", "start"), [("json", b'{"files"'), ("html", b"<!DOCTYPE html>")])
def test_a_form_is_forced_and_may_be_mislabelled(
    upstream: FakePyPI, ask_page: Ask, form: str, start: bytes
) -> None:
    with upstream.behaving("index", form=form):
        answers = [ask_page(JSON), ask_page()]
        with upstream.behaving("index", headers={"Content-Type": "application/x-lie"}):
            lie = ask_page()
    assert [answer.body[: len(start)] for answer in answers] == [start, start]
    assert {form in answer.headers["content-type"] for answer in answers} == {True}
    assert (lie.body[: len(start)], lie.headers["content-type"]) == (start, "application/x-lie")


def test_a_mirror_sends_html_and_nothing_to_cache_by(
    upstream: FakePyPI, ask_page: Ask, ask_file: Ask
) -> None:
    with upstream.behaving(**MIRROR):
        page = ask_page({**JSON, "If-None-Match": "*"})
        file = ask_file({"Range": "bytes=0-9"})
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=UTF-8")
    assert (file.status, len(file.body)) == (200, SIZE)
    absent = {"etag", "cache-control", "vary", "accept-ranges", "last-modified"}
    assert not absent & {*page.headers, *file.headers}


def test_a_changing_etag_is_never_the_same_twice(upstream: FakePyPI, ask_page: Ask) -> None:
    with upstream.behaving("index", changing_etag=True):
        etags = [ask_page().headers["etag"] for _ in range(3)]
        assert len(set(etags)) == 3
        assert ask_page({"If-None-Match": ", ".join(etags)}).status == 200


def test_ignoring_ranges_and_conditions(upstream: FakePyPI, ask_page: Ask, ask_file: Ask) -> None:
    with upstream.behaving(ignore_range=True, ignore_conditional=True):
        assert ask_page({"If-None-Match": ask_page().headers["etag"]}).status == 200
        answer = ask_file({"Range": "bytes=0-9"})
    assert (answer.status, len(answer.body)) == (200, SIZE)
    assert "content-range" not in answer.headers


@pytest.mark.parametrize(
    "location", ["https://foreign.example/x", "/simple/demo/", "//index.example/simple/demo/"]
)
@pytest.mark.parametrize("status", [None, 307])
def test_redirects_go_anywhere_even_in_circles(
    upstream: FakePyPI, ask_page: Ask, location: str, status: int | None
) -> None:
    with upstream.behaving("index", location=location, status=status):
        answer = ask_page()
    assert (answer.status, answer.headers["location"]) == (status or 302, location)


def test_headers_are_set_and_removed_whatever_their_case(upstream: FakePyPI, ask_page: Ask) -> None:
    changes = {
        "Set-Cookie": "session=1",
        "X-Accel-Redirect": "/etc/passwd",
        "content-encoding": "br",
        "CACHE-CONTROL": None,
    }
    with upstream.behaving("index", headers=changes):
        answer = ask_page({"Accept-Encoding": "gzip"})
    assert answer.headers["set-cookie"] == "session=1"
    assert answer.headers["x-accel-redirect"] == "/etc/passwd"
    assert answer.headers["content-encoding"] == "br"
    assert gzip.decompress(answer.body)
    assert "cache-control" not in answer.headers


@pytest.mark.parametrize("headers", [JSON, {}])
def test_a_padded_page_is_huge_and_still_right(
    upstream: FakePyPI, ask_page: Ask, headers: dict[str, str]
) -> None:
    normal = ask_page(headers)
    with upstream.behaving("index", padding=5_000_000):
        huge = ask_page(headers)
    assert 5_000_000 <= len(huge.body) - len(normal.body) < 5_000_100
    if headers:
        assert json.loads(huge.body).items() >= json.loads(normal.body).items()
    else:
        assert huge.body.count(b"<a ") == 1


def test_an_older_page_has_an_older_serial_and_fewer_files(
    upstream: FakePyPI, ask_page: Ask
) -> None:
    old = ask_page(JSON)
    serial = int(old.headers["x-pypi-last-serial"])
    upstream.publish("demo", "2.0")
    with upstream.behaving("index", serial=serial):
        again = ask_page(JSON)
    assert (again.body, again.headers["x-pypi-last-serial"]) == (old.body, str(serial))
    assert ask_page(JSON).body != old.body


def test_effects_of_several_behaviours_add_up(upstream: FakePyPI, ask_file: Ask) -> None:
    with upstream.behaving(status=503), upstream.behaving("files", framing="chunked"):
        answer = ask_file()
    assert (answer.status, answer.headers["transfer-encoding"]) == (503, "chunked")


@pytest.mark.parametrize("effects", [{}, {"stauts": 1}, {"status": 503, "times": -1}])
def test_a_wrong_behaviour_never_reaches_the_server(
    upstream: FakePyPI, effects: dict[str, Any]
) -> None:
    with pytest.raises((TypeError, ValueError)), upstream.behaving("files", **effects):
        pass
    assert upstream.behaviours() == {}
