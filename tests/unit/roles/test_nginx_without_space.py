"""What nginx really does while the rewriter says that there is no space on the disk."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from unit.roles.engine import Answer, Engine, Request, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SLICE = 1000
BODY = b"wheel"
PATH = f"/packages/00/11/{'2' * 60}/a-1-py3-none-any.whl"
FILE = Answer(
    status=206,
    reason="Partial Content",
    headers={"Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}"},
    body=BODY,
)
PAGE = Answer(headers={"Content-Type": "text/html", "Cache-Control": "max-age=60"}, body=b"page")
VERDICT = Answer(headers={"X-File-Limit": "none", "Cache-Control": "max-age=60"})
LENGTH = Answer(headers={"Content-Length": "5"})


@pytest.fixture(scope="module")
def engine(nginx_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    directory = tmp_path_factory.mktemp("e")
    settings = {"__cellar_checks_files": True, "cellar_slice_size": str(SLICE)}
    with running(nginx_program, directory, **settings) as engine:
        engine.pypi.answer = lambda asked: LENGTH if asked.method == "HEAD" else FILE
        engine.rewriter.answer = lambda asked: PAGE if "/simple/" in asked.target else VERDICT
        yield engine


def stored(engine: Engine) -> set[Path]:
    return {path for path in (engine.directory / "cache").rglob("*") if path.is_file()}


ASKED: dict[str, tuple[str, Callable[[Engine], list[Request]]]] = {
    "GET": (PATH, lambda engine: engine.pypi.asked(PATH)),
    "HEAD": (PATH, lambda engine: engine.pypi.asked(PATH)),
    "page": ("/simple/without-space/", lambda engine: engine.rewriter.asked("/without-space/")),
}


@pytest.mark.parametrize("what", list(ASKED))
def test_everything_is_served_and_nothing_stored(engine: Engine, what: str) -> None:
    path, asked = ASKED[what]
    before, already = stored(engine), len(asked(engine))
    for _ in range(2):
        with engine.told_of_a_full_disk():
            answer = engine.ask(path, method="HEAD" if what == "HEAD" else "GET")
        assert answer.status == 200
    assert len(asked(engine)) - already == 2
    assert stored(engine) == before


@pytest.mark.parametrize("path", [PATH.replace("22", "33"), "/simple/with-space/"])
def test_what_was_stored_is_served_from_the_cache(engine: Engine, path: str) -> None:
    first = engine.ask(path)
    with engine.told_of_a_full_disk():
        again = engine.ask(path)
    assert (again.headers["x-cache"], again.body) == ("HIT", first.body)


def test_a_transfer_that_has_begun_stores_nothing_more_until_there_is_space_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may go on for gigabytes, and what cannot be written would end it."""
    path, slices = PATH.replace("22", "44"), 5
    beginnings = [number * SLICE for number in range(slices)]
    with ExitStack() as until_the_fourth:

        def give(request: Request) -> Answer:
            (begins,) = (
                b for b in beginnings if request.headers["range"].startswith(f"bytes={b}-")
            )
            if begins == beginnings[1]:
                until_the_fourth.enter_context(engine.told_of_a_full_disk())
            if begins == beginnings[3]:
                until_the_fourth.close()
            where = f"bytes {begins}-{begins + SLICE - 1}/{slices * SLICE}"
            headers = {"Content-Range": where}
            return Answer(status=206, reason="", headers=headers, body=b"x" * SLICE)

        monkeypatch.setattr(engine.pypi, "answer", give)
        first = engine.ask(path)
        again = engine.ask(path)
    assert first.body == again.body == b"x" * slices * SLICE
    asked = [request.headers["range"] for request in engine.pypi.asked(path)]
    # The second was on its way to the disk by then, and the fourth came before there was space.
    expected = [0, 1, 1, 2, 3, 4, *(1, 1, 2, 3)]
    assert asked == [f"bytes={n * SLICE}-{(n + 1) * SLICE - 1}" for n in expected]
