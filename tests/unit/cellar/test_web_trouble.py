"""The rewriter's answers when upstream has no page, or is in trouble."""

import asyncio
import gzip
import logging
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from unit.cellar.rewriting import (
    BODY,
    PATHS,
    Start,
    answer,
    assert_is_one_sentence,
    assert_not_found,
    failing,
)
from unit.cellar.support import PAGES, Rewriter, Upstream, scripted, settings


@pytest.mark.parametrize("status", [404, 410, 503])
@pytest.mark.parametrize(
    ("length", "counted"),
    [({"Content-Length": "23"}, "23"), ({"Content-Length": "10000000"}, "65536"), ({}, "0")],
)
def test_a_body_that_nobody_reads_is_counted_as_its_sender_says(
    start: Start, status: int, length: dict[str, str], counted: str
) -> None:
    """It has come all the same, but of a long one no more than the kernel takes in."""
    said = answer(status, b"x" * 23, length)
    response = start(said).ask("/index/json/simple/an-example/")
    tries = 3 if status == 503 else 1
    assert int(response.headers["x-upstream-bytes"]) == tries * int(counted)


@pytest.mark.parametrize("status", [404, 410])
def test_a_project_that_upstream_does_not_have_is_not_found_for_a_minute(
    start: Start, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    response = start(answer(status, b"gone")).ask(PATHS[0])
    assert_not_found(response)
    assert "an-example" in response.text
    assert cellar_records(caplog) == []


def cellar_records(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name.startswith("cellar")]


def redirect(location: str) -> Upstream:
    return lambda _: scripted(301, header={"Location": location})


def expanding(_: httpx.Request) -> httpx.Response:
    return scripted(body=gzip.compress(bytes(50_000_000)), header={"Content-Encoding": "gzip"})


TROUBLE: dict[str, tuple[Upstream, str]] = {
    **{
        f"status {status}": (answer(status), f"status {status}")
        for status in (204, 206, 304, 400, 401, 403, 429, 500, 502, 503, 504)
    },
    "a connect time-out": (failing(httpx.ConnectTimeout, "slow"), "ConnectTimeout"),
    "a read time-out": (failing(httpx.ReadTimeout, "slow"), "ReadTimeout"),
    "a full pool": (failing(httpx.PoolTimeout, "full"), "PoolTimeout"),
    "a refused connection": (failing(httpx.ConnectError, "refused"), "refused"),
    "a broken connection": (failing(httpx.ReadError, "reset"), "reset"),
    "broken HTTP": (failing(httpx.RemoteProtocolError, "what?"), "what?"),
    "a certificate of nobody": (
        failing(httpx.ConnectError, "self-signed", ssl.SSLCertVerificationError("x")),
        "cannot be trusted",
    ),
    "a body that is too large": (answer(body=b" " * 1_048_577), "larger than 1048576"),
    "a gzip bomb": (expanding, "larger than 1048576"),
    "half a body": (
        answer(body=gzip.compress(BODY)[:99], header={"Content-Encoding": "gzip"}),
        "stop before their end",
    ),
    "another coding": (answer(body=b"x", header={"Content-Encoding": "br"}), "not asked for"),
    "no page": (answer(body=b"It works!"), "neither a JSON object nor HTML"),
    "a sign-in page": (answer(body=(PAGES / "portal.html").read_bytes()), "not an index page"),
    "JSON of another shape": (answer(body=b'{"message": "busy"}'), "meta"),
    "another project's page": (answer(body=BODY.replace(b'"an-', b'"no-')), "not the page of"),
    "deep nesting": (answer(body=b'{"a":' * 100_000), "nested too deeply"),
    "a redirect to another host": (redirect("https://other.example/simple/an-example/"), "other"),
    "a redirect to plain HTTP": (redirect("http://index.example/simple/an-example/"), "http://"),
    "a redirect to another port": (redirect("https://index.example:444/"), ":444"),
    "a redirect to nowhere": (redirect("https://index.example:x/"), "Invalid port"),
    "a redirect to a file": (redirect("file:///etc/passwd"), "To file:"),
    "a redirect to itself": (redirect("/simple/an-example/"), "too often"),
    "a redirect without a target": (lambda _: scripted(301), "status 301"),
}


@pytest.mark.parametrize(("upstream", "reason"), TROUBLE.values(), ids=TROUBLE.keys())
def test_trouble_of_upstream_is_a_503_that_installers_retry(
    start: Start, upstream: Upstream, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = start(upstream).ask(PATHS[0])
    assert response.status_code == 503
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Retry-After"] == "1"
    assert_is_one_sentence(response)
    assert "Error" not in response.text, "no names of the program's inside"
    assert "/etc/" not in response.text

    (record,) = cellar_records(caplog)
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("No page of an-example: ")
    assert reason in record.getMessage()
    assert "\n" not in record.getMessage()
    assert len(record.getMessage()) < 500


def test_a_log_line_stays_one_line_whatever_upstream_says(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    start(failing(httpx.ReadError, "a\nb\r\x1b[31mc" + "d" * 5000)).ask(PATHS[0])
    (record,) = cellar_records(caplog)
    assert record.getMessage().isprintable()
    assert len(record.getMessage()) < 500


def test_a_slow_upstream_is_given_up_when_both_time_outs_have_passed(tmp_path: Path) -> None:
    quick = {"connect_timeout": 0.01, "read_timeout": 0.02}
    given_up = []

    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            try:
                for _ in range(2000):
                    yield b" "
                    await asyncio.sleep(0.001)
                yield BODY
            finally:
                given_up.append(True)

    rewriter = Rewriter(
        settings(tmp_path, upstream=quick), lambda _: httpx.Response(200, stream=Dripping())
    )
    response = rewriter.ask(PATHS[0])
    assert response.status_code == 503
    assert "in time" in response.text
    assert given_up == [True]


def test_redirects_within_upstreams_own_origin_are_followed(start: Start) -> None:
    relative = BODY.replace(b"https://files.example/packages/", b"../../files/")

    def upstream(request: httpx.Request) -> httpx.Response:
        hops = {
            "/simple/an-example/": "/a/",
            "/a/": "https://index.example:443/b/",
            "/b/": "../root/simple/an-example/",
        }
        if request.url.path in hops:
            return scripted(302, header={"Location": hops[request.url.path]})
        return scripted(body=relative)

    rewriter = start(upstream)
    found = rewriter.ask(PATHS[0]).json()
    assert len(rewriter.asked) == 4
    assert found["files"][0]["url"] == (
        f"https://index.example/root/files/0a/1b/{'2' * 60}/An_Example-1.0.tar.gz"
    )


def test_a_defect_of_the_rewriter_is_a_503_too_and_tells_nothing_of_its_inside(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr("cellar.web.pages.read_page", broken)
    response = start(answer()).ask(PATHS[0])
    assert response.status_code == 503
    assert_is_one_sentence(response)
    assert "secret" not in response.text
