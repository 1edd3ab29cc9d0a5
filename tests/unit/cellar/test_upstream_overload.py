"""An upstream that hangs or drips ends no later than promised, and leaves nothing behind."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from cellar.settings import PYPI
from cellar.upstream import Found, Indexes, Outcomes, Rooms, UpstreamError
from cellar.upstream.access import Access
from unit.cellar.support import PYPI as INDEX
from unit.cellar.support import settings

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
WHOLE = 2.0
Speak = Callable[[asyncio.StreamWriter], Awaitable[None]]


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
    """A place that an ended request took for good would be missing from then on."""

    async def run() -> None:
        async with upstream(tmp_path) as found:
            found.speak = hanging
            _, errors = await outcomes(found, 400)
            assert len(errors) == 400
            assert {error.sentence for error in errors} == {
                "The index upstream pypi did not answer in time."
            }
            found.speak = speaking
            answers, errors = await outcomes(found, 100)
            assert (len(answers), errors) == (100, [])
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
            found.speak = speaking
            answers, errors = await outcomes(found, 100)
            assert (len(answers), errors) == (100, [])

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
