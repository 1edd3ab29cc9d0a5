"""`cellar report` says it as text, as JSON and as one page, and never stands in anybody's way."""

from __future__ import annotations

import json
import sqlite3
import stat
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from click.testing import CliRunner, Result

from cellar.cli import main
from cellar.cli import report as command
from cellar.traffic.database import DATABASE
from unit.traffic.logs import DAY, NOON, answer, fetch, missed, streamed, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unit.traffic.logs import Logs

M = 2**20
COUNTED = "Counted at 2026-11-24 12:00. The first line that was counted is of 2026-11-23 12:00."
SUGGESTED = (
    "cellar_file_size_limit, which is 100m, kept out 1 file that clients asked for 2 times"
    " (314.6 MB). With 150m the cache would have kept 1 of them in 157.3 MB of its space, and"
    " 157.3 MB less would have been fetched."
)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with mock.patch("time.time", return_value=float(NOON)):
        yield


@pytest.fixture(autouse=True)
def _somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as the engine's user would, also where the tests run as root."""
    monkeypatch.setattr(command, "geteuid", lambda: 33)


def report(logs: Logs, *options: str) -> Result:
    arguments = ["report", "--settings", str(logs.directory / "cellar.toml"), *options]
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def busy(logs: Logs) -> Logs:
    """Return logs of two days with a bit of everything."""
    logs.change(files={"size_limit": 100 * M})
    large = wheel("large-1.0.zip")
    logs.answered(
        *[answer(bytes=2_000_000) for _ in range(1200)],
        missed(bytes=2_000_000, at=NOON - DAY),
        answer("/simple/none/", status=404, bytes=60),
        *[streamed(large, bytes=150 * M) for _ in range(2)],
    )
    logs.fetched(
        fetch(bytes="2000000", at=NOON - DAY),
        *[fetch(large, bytes=str(150 * M), status="200", cache="") for _ in range(2)],
    )
    return logs


def test_by_default_it_is_a_table_of_days_with_reasons_and_suggestions(busy: Logs) -> None:
    result = report(busy, "--days", "2")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"cellar.example, 2026-11-23 to 2026-11-24, UTC. {COUNTED}",
        "",
        "day         served   fetched   saved  requests  from cache  hit ratio",
        "2026-11-23  2.0 MB    2.0 MB     0 B         1           0      0.0 %",
        "2026-11-24  2.7 GB  314.6 MB  2.4 GB     1,203       1,200     99.8 %",
        "all         2.7 GB  316.6 MB  2.4 GB     1,204       1,200     99.8 %",
        "",
        "not cached  requests     bytes  setting or rule",
        "over limit         2  314.6 MB  cellar_file_size_limit",
        "negative           1      60 B",
        "",
        SUGGESTED,
    ]


def test_json_has_exact_numbers_under_keys_that_stay(busy: Logs) -> None:
    result = report(busy, "--json", "--days", "2", "--by", "project", "--by", "day", "--top", "1")
    found = json.loads(result.stdout)
    figures = {
        "requests_served": 1204,
        "requests_from_cache": 1200,
        "requests_not_from_cache": 3,
        "hit_ratio": 1200 / 1203,
        "bytes_served": 1201 * 2_000_000 + 300 * M + 60,
        "requests_fetched": 3,
        "bytes_fetched": 300 * M + 2_000_000,
        "bytes_saved": 1200 * 2_000_000 + 60,
    }
    assert found["total"] == figures
    assert {key: found[key] for key in list(found)[:7]} == {
        "version": 1,
        "appliance": "cellar.example",
        "first_day": "2026-11-23",
        "last_day": "2026-11-24",
        "counted": "2026-11-24T12:00:00+00:00",
        "since": "2026-11-23T12:00:00+00:00",
        "unreadable_lines": 0,
    }
    assert list(found["by"]) == ["project", "day"]
    assert [row["name"] for row in found["by"]["project"]] == ["demo", None]
    assert [row["day"] for row in found["by"]["day"]] == ["2026-11-23", "2026-11-24"]
    assert found["by"]["day"][0].keys() == {"day", *figures}
    assert found["not_cached"] == [
        {"why": "over limit", "rule": "cellar_file_size_limit", "requests": 2, "bytes": 300 * M},
        {"why": "negative", "rule": "", "requests": 1, "bytes": 60},
    ]
    (suggestion,) = found["suggestions"]
    assert suggestion.keys() == {
        "setting", "now", "suggested", "written", "fetched", "saved", "sentence"
    }  # fmt: skip


def test_the_page_replaces_the_old_one_at_once_and_everybody_may_read_it(busy: Logs) -> None:
    page = busy.directory / "report.html"
    page.write_text("old")
    result = report(busy, "--html", str(page))
    assert result.exit_code == 0
    assert result.stdout == f"{page}: the report from 2026-10-26 to 2026-11-24.\n"
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert stat.S_IMODE(page.stat().st_mode) == 0o644
    assert not list(busy.directory.glob(".report*"))


def test_what_is_new_is_counted_first(logs: Logs) -> None:
    for number in (1, 2):
        logs.answered(answer(bytes=5))
        found = json.loads(report(logs, "--json").stdout)
        assert found["total"]["bytes_served"] == 5 * number


def test_who_may_not_count_reads_what_has_been_counted(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.answered(answer(bytes=5))
    logs.count()
    logs.answered(answer(bytes=5))
    monkeypatch.setattr(command, "may_count", lambda _: False)
    assert json.loads(report(logs, "--json").stdout)["total"]["bytes_served"] == 5


@pytest.mark.parametrize(
    ("options", "first", "last"),
    [
        ([], "2026-10-26", "2026-11-24"),
        (["--days", "1"], "2026-11-24", "2026-11-24"),
        (["--days", "2", "--until", "2026-11-03"], "2026-11-02", "2026-11-03"),
        (["--since", "2026-11-20"], "2026-11-20", "2026-11-24"),
        (["--since", "2026-11-20", "--until", "2026-11-20"], "2026-11-20", "2026-11-20"),
    ],
)
def test_the_days_are_those_that_were_asked_for(
    logs: Logs, options: list[str], first: str, last: str
) -> None:
    found = json.loads(report(logs, "--json", *options).stdout)
    assert (found["first_day"], found["last_day"]) == (first, last)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--since", "2026-11-25"], "2026-11-25 is after 2026-11-24."),
        (["--since", "2026-11-20", "--days", "3"], "give one of them"),
        (["--since", "yesterday"], "does not match the format '%Y-%m-%d'"),
        (["--days", "0"], "0 is not in the range"),
        (["--by", "moon"], "'moon' is not one of"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(
    logs: Logs, options: list[str], sentence: str
) -> None:
    result = report(logs, *options)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_a_database_that_cannot_be_used_is_told_in_one_sentence(logs: Logs) -> None:
    (logs.directory / DATABASE).write_text("something else" * 1000)
    result = report(logs)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert "cannot be used as the database of traffic" in result.stderr


def test_a_page_that_cannot_be_written_is_told_in_one_sentence(logs: Logs) -> None:
    result = report(logs, "--html", str(logs.directory / "no/such/page.html"))
    assert (result.exit_code, result.stdout) == (2, "")
    why = "No such file or directory; what was there before still is."
    assert result.stderr == f"{logs.directory}/no/such/page.html: {why}\n"


def test_it_reads_while_somebody_else_writes(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counter's transaction is not what a reader waits for."""
    logs.answered(answer(bytes=5))
    logs.count()
    monkeypatch.setattr(command, "may_count", lambda _: False)
    writer = sqlite3.connect(logs.directory / DATABASE, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM served")
    assert json.loads(report(logs, "--json").stdout)["total"]["bytes_served"] == 5
    writer.close()


def test_root_makes_no_database_that_the_timer_could_not_write(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "geteuid", lambda: 0)
    logs.answered(answer(bytes=5))
    result = report(logs)
    assert result.exit_code == 2
    assert "nothing has been counted yet" in result.stderr
    assert not (logs.directory / DATABASE).exists()
    logs.count()
    logs.answered(answer(bytes=5))
    assert json.loads(report(logs, "--json").stdout)["total"]["bytes_served"] == 10
