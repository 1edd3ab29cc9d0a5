"""
One fetch for any number of clients, early bytes for all of them, and cheap ranges (promise 3).

A line to upstream that is slow and shared by all connections is played by fakepypi. Its speed makes
sure that a file is under way while something happens; no test is about a figure.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import pytest
import requests

from support.download import Download
from support.fixtures import DOORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.door import OpenDoor

    Start = Callable[..., Download]
    SlowLine = Callable[[float], AbstractContextManager[None]]

MIB = 1024 * 1024
SLICE = 8 * MIB
BIG = 5 * SLICE + 12345
LINE = 8e6  # bytes per second


@pytest.fixture
def big(fakepypi: FakePyPI, project: str) -> PublishedFile:
    """Publish a file of six slices, of a project without a limit of size."""
    name = f"pinned_{project}-1.0-py3-none-any.whl"
    return fakepypi.publish(f"pinned-{project}", "1.0", kind="blob", filename=name, size=BIG)


@pytest.fixture
def slow_line(fakepypi: FakePyPI, big: PublishedFile) -> SlowLine:
    """Make the line that the big file comes over slow, for as long as the context lasts."""
    return lambda rate: fakepypi.behaving("files", big.path, method="GET", shared_rate=rate)


@pytest.fixture
def start(files: OpenDoor, big: PublishedFile) -> Iterator[Start]:
    """Let another client begin to download the big file."""
    started: list[Download] = []

    def begin(*, stops_after: int | None = None) -> Download:
        started.append(Download(files("index"), big.path, stops_after=stops_after))
        return started[-1]

    yield begin
    for download in started:
        download.leave()


def blake2b(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=32).hexdigest()


def fetched(fakepypi: FakePyPI, file: PublishedFile) -> int:
    """Return how many bytes of a file upstream sent."""
    return fakepypi.bytes_sent(path=file.path, method="GET")


@pytest.mark.parametrize("first", DOORS)
def test_a_file_is_fetched_once_for_all_doors_and_clients(
    files: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, first: str
) -> None:
    """Whoever asks first and however: one object, and its bytes prove its path."""
    second = next(door for door in DOORS if door != first)
    bodies = [files(door).ask(published.path).content for door in (first, second, first)]
    digests = {blake2b(body) for body in bodies}
    assert digests == {published.path.replace("/", "")[len("packages") :][:64]}
    assert digests == {published.blake2b_256}
    totals = fakepypi.totals(path=published.path, method="GET")
    assert (totals.requests, totals.bytes_sent) == (1, published.size)


def test_twenty_clients_of_a_small_cold_file_cost_one_fetch(
    files: OpenDoor, fakepypi: FakePyPI, published: PublishedFile
) -> None:
    """Most wheels are small, and the jobs of one pipeline ask for them in the same second."""
    with fakepypi.behaving("files", published.path, method="GET", delay=1.0):
        answers = files("index").ask_at_once(20, published.path)
    assert {answer.status_code for answer in answers} == {200}
    assert {blake2b(answer.content) for answer in answers} == {published.blake2b_256}
    totals = fakepypi.totals(path=published.path, method="GET")
    assert (totals.requests, totals.bytes_sent) == (1, published.size)
    assert fakepypi.totals(path=published.path, method="HEAD").requests <= 1


def test_eight_clients_of_a_big_cold_file_cost_one_copy_and_the_time_of_one(
    fakepypi: FakePyPI, big: PublishedFile, slow_line: SlowLine, start: Start
) -> None:
    """A pipeline that starts eight jobs must not multiply a wheel of gigabytes."""
    with slow_line(LINE):
        began = time.monotonic()
        downloads = [start() for _ in range(8)]
        assert {download.result() for download in downloads} == {big.blake2b_256}
        taken = time.monotonic() - began
    assert fetched(fakepypi, big) == BIG
    assert taken < 2 * BIG / LINE, "as long as two copies take, or two clients in turn"


def test_first_bytes_come_to_all_while_most_of_the_file_is_still_upstream(
    fakepypi: FakePyPI, big: PublishedFile, slow_line: SlowLine, start: Start
) -> None:
    """pip gives up after 15 seconds without a byte: nobody can wait for the whole file."""
    with slow_line(LINE / 4):
        downloads = [start() for _ in range(8)]
        for download in downloads:
            download.wait_for(1)
        assert fetched(fakepypi, big) < BIG / 2
    assert {download.result() for download in downloads} == {big.blake2b_256}
    assert fetched(fakepypi, big) == BIG


def test_a_line_that_takes_long_for_the_first_slice_carries_one_copy_too(
    fakepypi: FakePyPI, big: PublishedFile, slow_line: SlowLine, start: Start
) -> None:
    """Of a line with twenty big wheels on it, as torch needs them, each file has a small part."""
    with slow_line(SLICE / 12):
        downloads = [start() for _ in range(3)]
        for download in downloads:
            download.wait_for(1)
    assert {download.result() for download in downloads} == {big.blake2b_256}
    assert fetched(fakepypi, big) == BIG


def test_a_client_that_comes_late_gets_at_once_what_is_there_and_costs_nothing(
    fakepypi: FakePyPI, big: PublishedFile, slow_line: SlowLine, start: Start
) -> None:
    with slow_line(LINE):
        first = start()
        fakepypi.wait_for(1, bytes_sent=BIG // 2, path=big.path, method="GET", timeout=60)
        # From here on upstream gives nothing more than what it has begun to give.
        with fakepypi.behaving("files", big.path, method="GET", hold=True):
            late = start()
            late.wait_for(2 * SLICE)
            assert fetched(fakepypi, big) < BIG
    assert {first.result(), late.result()} == {big.blake2b_256}
    assert fetched(fakepypi, big) == BIG


@pytest.mark.parametrize("place", ["first", "last"])
def test_a_client_that_stops_reading_holds_nobody_up_and_costs_nothing(
    fakepypi: FakePyPI, big: PublishedFile, start: Start, place: str
) -> None:
    """Whoever asks first leads the fetch, also for those with a better line to the appliance."""
    others = [start() for _ in range(3)] if place == "last" else []
    slow = start(stops_after=1)
    if place == "first":
        slow.wait_for(1)
        others = [start() for _ in range(3)]
    assert {other.result() for other in others} == {big.blake2b_256}
    assert fetched(fakepypi, big) == BIG
    assert slow.received < SLICE
    slow.go_on()
    assert slow.result() == big.blake2b_256
    assert fetched(fakepypi, big) == BIG


@pytest.mark.parametrize("place", ["first", "last"])
def test_a_client_that_leaves_ends_nothing_for_the_others_and_costs_nothing(
    fakepypi: FakePyPI, big: PublishedFile, slow_line: SlowLine, start: Start, place: str
) -> None:
    """A job that is cancelled may be the one that leads the fetch."""
    with slow_line(LINE / 2):
        first = start()
        first.wait_for(1)
        others = [start() for _ in range(3)]
        leaving = {"first": first, "last": others[-1]}[place]
        leaving.wait_for(1 if place == "first" else SLICE)
        leaving.leave()
        staying = [download for download in (first, *others) if download is not leaving]
        for download in staying:
            download.wait_for(SLICE)
    assert {download.result() for download in staying} == {big.blake2b_256}
    assert leaving.received < BIG
    assert fetched(fakepypi, big) == BIG


def test_a_fetch_that_upstream_broke_off_goes_on_with_what_is_there(
    files: OpenDoor, fakepypi: FakePyPI, big: PublishedFile, slow_line: SlowLine, start: Start
) -> None:
    with slow_line(LINE):
        first = start()
        fakepypi.wait_for(1, bytes_sent=2 * SLICE + MIB, path=big.path, method="GET", timeout=60)
        with fakepypi.down(), pytest.raises(requests.RequestException):
            first.result()
    before = fetched(fakepypi, big)
    assert before < BIG
    assert blake2b(files("index").ask(big.path).content) == big.blake2b_256
    assert fetched(fakepypi, big) - before <= BIG - 2 * SLICE


def test_a_fetch_that_all_clients_left_goes_on_with_what_is_there(
    files: OpenDoor, fakepypi: FakePyPI, big: PublishedFile, slow_line: SlowLine, start: Start
) -> None:
    """A pipeline that is cancelled and started again does not begin at the beginning."""
    with slow_line(LINE):
        downloads = [start() for _ in range(2)]
        for download in downloads:
            download.wait_for(2 * SLICE + MIB)
        for download in downloads:
            download.leave()
    before = fakepypi.wait_until_idle(path=big.path, method="GET", timeout=60).bytes_sent
    assert blake2b(files("index").ask(big.path).content) == big.blake2b_256
    assert fetched(fakepypi, big) - before <= BIG - 2 * SLICE
    assert fetched(fakepypi, big) <= BIG + SLICE


def test_a_range_of_a_big_cold_file_costs_the_slices_that_it_lies_in(
    files: OpenDoor, fakepypi: FakePyPI, big: PublishedFile
) -> None:
    answer = files("index").ask(big.path, {"Range": f"bytes={10 * MIB}-{10 * MIB + 999}"})
    assert (answer.status_code, len(answer.content)) == (206, 1000)
    assert answer.headers["Content-Range"] == f"bytes {10 * MIB}-{10 * MIB + 999}/{BIG}"
    assert fetched(fakepypi, big) <= SLICE


@pytest.mark.parametrize("door", DOORS)
def test_the_end_of_a_cold_file_costs_no_more_than_its_last_slice(
    files: OpenDoor, fakepypi: FakePyPI, big: PublishedFile, door: str
) -> None:
    """Poetry and others read the end of a wheel to learn what it needs."""
    answer = files(door).ask(big.path, {"Range": "bytes=-1000"})
    assert (answer.status_code, len(answer.content)) == (206, 1000)
    assert fetched(fakepypi, big) <= SLICE


def test_several_ranges_of_a_cold_file_cost_those_ranges(
    files: OpenDoor, fakepypi: FakePyPI, big: PublishedFile
) -> None:
    answer = files("index").ask(big.path, {"Range": "bytes=0-99,1000-1099"})
    assert answer.status_code in {200, 206}
    if answer.status_code == 206:
        assert fetched(fakepypi, big) < 1000
