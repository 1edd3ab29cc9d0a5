"""What is suggested would have saved what is said; without evidence nothing is suggested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unit.cellar.support import FILE_RULE
from unit.report.test_figures import reported
from unit.traffic.logs import DAY, NOON, answer, fetch, missed, streamed, wheel

if TYPE_CHECKING:
    from cellar.report.suggestions import Suggestion
    from unit.traffic.logs import Logs

M = 2**20
G = 2**30


def suggested(logs: Logs) -> list[Suggestion]:
    return reported(logs).suggestions


def clients_got(logs: Logs, name: str, size: int, times: int) -> None:
    for _ in range(times):
        logs.answered(streamed(wheel(f"{name}-1.0.zip"), bytes=size))


def test_a_greater_limit_is_suggested_that_would_have_kept_what_is_fetched_often(
    logs: Logs,
) -> None:
    logs.change(files={"size_limit": 100 * M})
    clients_got(logs, "small", 150 * M, 11)
    clients_got(logs, "large", 300 * M, 4)
    clients_got(logs, "rare", 4000 * M, 1)
    (found,) = suggested(logs)
    # 1500 MiB of "small" and 900 MiB of "large"; "rare" would have been fetched all the same.
    assert (found.setting, found.now) == ("cellar_file_size_limit", 100 * M)
    assert (found.suggested, found.written) == (300 * M, "300m")
    assert found.fetched == (11 * 150 + 4 * 300 + 4000) * M
    assert found.saved == (10 * 150 + 3 * 300) * M
    assert found.sentence == (
        "cellar_file_size_limit, which is 100m, kept out 3 files that clients asked for 16 times"
        " (7.2 GB). With 300m the cache would have kept 2 of them in 471.9 MB of its space, and"
        " 2.5 GB less would have been fetched."
    )


def test_the_limit_is_no_greater_than_nearly_all_of_that_takes(logs: Logs) -> None:
    logs.change(files={"size_limit": 100 * M})
    clients_got(logs, "often", 150 * M, 101)
    clients_got(logs, "twice", 1000 * M, 2)
    (found,) = suggested(logs)
    assert (found.written, found.saved) == ("150m", 100 * 150 * M)


def test_a_limit_is_rounded_up_and_never_down(logs: Logs) -> None:
    logs.change(files={"size_limit": 100 * M})
    clients_got(logs, "odd", 1234 * M + 1, 2)
    (found,) = suggested(logs)
    assert (found.suggested, found.written) == (1300 * M, "1300m")


def test_nothing_is_suggested_where_nothing_would_be_saved(logs: Logs) -> None:
    logs.change(files={"size_limit": 100 * M})
    clients_got(logs, "once", 150 * M, 1)
    logs.answered(
        answer(wheel("sent-away-1.0.zip"), status=302, cache="", bytes=0),
        # Clients that went away early: nobody knows how large it is.
        *[streamed(wheel("unknown-1.0.zip"), bytes=20) for _ in range(9)],
    )
    assert suggested(logs) == []


def test_a_limit_that_has_been_raised_since_is_not_suggested_again(logs: Logs) -> None:
    logs.change(files={"size_limit": 100 * M})
    clients_got(logs, "small", 150 * M, 11)
    assert [each.written for each in suggested(logs)] == ["150m"]
    logs.change(files={"size_limit": 1000 * M})
    assert suggested(logs) == []


def test_the_limit_of_a_rule_is_told_apart_from_that_for_all(logs: Logs) -> None:
    rule: dict[str, Any] = {
        **FILE_RULE,
        "name": "huge-torch",
        "answer": "stream",
        "projects": ["torch"],
        "larger_than": 500 * M,
        "younger_than_days": 0,
    }
    logs.change(files={"size_limit": 100 * M}, file_rules=[rule])
    clients_got(logs, "torch", 700 * M, 3)
    (found,) = suggested(logs)
    assert (found.setting, found.now) == ("larger_than of rule huge-torch", 500 * M)
    assert (found.written, found.saved) == ("700m", 1400 * M)


def fetch_again(logs: Logs, between: int, size: int = 100 * M) -> None:
    """Fetch a file, then as much as `between` of others, and after two days the file again."""
    path = wheel("demo-1.0.zip")
    logs.now = NOON - 2 * DAY + 60
    logs.fetched(fetch(path, bytes=str(size), at=NOON - 2 * DAY))
    logs.answered(missed(path, bytes=size, at=NOON - 2 * DAY))
    logs.count()
    logs.now = NOON
    logs.fetched(fetch(wheel("other-1.0.zip"), bytes=str(between), at=NOON - DAY))
    logs.count()
    logs.fetched(fetch(path, bytes=str(size), at=NOON))
    logs.answered(missed(path, bytes=size, at=NOON))


def test_a_larger_cache_is_suggested_that_would_still_have_had_what_was_fetched_again(
    logs: Logs,
) -> None:
    logs.change(files={"size_limit": 0, "max_size": 20 * G})
    fetch_again(logs, 20 * G)
    (found,) = suggested(logs)
    assert (found.setting, found.now) == ("cellar_files_max_size", 20 * G)
    assert (found.suggested, found.written) == (41 * G, "41g")
    assert (found.fetched, found.saved) == (100 * M, 100 * M)
    assert found.sentence == (
        "cellar_files_max_size is 20g. 1 time a file was fetched again that had been in the cache,"
        " mostly 2 days after its last use: 104.9 MB. With 41g, 104.9 MB of it would still have"
        " been there."
    )


def test_the_cache_is_no_larger_than_nearly_all_of_that_takes(logs: Logs) -> None:
    """A file of which the last use is much longer ago would cost more than it saves."""
    logs.change(files={"size_limit": 0, "max_size": 20 * G})
    rare = wheel("rare-1.0.zip")
    logs.now = NOON - 20 * DAY
    logs.fetched(fetch(rare, bytes=str(5 * M), at=logs.now))
    logs.answered(missed(rare, bytes=5 * M, at=logs.now))
    logs.count()
    logs.now += DAY
    logs.fetched(fetch(wheel("huge-1.0.zip"), bytes=str(300 * G), at=logs.now))
    logs.count()
    fetch_again(logs, 20 * G)
    logs.fetched(fetch(rare, bytes=str(5 * M), at=NOON))
    logs.answered(missed(rare, bytes=5 * M, at=NOON))
    (found,) = suggested(logs)
    assert (found.written, found.fetched, found.saved) == ("41g", 105 * M, 100 * M)


def test_a_cache_that_need_not_have_been_full_is_not_called_too_small(logs: Logs) -> None:
    """The file may have been purged, or was wrong."""
    logs.change(files={"size_limit": 0, "max_size": 20 * G})
    fetch_again(logs, 10 * G)
    assert suggested(logs) == []


def test_what_was_evicted_soon_is_among_what_was_not_cached(logs: Logs) -> None:
    fetch_again(logs, G)
    (found,) = reported(logs).not_cached
    assert (found.why, found.requests, found.bytes) == ("evicted soon", 1, 100 * M)
