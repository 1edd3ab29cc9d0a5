"""Misbehaviour in time and at the ends of a connection, seen through a raw TLS socket."""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from fakepypi.client import FakePyPI
from fakepypi.raw import Answer, RawClient

Ask = Callable[..., Answer]
SIZE = 200_000


def test_delay_comes_before_the_first_byte(upstream: FakePyPI, ask_page: Ask) -> None:
    with upstream.behaving(delay=0.3):
        started = time.monotonic()
        assert ask_page().status == 200
        assert 0.3 <= time.monotonic() - started < 1.0


@pytest.mark.parametrize(("rate", "size"), [(5e6, 1_500_000), (20e6, 6_000_000)])
def test_rate_is_held_within_ten_percent(
    upstream: FakePyPI, ask_files: Ask, rate: float, size: int
) -> None:
    """Never faster; slower only when the machine is busy, hence the best of five."""
    file = upstream.publish("slow", "1.0", kind="blob", filename="slow.whl", size=size)
    taken: list[float] = []
    with upstream.behaving("files", rate=rate):
        while len(taken) < 5 and min(taken, default=9.0) > 1.1 * size / rate:
            started = time.monotonic()
            assert len(ask_files(file.path).body) == size
            taken.append(time.monotonic() - started)
    assert min(taken) == pytest.approx(size / rate, rel=0.1)


def test_a_shared_rate_is_that_of_all_connections_together(
    upstream: FakePyPI, ask_files: Ask
) -> None:
    """So that two copies take twice as long as one; slower only when the machine is busy."""
    size, rate = 1_500_000, 5e6
    file = upstream.publish("slow", "1.0", kind="blob", filename="slow.whl", size=size)
    taken: list[float] = []
    with upstream.behaving("files", shared_rate=rate), ThreadPoolExecutor() as pool:
        while len(taken) < 5 and min(taken, default=9.0) > 2.2 * size / rate:
            started = time.monotonic()
            answers = list(pool.map(ask_files, [file.path] * 2))
            taken.append(time.monotonic() - started)
            assert [len(answer.body) for answer in answers] == [size, size]
    assert min(taken) == pytest.approx(2 * size / rate, rel=0.1)


def test_a_shared_line_that_is_cleared_lets_answers_under_way_go(
    upstream: FakePyPI, ask_file: Ask
) -> None:
    with ThreadPoolExecutor() as pool:
        with upstream.behaving("files", shared_rate=10_000):
            waiting = pool.submit(ask_file)
            upstream.wait_for(1, bytes_sent=1)
        assert len(waiting.result(5).body) == SIZE


def test_a_held_answer_sends_nothing_until_cleared(upstream: FakePyPI, ask_file: Ask) -> None:
    with ThreadPoolExecutor() as pool:
        with upstream.behaving("files", hold=True):
            waiting = [pool.submit(ask_file) for _ in range(3)]
            totals = upstream.wait_for(3, host="files")
            assert (totals.open, totals.statuses) == (3, {})
            assert not any(answer.done() for answer in waiting)
        assert [answer.result().status for answer in waiting] == [200, 200, 200]


def test_a_stalled_answer_goes_on_when_cleared(upstream: FakePyPI, ask_file: Ask) -> None:
    whole = ask_file().body
    upstream.forget_requests()
    with ThreadPoolExecutor() as pool:
        with upstream.behaving("files", stall_after=70_000):
            waiting = pool.submit(ask_file)
            totals = upstream.wait_for(1, bytes_sent=70_000)
            assert (totals.open, totals.bytes_sent) == (1, 70_000)
            assert not waiting.done()
        assert waiting.result().body == whole


def test_a_client_that_leaves_a_stalled_answer_is_recorded(
    upstream: FakePyPI, ask_file: Ask, raw: RawClient
) -> None:
    impatient = RawClient(raw.port, raw.ca, timeout=0.3)
    path = "/packages/whatever"
    with upstream.behaving("files", stall_after=0):
        answer = impatient.ask("files.example", path)
        assert (answer.status, answer.body, answer.end) == (404, b"", "silence")
        upstream.wait_until_idle(path=path)
    assert upstream.requests(path=path)[0].outcome == "aborted"
    assert ask_file().status == 200


def test_a_truncated_answer_promises_more_than_it_sends(upstream: FakePyPI, ask_file: Ask) -> None:
    whole = ask_file().body
    with upstream.behaving("files", truncate_after=1234):
        answer = ask_file()
    assert answer.headers["content-length"] == str(SIZE)
    assert (answer.body, answer.end) == (whole[:1234], "closed")
    record = upstream.requests(host="files")[1]
    assert (record.bytes_sent, record.outcome) == (1234, "aborted")


def test_a_reset_answer_ends_with_rst(upstream: FakePyPI, ask_file: Ask) -> None:
    with upstream.behaving("files", reset_after=0):
        answer = ask_file()
    assert (answer.body, answer.end) == (b"", "reset")


def test_a_connection_is_reset_before_tls(upstream: FakePyPI, ask_page: Ask) -> None:
    with upstream.behaving(connection="reset", times=1):
        with pytest.raises(ConnectionResetError):
            ask_page()
        assert ask_page().status == 200


def test_a_silent_connection_never_greets(upstream: FakePyPI, raw: RawClient) -> None:
    impatient = RawClient(raw.port, raw.ca, timeout=0.2)
    with upstream.behaving(connection="silent"), pytest.raises(TimeoutError):
        impatient.ask("index.example", "/simple/")
    assert raw.ask("index.example", "/simple/").status == 200


def test_down_refuses_new_connections_and_cuts_old_ones(
    upstream: FakePyPI, ask_file: Ask, ask_page: Ask
) -> None:
    with ThreadPoolExecutor() as pool, upstream.behaving("files", stall_after=10):
        waiting = pool.submit(ask_file)
        upstream.wait_for(1, status=200)
        with upstream.down():
            assert waiting.result().end in ("reset", "closed")
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", upstream.https_port), timeout=1)
        assert ask_page().status == 200
