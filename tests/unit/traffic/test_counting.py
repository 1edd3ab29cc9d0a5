"""Every line of the logs is counted once, whatever happens to the logs and to the counter."""

from __future__ import annotations

import gzip
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from cellar.traffic import Traffic, TrafficError, counting
from cellar.traffic.database import DATABASE
from cellar.traffic.rotation import Lines, LogFile
from unit.traffic.logs import NOON, Logs, answer, fetch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def test_bytes_and_requests_are_those_of_the_lines(logs: Logs) -> None:
    logs.answered(answer(bytes=1), answer(bytes=20), answer(bytes=300))
    logs.fetched(fetch(bytes="4000"), fetch(bytes="50000"))
    logs.count()
    assert logs.served() == {"": (3, 321)}
    assert logs.upstreams() == {"": (2, 54000)}


def test_a_line_is_counted_once(logs: Logs) -> None:
    for _ in range(3):
        logs.answered(answer(bytes=7))
        logs.count()
        logs.count()
    assert logs.served() == {"": (3, 21)}


def test_a_line_without_an_end_waits_for_it(logs: Logs) -> None:
    """nginx may be writing it."""
    whole = answer(bytes=5)
    logs.answered(answer(bytes=7), whole[:40])
    logs.count()
    assert logs.served() == {"": (1, 7)}
    logs.answered(whole[40:])
    logs.count()
    assert logs.served() == {"": (2, 12)}


@pytest.mark.parametrize("runs", [1, 2, 3, 4])
def test_no_line_is_lost_or_doubled_by_a_rotation(logs: Logs, runs: int) -> None:
    """Also if it rotates several times between two runs, and what was counted is compressed."""
    for number in range(12):
        logs.answered(answer(bytes=1, client=f"192.0.2.{number}"))
        logs.fetched(fetch(seconds=f"0.{number}"))
        if number % runs == 0:
            logs.count()
        if number % 4 != 3:
            logs.answered(answer(bytes=1000, client=f"192.0.2.{number}"))
        if number % 3 != 2:
            logs.rotate(logs.access)
            logs.rotate(logs.upstream)
    # Of these twelve lines with 1 byte each and nine with 1000, logrotate keeps four older files.
    logs.count()
    requests, count = logs.served()[""]
    assert (requests, count) == (21, 9012)
    assert logs.upstreams()[""][0] == 12


def test_lines_that_nginx_writes_behind_a_rotation_are_counted(logs: Logs) -> None:
    """Until it is told, and in workers that end, it writes on to the file that was renamed."""
    logs.answered(answer(bytes=1))
    logs.count()
    with logs.access.open("ab") as old:
        logs.rotate(logs.access)
        logs.answered(answer(bytes=10, client="192.0.2.8"))
        logs.count()
        old.write(answer(bytes=100))
    logs.count()
    assert logs.served() == {"": (3, 111)}


def test_a_file_that_was_empty_when_it_was_seen_is_counted_once(logs: Logs) -> None:
    logs.count()
    logs.answered(answer(bytes=3))
    logs.rotate(logs.access)
    logs.answered(answer(bytes=4, client="192.0.2.8"))
    logs.rotate(logs.access)
    logs.count()
    logs.count()
    assert logs.served() == {"": (2, 7)}


def test_a_file_that_is_just_being_compressed_is_counted_once(logs: Logs) -> None:
    lines = [answer(bytes=1, client=f"192.0.2.{number % 250}") for number in range(5000)]
    logs.answered(*lines)
    logs.rotate(logs.access)
    old = logs.access.with_name("access.log.1")
    packed = gzip.compress(old.read_bytes())
    half = logs.access.with_name("access.log.2.gz")
    half.write_bytes(packed[: len(packed) // 2])
    logs.count()
    half.write_bytes(packed)
    old.unlink()
    logs.count()
    assert logs.served() == {"": (5000, 5000)}


def test_history_that_was_there_before_is_counted(logs: Logs) -> None:
    for number in range(3):
        logs.answered(answer(bytes=1, client=f"192.0.2.{number}"))
        logs.rotate(logs.access)
    logs.count()
    assert logs.served() == {"": (3, 3)}


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"nonsense\n",
        b"[]\n",
        b"{}\n",
        b"\x00" * 5000 + b"\n",
        b"\xff\xfe\n",
        b"[" * 5000 + b"\n",
        b"x" * 400_000 + b"\n",
        answer(time="yesterday"),
        answer(bytes="many"),
        answer(status=None),
    ],
)
def test_a_broken_line_is_counted_as_such_and_ends_nothing(logs: Logs, line: bytes) -> None:
    logs.answered(answer(bytes=1), line, answer(bytes=2))
    counted = logs.count()
    assert logs.served() == {"": (2, 3)}
    assert counted.unreadable == 1
    with Traffic.opened(logs.directory) as traffic:
        assert traffic.unreadable == 1


@pytest.mark.parametrize("line", [b"nonsense\n", b"{}\n", fetch(address=None), fetch(time="")])
def test_a_broken_line_of_upstream_likewise(logs: Logs, line: bytes) -> None:
    logs.fetched(fetch(), line, fetch())
    assert logs.count().unreadable == 1
    assert logs.upstreams() == {"": (2, 2000)}


@pytest.mark.parametrize("step", range(1, 40, 2))
def test_a_run_that_ends_at_any_step_loses_and_doubles_nothing(
    logs: Logs, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it was about to tell the database."""
    monkeypatch.setattr(counting, "_BATCH", 3)
    logs.answered(*[answer(bytes=1, client=f"192.0.2.{number}") for number in range(20)])
    logs.fetched(*[fetch(bytes="1") for _ in range(20)])
    left = step

    class Killed(BaseException):
        pass

    class Dying(sqlite3.Connection):
        def execute(self, *arguments: object) -> sqlite3.Cursor:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            return super().execute(*arguments)  # type: ignore[arg-type]

    real = sqlite3.connect
    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", lambda *a, **k: real(*a, factory=Dying, **k))
        with pytest.raises(Killed):
            logs.count()
    logs.count()
    assert logs.served() == {"": (20, 20)}
    assert logs.upstreams() == {"": (20, 20)}


def test_a_counter_that_is_killed_loses_and_doubles_nothing(logs: Logs) -> None:
    """The process itself, at a moment that nobody chose."""
    lines = 60_000
    logs.count()  # root makes no database
    logs.answered(*[answer(bytes=1, client=f"192.0.{n >> 8}.{n & 255}") for n in range(lines)])
    arguments = [sys.executable, "-m", "cellar", "report", "--settings"]
    command = [*arguments, str(logs.directory / "cellar.toml")]
    for delay in (0.5, 0.7, 0.9):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": "src"}
        )
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
    logs.count()
    assert logs.served() == {"": (lines, lines)}


def test_two_counters_at_once_count_each_line_once(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timer's, and that of somebody who wants a report."""
    monkeypatch.setattr(counting, "_BATCH", 5)
    logs.answered(*[answer(bytes=1, client=f"192.0.2.{number}") for number in range(20)])
    read = LogFile.read
    others = iter([logs])
    threads: list[threading.Thread] = []

    def reading(file: LogFile, start: int, lines: int) -> Lines:
        found = read(file, start, lines)
        if found.ends_at > 1000:
            for other in others:
                thread = threading.Thread(target=other.count)
                thread.start()
                threads.append(thread)
        return found

    monkeypatch.setattr(LogFile, "read", reading)
    logs.count()
    for thread in threads:
        thread.join()
    assert logs.served() == {"": (20, 20)}


def test_a_database_of_another_layout_is_made_anew_from_the_logs(logs: Logs) -> None:
    with sqlite3.connect(logs.directory / DATABASE) as database:
        database.execute("CREATE TABLE served (something)")
        database.execute("PRAGMA user_version = 99")
    database.close()
    logs.answered(answer(bytes=5))
    logs.count()
    assert logs.served() == {"": (1, 5)}


def test_what_is_no_database_is_named_in_a_sentence(logs: Logs) -> None:
    (logs.directory / DATABASE).write_text("this is something else, of some length" * 100)
    with pytest.raises(TrafficError, match=r"traffic\.sqlite cannot be used .*not a database\.$"):
        logs.count()


def test_who_only_reads_makes_no_database(tmp_path: Path) -> None:
    with (
        pytest.raises(TrafficError, match="nothing has been counted yet"),
        Traffic.opened(tmp_path),
    ):
        pass
    assert not (tmp_path / DATABASE).exists()


def test_it_is_known_when_the_logs_were_counted(logs: Logs) -> None:
    logs.answered(answer(at=NOON - 500), answer(at=NOON - 700))
    logs.count()
    with Traffic.opened(logs.directory) as traffic:
        assert (traffic.counted, traffic.since) == (NOON, NOON - 700)


@pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
def test_what_the_appliance_asks_itself_is_no_traffic_of_clients(logs: Logs, client: str) -> None:
    logs.answered(
        answer(client=client, user_agent="cellar-selftest"),
        answer(client="192.0.2.9", user_agent="cellar-selftest"),
        answer(client=client),
    )

    logs.count()

    assert logs.served() == {"": (2, 2000)}, "nobody else hides by a name, and warming counts"


def test_whoever_waits_sees_how_far_it_is(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log may have a gigabyte: each batch is a step, and about so many are announced."""
    monkeypatch.setattr(counting, "_BATCH", 100)
    logs.answered(*[answer() for _ in range(1000)])
    announced: list[int] = []
    seen: list[tuple[int, int]] = []

    def progress(steps: Iterable[None], about: int) -> Iterator[None]:
        announced.append(about)
        for step in steps:
            seen.append(logs.served()[""])
            yield step

    counting.count(logs.settings, lambda: True, now=lambda: float(NOON), progress=progress)
    assert [requests for requests, _ in seen[:3]] == [100, 200, 300]
    assert len(seen) == 11
    assert 8 <= announced[0] <= 14
