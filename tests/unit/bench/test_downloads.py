"""The load generator for files tells when bodies begin and end, and who has not got all of one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bench.downloads import Downloads, Load
from bench.downloads.client import put_on
from fakepypi.running import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fakepypi.client import FakePyPI

SIZE = 1_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[FakePyPI]:
    with running("index.example", "files.example") as client:
        yield client


@pytest.fixture
def upstream(server: FakePyPI) -> FakePyPI:
    server.reset()
    return server


@pytest.fixture
def load(upstream: FakePyPI) -> Load:
    file = upstream.publish("demo", "1", kind="blob", filename="demo.whl", size=SIZE)
    return Load("127.0.0.1", upstream.https_port, "files.example", file.path, 3, within=10.0)


def test_every_client_has_the_whole_file_and_a_time_for_its_first_and_last_byte(
    upstream: FakePyPI, load: Load
) -> None:
    with upstream.behaving("files", delay=0.2, rate=SIZE / 0.4):
        done = put_on(load)

    assert (done.errors(SIZE), done.refused, done.bytes) == (0, 0, 3 * SIZE)
    assert upstream.totals(host="files").connections == 3
    median, worst = done.first
    assert 0.2 <= median <= worst < 0.5
    assert all((client.last or 0) > (client.first or 0) + 0.3 for client in done.clients)


def test_a_body_that_ends_early_is_an_error(upstream: FakePyPI, load: Load) -> None:
    with upstream.behaving("files", truncate_after=SIZE // 2, times=1):
        done = put_on(load)

    assert done.errors(SIZE) == 1
    assert [bool(client.failure) for client in done.clients].count(True) == 1


def test_a_whole_file_of_another_size_is_an_error(load: Load) -> None:
    done = put_on(load)

    assert (done.errors(SIZE), done.errors(SIZE + 1)) == (0, 3)


def test_another_status_is_an_error_though_it_has_a_whole_body(
    upstream: FakePyPI, load: Load
) -> None:
    with upstream.behaving("files", status=503, times=2):
        done = put_on(load)

    assert (done.errors(SIZE), done.refused) == (2, 2)


def test_who_gets_nothing_in_time_is_given_up_and_counts_with_all_of_it(
    upstream: FakePyPI, load: Load
) -> None:
    with upstream.behaving("files", hold=True, times=1):
        done = put_on(replace(load, within=0.5))

    assert done.errors(SIZE) == 1
    assert done.first[1] == done.seconds >= 0.5


def test_a_redirect_is_followed_to_whoever_it_leads(upstream: FakePyPI, load: Load) -> None:
    there = upstream.publish("demo", "2", kind="blob", filename="there.whl", size=SIZE)
    location = f"https://files.example:{upstream.https_port}{there.path}"
    with upstream.behaving("files", load.path, location=location):
        done = put_on(replace(load, elsewhere="127.0.0.1"))

    assert (done.errors(SIZE), [client.redirects for client in done.clients]) == (0, [1, 1, 1])


def test_who_asks_for_a_time_asks_again_and_again_on_its_connection(
    upstream: FakePyPI, load: Load
) -> None:
    done = put_on(replace(load, seconds=0.5))

    assert done.refused == 0
    assert done.bytes > 3 * 2 * SIZE
    assert 0.5 <= done.seconds < 0.8
    assert upstream.totals(host="files").connections == 3


def test_what_the_generator_prints_is_read(load: Load) -> None:
    with pytest.raises(ValueError, match="No module named nothing"):
        Downloads.read("python3: No module named nothing\n")

    done = Downloads.read(
        'Traceback\n{"clients": [{"status": 200, "bytes": 5, "first": 0.1,'
        ' "last": 0.2, "redirects": 0, "failure": ""}], "seconds": 0.3, "processor": 0.01}\n'
    )
    assert (done.errors(5), done.bytes, done.first) == (0, 5, (0.1, 0.1))
    assert load.command()[1:3] == ["-m", "bench.downloads"]
