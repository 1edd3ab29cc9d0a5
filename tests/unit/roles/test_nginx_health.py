"""What /healthz says of an appliance, to balancers and to the guards of runners."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from support import nginx
from support.nginx import name
from unit.roles.engine import INDEX_DOOR, Answer, Engine, running
from unit.roles.variants import FILES_HOST, HOSTS, INDEX_HOST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATHS = ("/healthz", "/healthz/pages")
RUNS = Answer(headers={"Cache-Control": "no-store"}, body=b"The rewriter runs.\n")
SILENT = (
    b"Cellar: the index rewriter gives no answer; pages that are not in the cache cannot be had.\n"
)
# Seconds; nginx counts whole ones.
FORGOTTEN = 2.1
# Seconds that a guard gives everything that it asks.
PATIENCE = 2.0


@pytest.fixture(scope="module")
def engine(nginx_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running(nginx_program, tmp_path_factory.mktemp("e")) as engine:
        yield engine


@pytest.fixture(autouse=True)
def _well(engine: Engine) -> None:
    """Begin each test with an appliance that is well."""
    engine.rewriter.answer = lambda _: RUNS
    deadline = time.monotonic() + 10
    while {engine.ask(path).status for path in PATHS} != {200}:
        assert time.monotonic() < deadline, "the test before has left it unwell"
        time.sleep(0.1)


@contextmanager
def without_disk(engine: Engine) -> Iterator[None]:
    """Take the cache's folders away, as a volume goes that is unmounted or fails."""
    place = engine.directory / "cache"
    place.rename(engine.directory / "away")
    try:
        yield
    finally:
        (engine.directory / "away").rename(place)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_appliance_that_is_well_says_so(engine: Engine, path: str, method: str) -> None:
    answer = engine.ask(path, method=method)

    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_engine_is_well_without_a_word_of_python(engine: Engine) -> None:
    """Promise 1: what answers for the engine must not be what fails first."""
    engine.rewriter.answer = lambda _: Answer(delay=60)
    before = len(engine.rewriter.requests)
    time.sleep(FORGOTTEN)

    assert engine.ask("/healthz").status == 200
    assert len(engine.rewriter.requests) == before


@pytest.mark.parametrize(
    "silence",
    [Answer(delay=60), Answer(status=500), Answer(status=503, headers={"Retry-After": "9"})],
    ids=["hangs", "fails", "is overloaded"],
)
def test_pages_are_not_to_be_had_without_the_rewriter(engine: Engine, silence: Answer) -> None:
    engine.rewriter.answer = lambda _: silence
    time.sleep(FORGOTTEN)

    begun = time.monotonic()
    answer = engine.ask("/healthz/pages")
    assert time.monotonic() - begun < PATIENCE
    assert (answer.status, answer.body) == (503, SILENT)
    assert answer.headers["retry-after"] == "1"
    assert engine.ask("/healthz").status == 200

    engine.rewriter.answer = lambda _: RUNS
    time.sleep(FORGOTTEN)
    assert engine.ask("/healthz/pages").status == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_disk_that_cannot_be_written_is_a_sentence(
    engine: Engine, path: str, method: str
) -> None:
    """What a client asks for then, and the cache does not have, breaks off or fails."""
    time.sleep(FORGOTTEN)
    with without_disk(engine):
        answer = engine.ask(path, method=method)
    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"
    said = b"Cellar: the engine cannot write to the disk of its cache.\n"
    assert answer.body == (said if method == "GET" else b"")

    assert engine.ask(path).status == 200


def test_a_disk_that_is_known_to_be_full_is_no_trouble(engine: Engine) -> None:
    """Nothing is written then, and clients are served all the same."""
    time.sleep(FORGOTTEN)
    with engine.told_of_a_full_disk(), without_disk(engine):
        statuses = [engine.ask(path).status for path in PATHS]
    assert statuses == [200, 200]


@pytest.mark.parametrize(
    "answer", [RUNS, Answer(status=503), Answer(delay=60)], ids=["runs", "refuses", "hangs"]
)
def test_a_thousand_probes_cost_the_rewriter_a_question_or_two(
    engine: Engine, answer: Answer
) -> None:
    """Also while it is stuck: what they ask must not stand in the way of what clients ask."""
    engine.rewriter.answer = lambda _: answer
    time.sleep(FORGOTTEN)
    before = len(engine.rewriter.requests)

    begun = time.monotonic()
    answers = [each for _ in range(5) for each in engine.ask_at_once(200, "/healthz/pages")]
    seconds = time.monotonic() - begun

    assert len(answers) == 1000
    assert len(engine.rewriter.requests) - before <= 2 + seconds


def test_a_thousand_probes_write_to_the_disk_once_or_twice(engine: Engine) -> None:
    def written() -> set[int]:
        files = (engine.directory / "cache/renewals").rglob("*")
        return {path.stat().st_ino for path in files if path.is_file()}

    engine.ask("/healthz")
    seen = written()
    begun = time.monotonic()
    for _ in range(20):
        engine.ask_at_once(50, "/healthz")
        seen |= written()
    assert len(seen) <= 2 + (time.monotonic() - begun)


def test_probes_leave_no_line_in_any_log(engine: Engine) -> None:
    """Of traffic counted from them, most would be probes."""
    time.sleep(FORGOTTEN)
    with without_disk(engine):
        assert {engine.ask(path).status for path in PATHS} == {503}
    assert {engine.ask(path, method="POST").status for path in PATHS} == {405}
    engine.ask("/marker")
    deadline = time.monotonic() + 10
    while "/marker" not in (engine.directory / "log/access.log").read_text():
        assert time.monotonic() < deadline, "nothing is logged at all"
        time.sleep(0.1)

    for log in (engine.directory / "log").iterdir():
        lines = [line for line in log.read_text().splitlines() if "health" in line]
        assert lines == [], log.name


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", [INDEX_HOST, FILES_HOST])
def test_pypis_own_path_of_that_name_is_not_hidden(engine: Engine, host: str, path: str) -> None:
    engine.pypi.answer = lambda _: Answer(body=b"PyPI's own")
    answer = engine.ask(path, host)
    assert (answer.status, answer.body) == (200, b"PyPI's own")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("handshake", [INDEX_HOST, FILES_HOST])
def test_a_connection_that_was_opened_for_pypi_can_ask_for_the_appliances_health(
    engine: Engine, handshake: str, path: str
) -> None:
    """So a guard goes the way of jobs: same address, port, handshake and certificate."""
    answer = engine.ask(path, handshake, Host=INDEX_DOOR)
    assert answer.status == 200


@pytest.mark.parametrize("path", PATHS)
def test_nobody_changes_anything_by_asking_for_health(engine: Engine, path: str) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = engine.ask(path, method=method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_both_are_at_the_index_door_and_at_plain_http_and_at_no_other() -> None:
    http = nginx.rendered(**HOSTS)
    servers = [
        (each.values("server_name")[0][0], "ssl" in each.values("listen")[0])
        for each in http.all("server")
        for location in each.all("location")
        if name(location) in {f"= {path}" for path in PATHS}
    ]
    assert servers == [(INDEX_DOOR, True)] * 2 + [("health", False)] * 2 + [("_", False)] * 2
