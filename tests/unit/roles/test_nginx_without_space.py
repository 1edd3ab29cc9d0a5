"""What nginx really does while the rewriter says that there is no space on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit.roles.engine import Answer, Engine, Request, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

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
def mark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "no-space"


@pytest.fixture(scope="module")
def engine(
    nginx_program: Path, mark: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    directory = tmp_path_factory.mktemp("e")
    settings = {"__cellar_checks_files": True, "__cellar_no_space_file": str(mark)}
    with running(nginx_program, directory, **settings) as engine:
        engine.pypi.answer = lambda asked: LENGTH if asked.method == "HEAD" else FILE
        engine.rewriter.answer = lambda asked: PAGE if "/simple/" in asked.target else VERDICT
        yield engine


@pytest.fixture
def no_space(mark: Path) -> Iterator[None]:
    mark.touch()
    yield
    mark.unlink()


def stored(engine: Engine) -> set[Path]:
    return {path for path in (engine.directory / "cache").rglob("*") if path.is_file()}


ASKED: dict[str, tuple[str, Callable[[Engine], list[Request]]]] = {
    "GET": (PATH, lambda engine: engine.pypi.asked(PATH)),
    "HEAD": (PATH, lambda engine: engine.pypi.asked(PATH)),
    "page": ("/simple/without-space/", lambda engine: engine.rewriter.asked("/without-space/")),
}


@pytest.mark.usefixtures("no_space")
@pytest.mark.parametrize("what", list(ASKED))
def test_everything_is_served_and_nothing_stored(engine: Engine, what: str) -> None:
    path, asked = ASKED[what]
    before, already = stored(engine), len(asked(engine))
    for _ in range(2):
        answer = engine.ask(path, method="HEAD" if what == "HEAD" else "GET")
        assert answer.status == 200
    assert len(asked(engine)) - already == 2
    assert stored(engine) == before


@pytest.mark.parametrize("path", [PATH.replace("22", "33"), "/simple/with-space/"])
def test_what_was_stored_is_served_from_the_cache(engine: Engine, mark: Path, path: str) -> None:
    first = engine.ask(path)
    mark.touch()
    again = engine.ask(path)
    mark.unlink()
    assert (again.headers["x-cache"], again.body) == ("HIT", first.body)
