"""It is said of each answer why the cache had nothing to do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cellar.traffic import Again, Traffic
from unit.cellar.support import FILE_RULE
from unit.traffic.logs import DAY, HOUR, NOON, WHEEL, answer, fetch, missed, streamed, wheel

if TYPE_CHECKING:
    from unit.traffic.logs import Logs

MB = 10**6
LIMIT = 100 * MB


def reasons(logs: Logs, *lines: bytes) -> list[tuple[str, str]]:
    logs.answered(*lines)
    logs.count()
    return sorted(logs.served("why", "rule"))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (answer(), ""),
        (missed(), ""),
        (answer("/simple/demo/", cache="STALE"), ""),
        (answer("/simple/demo/", cache="HIT", status=404), "negative"),
        (answer(cache="MISS", status=404, upstream_status="404"), "negative"),
        (answer("/simple/demo/", cache="", status=503, upstream_status="502"), "error"),
        (answer(cache="", status=503, upstream_status="502"), "error"),
        (answer(cache="HIT", status=403, upstream_status="403"), "refused"),
        (answer("/simple/demo/", cache="MISS", status=403, upstream_status="403"), "negative"),
        (answer("/search", cache="", upstream_status="200"), "passed through"),
        (answer("/ca.pem", cache=""), ""),
        (streamed(range="bytes=0-1,5-9", status=206), "several ranges"),
        (streamed(range="bytes=-500", status=206), ""),
        (answer(method="HEAD", bytes=0, cache="HIT"), ""),
        (answer(status=405, cache=""), ""),
    ],
)
def test_each_answer_has_its_reason(logs: Logs, line: bytes, why: str) -> None:
    assert reasons(logs, line) == [(why, "")]


def rule(**fields: Any) -> dict[str, Any]:
    return {**FILE_RULE, "younger_than_days": 0, **fields}


def test_a_file_over_the_limit_is_told_apart_from_one_of_a_rule(logs: Logs) -> None:
    logs.change(
        files={"size_limit": LIMIT, "max_size": 10**10},
        file_rules=[
            rule(name="no-windows", answer="stream", filenames=["*-win32.whl"]),
            rule(name="huge-torch", answer="redirect", projects=["torch"], larger_than=5 * LIMIT),
            rule(name="torch", answer="store", projects=["torch"]),
        ],
    )
    torch = wheel("torch-2.0-py3-none-any.whl")
    lines = {
        streamed(bytes=LIMIT + 1): ("over limit", "cellar_file_size_limit"),
        # A client that left early got less than the limit.
        streamed(bytes=17): ("over limit", "cellar_file_size_limit"),
        streamed(wheel("demo-1.0-cp39-none-win32.whl"), bytes=17): ("rule", "no-windows"),
        streamed(torch, bytes=6 * LIMIT): ("over limit", "huge-torch"),
        answer(torch, status=302, cache="", bytes=0): ("over limit", "huge-torch"),
    }
    for line, reason in lines.items():
        assert reason in reasons(logs, line)
    assert logs.served("why", "rule") == {
        ("over limit", "cellar_file_size_limit"): (2, LIMIT + 18),
        ("over limit", "huge-torch"): (2, 6 * LIMIT),
        ("rule", "no-windows"): (1, 17),
    }


@pytest.mark.parametrize("got", [LIMIT + 1, 17])
def test_a_file_that_is_larger_than_the_whole_cache_is_over_a_limit_too(
    logs: Logs, got: int
) -> None:
    """Also if its client left early."""
    logs.change(files={"size_limit": 0, "max_size": LIMIT})
    assert reasons(logs, streamed(bytes=got)) == [("over limit", "cellar_files_max_size")]


def test_a_file_that_is_refused_for_its_size_names_the_limit(logs: Logs) -> None:
    logs.change(files={"size_limit": LIMIT, "over_limit": "refuse"})
    line = answer(status=403, cache="MISS", upstream_status="403", bytes=80)
    assert reasons(logs, line) == [("refused", "cellar_file_size_limit")]


def test_what_could_not_be_stored_for_lack_of_space_is_told(logs: Logs) -> None:
    logs.has_space = False
    confirmed = answer(cache="REVALIDATED", upstream_status="304")
    assert reasons(logs, missed(), answer(), confirmed) == [("", ""), ("no space", "")]
    assert logs.served("why")["no space"][0] == 1


def test_the_files_that_are_kept_out_are_known_with_their_sizes(logs: Logs) -> None:
    logs.change(files={"size_limit": LIMIT})
    small, large = wheel("small-1.0.zip"), wheel("large-1.0.zip", "f")
    logs.answered(
        streamed(small, bytes=LIMIT + 5),
        streamed(small, bytes=20),
        streamed(small, bytes=30, status=206, range="bytes=0-29"),
        streamed(large, bytes=3 * LIMIT, at=NOON - DAY),
        streamed(large, bytes=3 * LIMIT),
        answer(wheel("stored-1.0.zip")),
    )
    logs.count()
    with Traffic.opened(logs.directory) as traffic:
        kept_out = traffic.kept_out(0, NOON + DAY)
        today = traffic.kept_out(NOON - 12 * HOUR, NOON + DAY)
    assert [(f.filename, f.size, f.requests, f.bytes) for f in kept_out] == [
        ("large-1.0.zip", 3 * LIMIT, 2, 6 * LIMIT),
        ("small-1.0.zip", LIMIT + 5, 3, LIMIT + 55),
    ]
    assert {(f.why, f.rule) for f in kept_out} == {("over limit", "cellar_file_size_limit")}
    assert [f.requests for f in today] == [1, 3]


def test_files_kept_out_are_bounded(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellar.traffic.book._MOST_FILES_KEPT_OUT_OF_A_DAY", 5)
    logs.change(files={"size_limit": LIMIT})
    logs.answered(*[streamed(wheel(f"x-{n}.zip"), bytes=10) for n in range(20)])
    logs.count()
    logs.answered(streamed(wheel("x-2.zip"), bytes=10))
    logs.count()
    with Traffic.opened(logs.directory) as traffic:
        kept_out = traffic.kept_out(0, NOON + DAY)
    assert len(kept_out) == 6
    assert sum(f.requests for f in kept_out) == 21
    assert max(f.requests for f in kept_out if not f.filename) == 15


def fetched_again(logs: Logs) -> list[Again]:
    with Traffic.opened(logs.directory) as traffic:
        return traffic.again(0, 2**40)


def got(logs: Logs, path: str, size: int, at: int, *, slices: int = 1) -> None:
    """Fetch a file in slices, and hand it out."""
    logs.now = at + 60
    logs.fetched(*[fetch(path, bytes=str(size // slices), at=at) for _ in range(slices)])
    logs.answered(missed(path, bytes=size, at=at + 1))


def test_a_file_that_is_fetched_again_was_evicted(logs: Logs) -> None:
    """With how long ago it was used, and how much came into the cache since."""
    other = wheel("other-1.0.zip", "f")
    got(logs, WHEEL, 40 * MB, NOON, slices=4)
    logs.count()
    logs.answered(answer(bytes=40 * MB, at=NOON + DAY))
    logs.count()
    got(logs, other, 700 * MB, NOON + 2 * DAY)
    logs.count()
    got(logs, WHEEL, 40 * MB, NOON + 4 * DAY, slices=4)
    logs.count()
    assert fetched_again(logs) == [Again("", 3, 700 * MB, 1, 40 * MB)]


def test_one_slice_that_was_evicted_counts_as_that(logs: Logs) -> None:
    got(logs, WHEEL, 40 * MB, NOON, slices=4)
    logs.count()
    logs.now += 3 * DAY
    logs.fetched(fetch(bytes=str(10 * MB), at=logs.now))
    logs.answered(answer(bytes=40 * MB, at=logs.now + 1))
    logs.count()
    assert [(each.days, each.bytes) for each in fetched_again(logs)] == [(3, 10 * MB)]


def test_the_rest_of_a_file_is_not_fetched_again(logs: Logs) -> None:
    """uv reads the end of a wheel today; somebody needs all of it tomorrow."""
    logs.fetched(fetch(bytes=str(10 * MB)))
    logs.answered(missed(bytes=500, status=206, range="bytes=0-499"))
    logs.count()
    logs.now += DAY
    logs.fetched(*[fetch(bytes=str(10 * MB), at=logs.now) for _ in range(3)])
    logs.answered(missed(bytes=40 * MB, at=logs.now + 1))
    logs.count()
    assert fetched_again(logs) == []


def test_a_slice_that_broke_off_and_is_fetched_at_once_was_not_evicted(logs: Logs) -> None:
    logs.fetched(fetch(bytes=str(5 * MB)))
    logs.count()
    logs.fetched(fetch(bytes=str(40 * MB), at=NOON + 60))
    logs.answered(missed(bytes=40 * MB, at=NOON + 61))
    logs.count()
    assert fetched_again(logs) == []


def test_what_is_never_stored_is_not_fetched_again(logs: Logs) -> None:
    logs.change(files={"size_limit": LIMIT})
    for day in range(3):
        at = NOON + day * DAY
        logs.now = at
        logs.fetched(fetch(bytes=str(2 * LIMIT), cache="", at=at, status="200"))
        logs.answered(streamed(bytes=2 * LIMIT, at=at))
        logs.count()
    assert fetched_again(logs) == []
    with Traffic.opened(logs.directory) as traffic:
        assert traffic.stored("") == 0


def test_files_that_are_remembered_are_bounded(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellar.traffic.book._MOST_FILES", 4)
    for number in range(9):
        got(logs, wheel(f"x-{number}.zip"), 100, NOON + number)
    logs.count()
    assert logs.rows("files") == 4
