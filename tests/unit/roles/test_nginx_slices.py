"""What clients get of a file in slices when upstream breaks off in the middle of one."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from unit.roles.engine import Answer, Engine, Request, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SLICE = 300_000
CONTENT = b"".join(b"%08d" % number for number in range(SLICE // 2))  # four slices
STARTS = range(0, len(CONTENT), SLICE)
CAME = 100_001


def ranges(*starts: int) -> list[str]:
    return [f"bytes={start}-{start + SLICE - 1}" for start in starts]


@pytest.fixture(scope="module")
def engine(nginx_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    settings = {
        "__cellar_checks_files": True,
        "__cellar_file_limits": [{"bytes": 5, "pattern": "[0-5]"}],
        "cellar_slice_size": str(SLICE),
    }
    with running(nginx_program, tmp_path_factory.mktemp("e"), **settings) as engine:
        verdict = Answer(headers={"X-File-Limit": "none", "Cache-Control": "max-age=60"})
        engine.rewriter.answer = lambda _: verdict
        yield engine


@pytest.fixture
def path(request: pytest.FixtureRequest) -> str:
    """Return a path that nobody has asked for yet."""
    name = request.node.name.encode().hex()[-60:]
    return f"/packages/00/11/{name:0>60}/a-1-py3-none-any.whl"


def whole(asked: Request) -> Answer:
    first, last = (int(each) for each in asked.headers["range"][len("bytes=") :].split("-"))
    body = CONTENT[first : last + 1]
    where = f"bytes {first}-{first + len(body) - 1}/{len(CONTENT)}"
    return Answer(status=206, reason="", headers={"Content-Range": where}, body=body)


def breaking(start: int, times: int) -> Callable[[Request], Answer]:
    """Return the answers of a host that breaks off in the slice that starts there."""
    left = [times]

    def give(asked: Request) -> Answer:
        answer = whole(asked)
        if not asked.headers["range"].startswith(f"bytes={start}-") or not left[0]:
            return answer
        left[0] -= 1
        headers = {**answer.headers, "Content-Length": str(len(answer.body))}
        return replace(answer, headers=headers, body=answer.body[:CAME])

    return give


def asked(engine: Engine, path: str) -> list[str]:
    return [request.headers["range"] for request in engine.pypi.asked(path)]


def test_each_slice_is_fetched_once(engine: Engine, path: str) -> None:
    engine.pypi.answer = whole
    assert [engine.ask(path).body for _ in range(2)] == [CONTENT] * 2
    assert asked(engine, path) == ranges(*STARTS)


@pytest.mark.parametrize("start", STARTS[1:])
def test_what_broke_off_is_fetched_again_and_the_client_sees_none_of_it(
    engine: Engine, path: str, start: int
) -> None:
    engine.pypi.answer = breaking(start, times=1)
    assert engine.ask(path).body == CONTENT
    assert engine.ask(path).body == CONTENT
    assert sorted(asked(engine, path)) == sorted(ranges(*STARTS, start))


@pytest.mark.parametrize("start", STARTS)
def test_what_always_breaks_off_ends_the_transfer_at_once_after_nothing_but_right_bytes(
    engine: Engine, path: str, start: int
) -> None:
    engine.pypi.answer = breaking(start, times=100)
    with pytest.raises(asyncio.IncompleteReadError) as ended:
        engine.ask(path)
    came = ended.value.partial
    assert came == CONTENT[: len(came)]
    assert len(came) <= start + (CAME if start == 0 else 0)
    assert len(asked(engine, path)) < 10

    engine.pypi.answer = whole
    assert engine.ask(path).body == CONTENT


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
def test_a_refusal_of_a_later_slice_is_not_taken_for_bytes_of_it(
    engine: Engine, path: str, status: int
) -> None:
    def give(asked: Request) -> Answer:
        if asked.headers["range"].startswith("bytes=0-"):
            return whole(asked)
        return Answer(status=status, reason="No", body=b"no")

    engine.pypi.answer = give
    with pytest.raises(asyncio.IncompleteReadError) as ended:
        engine.ask(path)
    assert CONTENT[:SLICE].startswith(ended.value.partial)
    engine.pypi.answer = whole
    assert engine.ask(path).body == CONTENT


def test_upstream_hears_nothing_of_how_slices_are_kept(engine: Engine, path: str) -> None:
    engine.pypi.answer = whole
    engine.ask(path)
    for request in engine.pypi.asked(path):
        assert not [name for name in request.headers if name.startswith("x-")]


def test_what_is_not_to_be_stored_is_fetched_once_for_each_client(
    engine: Engine, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rewriter knew nothing of its size, so that it was asked for in slices."""
    verdict = Answer(headers={"X-File-Limit": "5", "Cache-Control": "max-age=60"})
    monkeypatch.setattr(engine.rewriter, "answer", lambda _: verdict)
    engine.pypi.answer = whole
    assert [engine.ask(path).body for _ in range(2)] == [CONTENT] * 2
    assert asked(engine, path) == ranges(*STARTS, *STARTS)


@pytest.fixture(params=["its size", "the disk"])
def passed_through(
    request: pytest.FixtureRequest, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Let a file be fetched in slices and not stored, as when its size was not known before."""
    if request.param == "its size":
        verdict = Answer(headers={"X-File-Limit": "5", "Cache-Control": "max-age=60"})
        monkeypatch.setattr(engine.rewriter, "answer", lambda _: verdict)
    with engine.told_of_a_full_disk() if request.param == "the disk" else nullcontext():
        yield


def download(engine: Engine, path: str) -> bytes:
    """Return what comes of a file before the connection ends."""
    try:
        return engine.ask(path).body
    except asyncio.IncompleteReadError as ended:
        return ended.partial


def marks(engine: Engine) -> set[Path]:
    """Return what tells nginx that a transfer must not go on."""
    return set((engine.directory / "own/broken").iterdir())


# After the last slice nginx has nothing more to send, and does not know that it lacks something.
@pytest.mark.usefixtures("passed_through")
@pytest.mark.parametrize("start", STARTS[:-1])
def test_what_is_passed_through_ends_where_it_broke_off(
    engine: Engine, path: str, start: int
) -> None:
    engine.pypi.answer = breaking(start, times=1)
    before = marks(engine)
    came = download(engine, path)
    assert came == CONTENT[: len(came)]
    assert 0 < len(came) <= start + CAME
    assert asked(engine, path)[-1:] == ranges(start)
    broken = marks(engine)
    assert len(broken - before) == (start > 0)
    assert download(engine, path) == CONTENT
    assert marks(engine) == broken


@pytest.mark.usefixtures("passed_through")
def test_of_clients_at_once_only_the_one_whose_slice_broke_off_is_ended(
    engine: Engine, path: str
) -> None:
    engine.pypi.answer = breaking(SLICE, times=1)
    with ThreadPoolExecutor(6) as clients:
        bodies = sorted(clients.map(lambda _: download(engine, path), range(6)), key=len)
    assert len(bodies[0]) <= SLICE + CAME
    assert bodies == [CONTENT[: len(bodies[0])], *[CONTENT] * 5]


@pytest.mark.parametrize("start", STARTS[1:-1])
def test_a_slice_without_a_length_ends_the_transfer_if_it_is_too_short(
    engine: Engine, path: str, start: int
) -> None:
    give = breaking(start, times=2)  # the first time it is seen that it cannot be stored

    def without_length(asked: Request) -> Answer:
        answer = give(asked)
        headers = {k: v for k, v in answer.headers.items() if k != "Content-Length"}
        later = not asked.headers["range"].startswith("bytes=0-")
        return replace(answer, headers=headers, measured=False) if later else answer

    engine.pypi.answer = without_length
    came = download(engine, path)
    assert came == CONTENT[: len(came)]
    assert 0 < len(came) <= start + CAME
    assert download(engine, path) == CONTENT


LATER = f"bytes={SLICE + 7}-"


@pytest.mark.parametrize("times", [0, 1])
def test_a_client_that_goes_on_in_a_later_slice_gets_the_rest(
    engine: Engine, path: str, times: int
) -> None:
    engine.pypi.answer = breaking(SLICE, times)
    answer = engine.ask(path, Range=LATER)
    assert (answer.status, answer.body) == (206, CONTENT[SLICE + 7 :])
    assert engine.ask(path, Range=LATER).body == answer.body
    assert sorted(asked(engine, path)) == sorted(ranges(*STARTS[1:], *[SLICE] * times))


@pytest.mark.parametrize(
    ("status", "told"), [(404, 404), (416, 416), (403, 503), (429, 503), (500, 503), (503, 503)]
)
def test_a_client_that_begins_in_a_later_slice_is_told_what_is_the_matter(
    engine: Engine, path: str, status: int, told: int
) -> None:
    engine.pypi.answer = lambda _: Answer(status=status, reason="No", body=b"no")
    answer = engine.ask(path, Range=LATER)
    assert answer.status == told
    assert ("retry-after" in answer.headers) == (told == 503)
    engine.pypi.answer = whole
    again = engine.ask(path, Range=LATER)
    # For a minute a file that is not there is not asked for again.
    assert (again.status, again.body) == (
        (404, b"no") if told == 404 else (206, CONTENT[SLICE + 7 :])
    )


def test_such_a_client_is_told_if_its_slice_always_breaks_off(engine: Engine, path: str) -> None:
    engine.pypi.answer = breaking(SLICE, times=100)
    answer = engine.ask(path, Range=LATER)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


def test_a_host_without_ranges_serves_such_a_client_the_whole(engine: Engine, path: str) -> None:
    engine.pypi.answer = lambda _: Answer(body=CONTENT)
    for _ in range(2):
        answer = engine.ask(path, Range=LATER)
        assert (answer.status, answer.body) in ((200, CONTENT), (206, CONTENT[SLICE + 7 :]))
