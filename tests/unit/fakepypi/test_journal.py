"""The request log: every request, in order, with exact counts."""

import asyncio
from collections.abc import Callable

import pytest

from fakepypi.client import FakePyPI
from fakepypi.control.journal import Totals
from fakepypi.raw import Answer, RawClient

Ask = Callable[..., Answer]


def test_a_record_tells_all_about_a_request(upstream: FakePyPI, ask_files: Ask) -> None:
    file = upstream.publish("demo", "1.0+a")
    target = file.path.replace("+", "%2B") + "?q=1%202"
    ask_files(target, {"Range": "bytes=0-9", "X-Twice": "1"})
    (record,) = upstream.requests()
    assert (record.host, record.method, record.status) == ("files", "GET", 206)
    assert (record.target, record.path, record.query) == (target, file.path, "q=1%202")
    assert (record.range, record.header("X-TWICE"), record.header("absent")) == (
        "bytes=0-9",
        "1",
        None,
    )
    assert (record.tls, record.sni, record.body_size) == (True, "files.example", 0)
    assert (record.bytes_sent, record.outcome) == (10, "completed")
    assert record.duration is not None
    assert 0 <= record.duration < 5


def test_sums_are_exact(upstream: FakePyPI, ask_files: Ask, ask_index: Ask) -> None:
    file = upstream.publish("demo", "1.0", kind="blob", filename="d.whl", size=100_000)
    page = ask_index("/simple/demo/")
    ask_index("/simple/unknown/", method="HEAD")
    ask_files(file.path)
    ask_files(file.path, {"Range": "bytes=0-99,-100"})
    ask_files(file.path, method="HEAD")
    with upstream.behaving("files", truncate_after=77):
        ask_files(file.path)
    multipart = upstream.requests(host="files")[1].bytes_sent
    assert 200 < multipart < 1000
    assert upstream.totals(host="files") == Totals(
        requests=4,
        bytes_sent=100_000 + multipart + 0 + 77,
        open=0,
        aborted=1,
        connections=4,
        statuses={"200": 3, "206": 1},
    )
    assert upstream.bytes_sent(host="index") == len(page.body)
    assert upstream.totals().requests == 6


@pytest.mark.parametrize(
    ("selection", "methods"),
    [
        ({}, ["GET", "HEAD", "GET", "POST"]),
        ({"host": "index"}, ["GET", "POST"]),
        ({"host": "files"}, ["HEAD", "GET"]),
        ({"path": "/simple/*"}, ["GET", "POST"]),
        ({"path": "/packages/a", "method": "GET"}, ["GET"]),
        ({"status": 405}, ["POST"]),
        ({"status": 200}, []),
    ],
)
def test_requests_are_selected_and_stay_in_order(
    upstream: FakePyPI,
    ask_files: Ask,
    ask_index: Ask,
    selection: dict[str, str | int],
    methods: list[str],
) -> None:
    ask_index("/simple/none/")
    ask_files("/packages/a", method="HEAD")
    ask_files("/packages/a")
    ask_index("/simple/", method="POST")
    selected = upstream.requests(**selection)
    assert [record.method for record in selected] == methods
    assert upstream.totals(**selection).requests == len(methods)
    assert [r.number for r in selected] == sorted(r.number for r in selected)


def test_forgetting_starts_anew(upstream: FakePyPI, ask_index: Ask) -> None:
    ask_index("/simple/")
    upstream.forget_requests()
    assert upstream.requests() == []
    assert upstream.bytes_sent() == 0
    ask_index("/simple/")
    assert upstream.totals().requests == 1


def test_waiting_for_requests_that_do_not_come_says_what_came(
    upstream: FakePyPI, ask_index: Ask
) -> None:
    ask_index("/simple/")
    assert upstream.wait_for(1, host="index").requests == 1
    with pytest.raises(TimeoutError, match=r"waited 0.05 s in vain; .*index.*requests=1,"):
        upstream.wait_for(2, host="index", timeout=0.05)


def test_many_clients_at_once_are_all_counted(upstream: FakePyPI, raw: RawClient) -> None:
    file = upstream.publish("demo", "1.0", kind="blob", filename="d.whl", size=300_000)

    async def ask_all() -> list[Answer]:
        tasks = (asyncio.to_thread(raw.ask, "files.example", file.path) for _ in range(20))
        return await asyncio.gather(*tasks)

    answers = asyncio.run(ask_all())
    assert {len(answer.body) for answer in answers} == {300_000}
    totals = upstream.totals()
    assert (totals.requests, totals.connections) == (20, 20)
    assert (totals.bytes_sent, totals.open, totals.aborted) == (6_000_000, 0, 0)
