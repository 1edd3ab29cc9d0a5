"""An upstream that hangs, drips or is busy holds up nothing but itself, and no longer than that."""

import asyncio
import contextlib
import gc
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trustme

from cellar.settings import PYPI
from cellar.upstream import Found, Indexes, Outcomes, Rooms, UpstreamError
from cellar.upstream.access import Access
from unit.cellar.several import SEVERAL
from unit.cellar.support import PYPI as INDEX
from unit.cellar.support import scripted, settings

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
WHOLE = 3.0
# Answers that the same indexes are asked for at a time.
PLACES = 64
Speak = Callable[[asyncio.StreamWriter], Awaitable[None]]
Ask = Callable[[str], Coroutine[None, None, Outcomes]]


# The server's half of connections whose clients went away in a handshake: asyncio has no list of
# them.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def leaves_nothing_to_later_tests() -> Iterator[None]:
    yield
    gc.collect()


class Upstream:
    """An index on loopback that speaks as it is told to."""

    def __init__(self, indexes: Indexes) -> None:
        self.speak: Speak = speaking
        self.indexes = indexes
        self._rooms = Rooms()

    async def ask(self) -> Outcomes:
        async with self._rooms.room() as room:
            return await self.indexes.pages("demo", room)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone = (OSError, asyncio.IncompleteReadError, asyncio.CancelledError)
        with contextlib.suppress(*gone), contextlib.closing(writer):
            while await reader.readuntil(b"\r\n\r\n"):
                await self.speak(writer)


async def speaking(writer: asyncio.StreamWriter) -> None:
    writer.write(ANSWER)
    await writer.drain()


async def hanging(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


def speaking_together(count: int) -> Speak:
    """Return an upstream that answers once so many requests are there; with fewer, it hangs."""
    barrier = asyncio.Barrier(count)

    async def speak(writer: asyncio.StreamWriter) -> None:
        await barrier.wait()
        await speaking(writer)

    return speak


@asynccontextmanager
async def upstream(directory: Path) -> AsyncIterator[Upstream]:
    authority = trustme.CA()
    ours, theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(ours)
    authority.configure_trust(theirs)
    made: list[Upstream] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await made[0].answer(reader, writer)

    server = await asyncio.start_server(
        answer,
        "localhost",
        0,
        ssl=ours,
        backlog=1000,
    )
    port = server.sockets[0].getsockname()[1]
    known = settings(
        directory,
        upstream={"connect_timeout": WHOLE / 2, "read_timeout": WHOLE / 2},
        indexes=[{**INDEX, "url": f"https://localhost:{port}/simple/"}],
    )
    indexes = Indexes(known, {PYPI: Access(theirs, None)})
    made.append(Upstream(indexes))
    try:
        yield made[0]
    finally:
        await indexes.aclose()
        server.close()
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        # TLS says goodbye in both directions.
        await asyncio.sleep(0.2)


async def outcomes(found: Upstream, count: int) -> tuple[list[Outcomes], list[UpstreamError]]:
    """Ask so many times, a little apart, and tell answers from errors."""

    async def one(number: int) -> Outcomes:
        await asyncio.sleep(number * 0.002)
        return await found.ask()

    results = await asyncio.gather(*map(one, range(count)), return_exceptions=True)
    errors = [each for each in results if isinstance(each, UpstreamError)]
    answers = [each for each in results if isinstance(each, Outcomes)]
    assert len(errors) + len(answers) == count, results
    return answers, errors


def test_after_an_overload_every_request_is_answered_again(tmp_path: Path) -> None:
    """A single place that an ended request took for good would be missing from then on."""

    async def run() -> None:
        async with upstream(tmp_path) as found:
            found.speak = hanging
            _, errors = await outcomes(found, 400)
            assert len(errors) == 400
            assert {error.sentence for error in errors} == {
                "The index upstream pypi did not answer in time."
            }
            found.speak = speaking_together(PLACES)
            answers, errors = await outcomes(found, PLACES)
            assert (len(answers), errors) == (PLACES, [])
            assert all(isinstance(outcome, Found) for a in answers for _, outcome in a.said)

    asyncio.run(run())


def test_a_request_that_is_ended_from_outside_leaves_its_place(tmp_path: Path) -> None:
    async def run() -> None:
        async with upstream(tmp_path) as found:
            found.speak = hanging
            for pause in (0, 0.001, 0.01, 0.1):
                asking = [asyncio.create_task(found.ask()) for _ in range(100)]
                await asyncio.sleep(pause)
                for task in asking:
                    task.cancel()
                await asyncio.gather(*asking, return_exceptions=True)
            found.speak = speaking_together(PLACES)
            answers, errors = await outcomes(found, PLACES)
            assert (len(answers), errors) == (PLACES, [])

    asyncio.run(run())


async def dripping_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(1000):
        writer.write(f"X-{number}: y\r\n".encode())
        await writer.drain()
        await asyncio.sleep(0.05)


async def dripping_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("speak", [dripping_head, dripping_body])
def test_an_answer_that_comes_drop_by_drop_is_ended(tmp_path: Path, speak: Speak) -> None:
    async def run() -> None:
        async with upstream(tmp_path) as found:
            found.speak = speak
            async with asyncio.timeout(10):
                _, errors = await outcomes(found, 3)
            assert len(errors) == 3
            found.speak = speaking
            answers, errors = await outcomes(found, 3)
            assert (len(answers), errors) == (3, [])

    asyncio.run(run())


def acme_and_pypi(directory: Path, seconds: Mapping[str, float]) -> Ask:
    """Return how to ask two indexes, of which each takes so long for an answer."""

    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(seconds[request.url.host])
        return scripted(body=b"hello")

    known = settings(
        directory, upstream={"connect_timeout": WHOLE / 2, "read_timeout": WHOLE / 2}, **SEVERAL
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    accesses = {index.name: Access(tls) for index in known.indexes}
    found = Indexes(known, accesses, httpx.MockTransport(answer))
    rooms = Rooms()

    async def ask(project: str) -> Outcomes:
        async with rooms.room() as room:
            return await found.pages(project, room)

    return ask


def test_many_pages_of_one_index_do_not_hold_up_those_of_two(tmp_path: Path) -> None:
    """What one waits for, no other may hold that waits for something of the first."""

    async def run() -> None:
        ask = acme_and_pypi(tmp_path, {"packages.acme.example": 0, "index.example": 0.1})
        # PyPI has as many requests as it may have. Then acme's part of `both` takes all the room.
        asking = [asyncio.create_task(ask("demo")) for _ in range(PLACES)]
        await asyncio.sleep(0.05)
        asking += [asyncio.create_task(ask("both")) for _ in range(PLACES)]
        said = [len(outcomes.said) for outcomes in await asyncio.gather(*asking)]
        assert said == [1] * PLACES + [2] * PLACES

    asyncio.run(run())


def test_an_index_that_hangs_does_not_hold_up_the_projects_of_another(tmp_path: Path) -> None:
    async def run() -> None:
        ask = acme_and_pypi(tmp_path, {"packages.acme.example": 30, "index.example": 0})
        hanging = [asyncio.create_task(ask("acme")) for _ in range(2 * PLACES)]
        await asyncio.sleep(0.05)
        async with asyncio.timeout(WHOLE / 2):
            assert len((await ask("demo")).said) == 1
        assert not any(task.done() for task in hanging)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

    asyncio.run(run())
