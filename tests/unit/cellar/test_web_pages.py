"""The rewriter's answers when upstream has the page, or nobody needs to ask it."""

import gzip
import re

import httpx
import pytest

from unit.cellar.rewriting import (
    BODY,
    HTML,
    HTML_BODY,
    JSON,
    PATHS,
    Start,
    answer,
    assert_is_one_sentence,
    assert_not_found,
    failing,
)
from unit.cellar.support import PYPI, SimplePage


def test_upstream_is_asked_once_for_the_page_in_the_forms_of_pep_691(start: Start) -> None:
    rewriter = start(answer())
    assert rewriter.ask(PATHS[0]).status_code == 200
    (request,) = rewriter.asked
    assert request.method == "GET"
    assert str(request.url) == "https://index.example/simple/an-example/"
    assert request.headers["Accept"] == (
        "application/vnd.pypi.simple.v1+json, "
        "application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
    )
    assert request.headers["Accept-Encoding"] == "gzip"
    assert request.headers["User-Agent"] == "cellar/0.1.0 (mailto:operator@example)"


def test_nothing_that_a_client_sends_reaches_upstream(start: Start) -> None:
    rewriter = start(answer(header={"Set-Cookie": "session=1; Path=/"}))
    sent = {"Authorization": "Basic eDp5", "Cookie": "a=b", "X-Forwarded-Host": "evil.example"}
    for _ in range(2):
        rewriter.ask(f"{PATHS[0]}?a=b", **sent)
    for request in rewriter.asked:
        assert set(request.headers) == {
            "host", "accept", "accept-encoding", "connection", "user-agent", "cdn-loop"
        }  # fmt: skip
        assert request.url.query == b""
        assert request.headers["Host"] == "index.example"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", [BODY, HTML_BODY], ids=["JSON", "HTML"])
def test_every_view_of_every_upstream_form_is_a_complete_answer(
    start: Start, path: str, body: bytes
) -> None:
    response = start(answer(body=body)).ask(path)
    assert response.status_code == 200
    form = path.split("/")[2]
    header = dict(response.headers)
    assert re.fullmatch(r'"0123abcd-3[a-z]{2}\.-\.[!#-~]+"', header.pop("etag"))
    assert int(header.pop("content-length")) > 0
    policy = header.pop("content-security-policy", None)
    assert (policy is not None) == (form == "html")
    assert header == {
        "content-type": JSON if form == "json" else HTML,
        "content-encoding": "gzip",
        "cache-control": "max-age=300, stale-while-revalidate=300, public",
        "x-client-cache-control": "max-age=600, public",
        "vary": "Accept, Accept-Encoding",
        "x-pypi-last-serial": "31415926",
        "x-upstream-bytes": str(len(body)),
    }
    if form == "json":
        names = [file["filename"] for file in response.json()["files"]]
    else:
        names = [link["text"] for link in SimplePage(response.text).links]
    assert names[:2] == ["An_Example-1.0.tar.gz", "an_example-2.0-py3-none-any.whl"]


def test_the_body_decides_the_parser_and_not_the_content_type(start: Start) -> None:
    for body in (BODY, HTML_BODY):
        for content_type in (JSON, HTML, "text/html", "application/octet-stream"):
            rewriter = start(answer(body=body, header={"Content-Type": content_type}))
            found = rewriter.ask("/index/json/simple/an-example/").json()
            assert found["files"][0]["filename"] == "An_Example-1.0.tar.gz"


def test_the_intercept_door_passes_upstreams_json_byte_for_byte(start: Start) -> None:
    assert start(answer()).ask("/intercept/json/simple/an-example/").content == BODY


def test_equal_pages_are_equal_bytes_with_equal_etags_and_other_pages_are_not(
    start: Start,
) -> None:
    answers = [start(answer()).ask(path) for path in PATHS for _ in range(2)]
    etags = [response.headers["ETag"] for response in answers]
    assert etags[::2] == etags[1::2]
    assert len(set(etags)) == len(PATHS)
    changed = start(answer(body=BODY.replace(b"31415926", b"31415927"))).ask(PATHS[0])
    assert changed.headers["ETag"] not in etags


@pytest.mark.parametrize("path", PATHS)
def test_pages_are_compressed_into_bytes_that_do_not_depend_on_the_time(
    start: Start, path: str
) -> None:
    rewriter = start(answer())
    sent = rewriter.wire(path)
    assert gzip.decompress(sent) == rewriter.ask(path).content
    assert sent[4:8] == bytes(4), "the time in the header of gzip (RFC 1952 section 2.3)"


@pytest.mark.parametrize(
    ("cache_control", "max_age", "told"),
    [
        ("max-age=600, public", 60, "max-age=60"),
        ("max-age=45, public", 600, "max-age=45"),
        ("", 600, "max-age=600"),
        ("no-store", 600, "max-age=0"),
    ],
)
def test_freshness_is_upstreams_own_up_to_the_appliances_limit(
    start: Start, cache_control: str, max_age: int, told: str
) -> None:
    upstream = answer(header={"Cache-Control": cache_control})
    response = start(upstream, pages={"max_age": max_age}).ask(PATHS[0])
    assert response.headers["X-Client-Cache-Control"] == f"{told}, public"


def test_the_serial_of_the_header_is_used_when_the_page_says_none(start: Start) -> None:
    page = b'{"meta": {"api-version": "1.0"}, "name": "an-example", "files": []}'
    for told, sent in (("271828", "271828"), ("27x", None), ("", None)):
        response = start(answer(body=page, header={"X-PyPI-Last-Serial": told})).ask(PATHS[0])
        assert response.headers.get("X-PyPI-Last-Serial") == sent


def test_upstreams_gzip_is_understood(start: Start) -> None:
    upstream = answer(body=gzip.compress(BODY), header={"Content-Encoding": "gzip"})
    assert start(upstream).ask("/intercept/json/simple/an-example/").content == BODY


def test_a_head_request_has_the_header_of_the_page_and_no_body(start: Start) -> None:
    rewriter = start(answer())
    head, get = rewriter.ask(PATHS[0], "HEAD"), rewriter.ask(PATHS[0])
    assert head.status_code == 200
    assert dict(head.headers) == dict(get.headers)
    assert head.content == b""


@pytest.mark.parametrize(
    ("rest", "location"),
    [
        ("an-example", "/simple/an-example/"),
        ("An_Example/", "/simple/an-example/"),
        ("an...example", "/simple/an-example/"),
        ("/an-example/", "/simple/an-example/"),
        ("an-example//", "/simple/an-example/"),
        ("SIX/", "/simple/six/"),
    ],
)
def test_other_spellings_of_a_name_are_redirected_without_asking_upstream(
    start: Start, rest: str, location: str
) -> None:
    rewriter = start(answer())
    for door in ("index/json", "index/html", "intercept/json", "intercept/html"):
        for method in ("GET", "HEAD"):
            response = rewriter.ask(f"/{door}/simple/{rest}", method)
            assert response.status_code == 301
            assert response.headers["Location"] == location
    assert rewriter.asked == []


def test_a_file_url_of_another_prefix_stays_even_when_it_has_a_hashed_path(start: Start) -> None:
    index = {**PYPI, "files": ["https://elsewhere.example/packages/"]}
    rewriter = start(answer(), indexes=[index])
    urls = [file["url"] for file in rewriter.ask(PATHS[0]).json()["files"]]
    assert [url for url in urls if url.startswith("../../")] == [
        f"../../packages/aa/bb/{'c' * 60}/an_example-0.2.zip"
    ]


NOT_FOUND = [
    "/index/json/simple/",
    "/index/json/simple/-/",
    "/index/json/simple/a/b/",
    "/index/json/simple/a%2Fb/",
    "/index/json/simple/..%2f..%2fsecret/",
    "/index/json/simple/a%00/",
    "/index/json/simple/%E2%84%AAelvin/",
    "/index/json/simple/a%0d%0aX-Injected:1/",
    "/index/json/simple/https:/evil.example/",
    "/index/json/simple/@evil.example/",
    "/index/xml/simple/six/",
    "/proxy/json/simple/six/",
    "/index/json/simple",
    "/index/json/pypi/six/",
    "/simple/six/",
    "/healthz/",
    "/",
]


@pytest.mark.parametrize("path", NOT_FOUND)
def test_what_is_no_page_is_not_found_without_asking_upstream(start: Start, path: str) -> None:
    rewriter = start(answer())
    assert_not_found(rewriter.ask(path))
    assert rewriter.asked == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused_without_asking_upstream(start: Start, method: str) -> None:
    rewriter = start(answer())
    for path in (PATHS[0], "/healthz"):
        response = rewriter.ask(path, method)
        assert response.status_code == 405
        assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD"}
        assert_is_one_sentence(response)
    assert rewriter.asked == []


def test_the_health_check_answers_without_asking_upstream(start: Start) -> None:
    rewriter = start(failing(httpx.ConnectError, "refused"))
    for method in ("GET", "HEAD"):
        assert rewriter.ask("/healthz", method).status_code == 200
    assert rewriter.asked == []
