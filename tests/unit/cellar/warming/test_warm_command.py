"""`cellar warm` as operators call it, with the engine's own nginx."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from cellar.warming import fetching
from unit.cellar.warming.shop import (
    SDIST,
    WHEEL,
    Shop,
    outcomes,
    poetry_lock,
    uv_lock,
)
from unit.roles.engine import INDEX_DOOR
from unit.roles.variants import INDEX_HOST
from unit.store.stocked import SLICE

PROGRAM = [sys.executable, "-m", "cellar"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": ":".join(sys.path)}


def test_files_their_metadata_and_the_pages_of_both_doors_are_in_the_cache_after_it(
    shop: Shop,
) -> None:
    shop.publish(WHEEL)
    shop.publish(SDIST)

    first = shop.warm(shop.lock("demo==1.0\n"))
    shop.stocked.engine.pypi.requests.clear()
    shop.stocked.engine.rewriter.requests.clear()

    assert first.exit_code == 0, first.output
    names = {
        "page of demo, index door",
        "page of demo, intercept door",
        WHEEL,
        f"{WHEEL}.metadata",
        SDIST,
    }
    assert outcomes(first) == dict.fromkeys(names, "ok fetched")
    for path in (shop.paths[WHEEL], shop.paths[SDIST], f"{shop.paths[WHEEL]}.metadata"):
        assert shop.stocked.cache_status(path) == "HIT"
    for door in (INDEX_DOOR, INDEX_HOST):
        page = shop.stocked.engine.ask(
            "/simple/demo/", door, Accept="application/vnd.pypi.simple.v1+json"
        )
        assert page.headers["x-cache"] == "HIT"
    second = shop.warm(shop.lock("demo==1.0\n"))
    assert (second.exit_code, outcomes(second)) == (0, dict.fromkeys(names, "ok cached"))
    assert shop.asked("/packages/") == []


def test_the_document_that_poetry_installs_by_is_in_the_cache_after_it(shop: Shop) -> None:
    digest = shop.publish(SDIST)
    shop.stocked.publish_document("/pypi/demo/1.0/json", {"info": {}})
    name = "document of demo 1.0"

    first = shop.warm(poetry_lock(shop, SDIST, digest))

    assert first.exit_code == 0, first.output
    assert outcomes(first)[name] == "ok fetched"
    document = shop.stocked.engine.ask("/pypi/demo/1.0/json", INDEX_HOST)
    assert document.headers["x-cache"] == "HIT"
    assert outcomes(shop.warm(poetry_lock(shop, SDIST, digest)))[name] == "ok cached"


def test_a_document_that_poetry_would_not_get_is_missing(shop: Shop) -> None:
    digest = shop.publish(SDIST)

    result = shop.warm(poetry_lock(shop, SDIST, digest))

    assert result.exit_code == 1
    assert outcomes(result)["document of demo 1.0"] == "missing"
    assert outcomes(result)[SDIST] == "ok fetched"


def test_no_document_is_asked_for_where_none_is_installed_by(shop: Shop) -> None:
    digest = shop.publish(SDIST)
    shop.stocked.publish_document("/pypi/demo/1.0/json", {"info": {}})
    source = '[package.source]\ntype = "legacy"\nurl = "https://index.example/simple"\n'

    for lock in (
        poetry_lock(shop, SDIST, digest, source),
        uv_lock(shop, (shop.url(SDIST), digest)),
        shop.lock("demo==1.0\n"),
    ):
        result = shop.warm(lock)
        assert result.exit_code == 0, result.output
        assert "document of demo 1.0" not in outcomes(result), lock


def test_a_document_is_left_out_where_the_door_that_poetry_asks_is_closed(shop: Shop) -> None:
    digest = shop.publish(SDIST)
    shop.stocked.publish_document("/pypi/demo/1.0/json", {"info": {}})
    shop.close_intercept_door()

    result = shop.warm(poetry_lock(shop, SDIST, digest))

    assert result.exit_code == 0, result.output
    assert outcomes(result)["document of demo 1.0"] == "left out"


def test_the_last_line_counts(shop: Shop) -> None:
    shop.publish(SDIST, 3000)

    lines = shop.warm(shop.lock("demo==1.0\nabsent==1\n")).stdout.splitlines()

    assert lines[-1].startswith("6 items, 3.")
    assert lines[-1].endswith(" kB: 3 fetched, 3 missing.")


def test_a_file_that_was_stopped_half_way_is_gone_on_with(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PIECE", SLICE)
    shop.publish(WHEEL, 4 * SLICE)
    shop.stocked.fetch(shop.paths[WHEEL], Range=f"bytes=0-{2 * SLICE - 1}")
    before = len(shop.asked(WHEEL))

    result = shop.warm(shop.lock("demo==1.0\n"))

    assert outcomes(result)[WHEEL] == "ok fetched"
    said = [
        request.headers["range"]
        for request in shop.asked(WHEEL)[before:]
        if not request.target.endswith(".metadata")
    ]
    assert said == [f"bytes={first}-{first + SLICE - 1}" for first in (2 * SLICE, 3 * SLICE)]
    assert outcomes(shop.warm(shop.lock("demo==1.0\n")))[WHEEL] == "ok cached"


def test_no_more_is_asked_for_at_once_than_the_operator_allows(shop: Shop) -> None:
    for number in range(8):
        shop.publish(f"demo-1.{number}.tar.gz")
    text = shop.lock("".join(f"demo==1.{number}\n" for number in range(8)))
    upstream = shop.stocked.engine.pypi
    answer = upstream.answer
    upstream.answer = lambda request: replace(answer(request), delay=0.1)
    try:
        upstream.most_at_once = 0
        assert shop.warm("--parallel", "3", text).exit_code == 0
        assert upstream.most_at_once == 3
    finally:
        upstream.answer = answer


def test_a_program_gets_the_same_as_json(shop: Shop) -> None:
    shop.publish(SDIST, 3000)
    lock = shop.lock("-i https://mirror.example/simple\ndemo==1.0\n")

    result = shop.warm("--json", lock)

    told = json.loads(result.stdout)
    assert (told["ok"], told["interrupted"]) == (True, False)
    assert told["summary"]["ok fetched"] == 3
    assert told["notices"] == [
        f"{lock}: line 1: -i is ignored; the appliance asks its own indexes."
    ]
    assert result.stderr.splitlines() == told["notices"]
    assert {
        "kind": "file",
        "name": SDIST,
        "outcome": "ok fetched",
        "detail": "",
        "path": shop.paths[SDIST],
        "bytes": 3000,
    } in told["items"]


def test_an_interrupted_run_says_what_it_did_and_the_next_one_goes_on(shop: Shop) -> None:
    for number in range(6):
        shop.publish(f"demo-1.{number}.tar.gz")
    lock = shop.lock("".join(f"demo==1.{number}\n" for number in range(6)))
    upstream = shop.stocked.engine.pypi
    answer = upstream.answer
    upstream.answer = lambda request: replace(answer(request), delay=0.3)
    try:
        process = subprocess.Popen(
            [*PROGRAM, *shop.arguments("--parallel", "1", lock)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            text=True,
        )
        assert process.stdout is not None
        # Two pages and a file.
        begun = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        rest, problems = process.communicate(timeout=30)
    finally:
        upstream.answer = answer

    done = sum(line.startswith("ok fetched") for line in [*begun, *rest.splitlines()])
    assert 3 <= done < 8
    assert process.returncode == 1
    assert rest.splitlines()[-1].endswith(f": {done} fetched.")
    assert problems == "Interrupted; the same command goes on there.\n"
    second = list(outcomes(shop.warm(lock)).values())
    assert len(second) == 8
    assert second.count("ok cached") >= done
    assert "ok fetched" in second


def test_a_terminal_shows_a_bar_and_the_results_below_it(shop: Shop) -> None:
    shop.publish(SDIST)
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *shop.arguments(shop.lock("demo==1.0\n"))],
        stdin=its,
        stdout=its,
        stderr=its,
        env=ENVIRONMENT,
    )
    os.close(its)
    shown = b""
    # The end of a terminal is an error on Linux.
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)

    assert process.wait(timeout=30) == 0
    bars, _, results = shown.decode().rpartition("100%")
    assert "Pages  [" in bars
    assert "Files  [" in bars
    assert "ok fetched" not in bars
    assert results.count("ok fetched") == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--python", "312"], "'312' is no version of Python such as 3.12 or 3.13t."),
        (["bad.lock"], "is of no known format"),
        (["absent.txt"], "cannot be read"),
    ],
)
def test_nothing_is_asked_if_something_cannot_be_understood(
    shop: Shop, arguments: list[str], sentence: str
) -> None:
    shop.publish(SDIST)
    (shop.directory / "bad.lock").write_text("a = 1\n")
    files = [str(shop.directory / each) if "." in each else each for each in arguments]

    result = shop.warm(shop.lock("demo==1.0\n"), *files)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert shop.stocked.engine.rewriter.requests == []
