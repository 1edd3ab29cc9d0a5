"""How many bodies a process holds at a time."""

import asyncio
import gzip
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from cellar.decoding import DecodingError
from cellar.upstream import Rooms

LIMIT = 32 * 1024 * 1024
LARGE = 3 * 1024 * 1024
PIECE = 65536


class Body(httpx.AsyncByteStream):
    """A body that counts what has been taken of it."""

    def __init__(self, size: int, *, coding: str = "identity") -> None:
        self.left = gzip.compress(bytes(size)) if coding == "gzip" else bytes(size)
        self.response = httpx.Response(200, headers={"Content-Encoding": coding}, stream=self)
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.left:
            piece, self.left = self.left[:PIECE], self.left[PIECE:]
            self.taken += len(piece)
            yield piece
            await asyncio.sleep(0)


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), PIECE):
        yield body[at : at + PIECE]


async def turns() -> None:
    """Let everything go on that can."""
    for _ in range(500):
        await asyncio.sleep(0)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(bounded())


async def held(rooms: Rooms, body: Body, leave: asyncio.Event) -> int:
    """Read a body and keep it until told to leave."""
    async with rooms.room() as room:
        found = await room.read(body.response, LIMIT)
        await leave.wait()
    return len(found)


def test_one_large_body_is_read_at_a_time_and_small_ones_pass_it() -> None:
    async def scenario() -> None:
        rooms, leave, gone = Rooms(), asyncio.Event(), asyncio.Event()
        gone.set()
        first, second, small = Body(LARGE), Body(2 * LARGE), Body(1000)
        tasks = [asyncio.create_task(held(rooms, first, leave))]
        await turns()
        tasks.append(asyncio.create_task(held(rooms, second, gone)))
        await turns()
        assert first.left == b""
        assert 2 * LARGE / 3 < second.taken < LARGE, "it waits once it has shown that it is large"
        assert await held(rooms, small, gone) == 1000
        leave.set()
        assert await asyncio.gather(*tasks) == [LARGE, 2 * LARGE]

    run(scenario)


@pytest.mark.parametrize("size", [0, 1, 1_000, 400_000, 700_000, LARGE])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_body_of_any_size_comes_back_whole(size: int, coding: str) -> None:
    async def scenario() -> None:
        # Random, so that it is as many bytes encoded.
        body = random.Random(size).randbytes(size)
        sent = gzip.compress(body, 1) if coding == "gzip" else body
        response = httpx.Response(200, headers={"Content-Encoding": coding}, content=pieces(sent))
        async with Rooms().room() as room:
            assert await room.read(response, LIMIT) == body

    run(scenario)


def test_a_member_of_gzip_that_comes_by_itself_is_not_taken_for_the_whole_body() -> None:
    async def scenario() -> None:
        body = random.Random(0).randbytes(700_000)

        async def members() -> AsyncIterator[bytes]:
            yield gzip.compress(body)
            yield gzip.compress(b"the end")

        response = httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=members())
        async with Rooms().room() as room:
            assert await room.read(response, LIMIT) == body + b"the end"

    run(scenario)


def test_small_bodies_have_places_and_wait_for_one() -> None:
    async def scenario() -> None:
        rooms, leave = Rooms(), asyncio.Event()
        bodies = [Body(1000) for _ in range(100)]
        tasks = [asyncio.create_task(held(rooms, body, leave)) for body in bodies]
        await turns()
        assert sum(body.taken > 0 for body in bodies) == 24
        leave.set()
        assert await asyncio.gather(*tasks) == [1000] * 100

    run(scenario)


def test_one_answer_may_hold_several_large_bodies() -> None:
    async def scenario() -> None:
        rooms = Rooms()
        async with rooms.room() as room:
            reading = [room.read(Body(LARGE).response, LIMIT) for _ in range(3)]
            assert [len(body) for body in await asyncio.gather(*reading)] == [LARGE] * 3
        async with rooms.room() as room:
            assert len(await room.read(Body(LARGE).response, LIMIT)) == LARGE

    run(scenario)


@pytest.mark.parametrize("end", ["error", "cancelled"])
def test_a_body_that_is_not_read_to_its_end_gives_its_place_back(end: str) -> None:
    async def scenario() -> None:
        rooms, leave = Rooms(), asyncio.Event()
        for _ in range(30):
            if end == "error":
                with pytest.raises(DecodingError, match="larger than"):
                    async with rooms.room() as room:
                        await room.read(Body(LARGE).response, LARGE - 1)
            else:
                task = asyncio.create_task(held(rooms, Body(LARGE), leave))
                await turns()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
        leave.set()
        assert await held(rooms, Body(LARGE), leave) == LARGE

    run(scenario)


def test_a_bomb_waits_for_its_turn_as_any_large_body() -> None:
    async def scenario() -> None:
        rooms, leave = Rooms(), asyncio.Event()
        first = asyncio.create_task(held(rooms, Body(LARGE), leave))
        await turns()
        # 32 MB in 32 kB, in one piece.
        bomb = Body(LIMIT, coding="gzip")
        async with rooms.room() as room:
            reading = asyncio.create_task(room.read(bomb.response, LIMIT))
            await turns()
            assert not reading.done()
            leave.set()
            assert len(await reading) == LIMIT
        await first

    run(scenario)
