"""Reading bodies, and how many of them a process holds at a time."""

import asyncio
import re
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import httpx

from cellar.decoding import BoundedDecoder, decoded_at_once

# Bytes, decoded. PyPI's page of 2,400 files has 1.8 million; a larger one is worth waiting for.
_LARGE = 2 * 1024 * 1024
# Bytes, encoded. A bomb of gzip makes a thousand times as many of them.
_STEP = 4096
# Bytes, encoded, that are held back to be decoded at once. PyPI's page of 2,400 files has 400,000.
_HELD = 512 * 1024
# Bodies of up to that size that a process holds, read or being read, until they are answered.
_PLACES = 24
# Bytes of a body that nobody reads, which the kernel takes in all the same.
_TAKEN_IN = 64 * 1024
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


class Rooms:
    """The memory of one process for bodies: places for some small ones, and for one large one."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(_PLACES)
        self._large = asyncio.Lock()

    def room(self) -> "Room":
        """Return a room for the bodies of one answer; it takes memory when a body comes."""
        return Room(self._places, self._large)


class Room:
    """
    What one answer holds in memory while this context lasts.

    Bodies wait to be read until there is a place for them, and once they have grown large, until no
    other answer holds a large one: the sender waits meanwhile. `received` are the bytes of bodies
    that have come, as they were sent.
    """

    def __init__(self, places: asyncio.Semaphore, large: asyncio.Lock) -> None:
        self._places = places
        self.received = 0
        self._large = large
        self._own = asyncio.Lock()
        self._held = AsyncExitStack()
        self._taken: set[object] = set()

    async def __aenter__(self) -> Self:
        """Begin; nothing is held yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give everything back."""
        await self._held.aclose()

    def leave(self, response: httpx.Response) -> None:
        """
        Count a body that nobody reads, as it is of an error: as long as its sender says it is.

        Of a long one the connection takes in the beginning, until it is closed.
        """
        length = response.headers.get("Content-Length", "")
        if _LENGTH.fullmatch(length):
            self.received += min(int(length), _TAKEN_IN)

    async def read(self, response: httpx.Response, limit: int) -> bytes:
        """
        Read a body and undo its content coding.

        `limit` is bytes, decoded.

        Raises:
            DecodingError: when the body is larger than that, or cannot be decoded.

        """
        await self._take(self._places)
        coding = response.headers.get("Content-Encoding", "")
        decoder = BoundedDecoder(coding, limit)
        held, is_whole = bytearray(), True
        async for piece in response.aiter_raw():
            self.received += len(piece)
            held += piece
            if len(held) > _HELD:
                is_whole = False
                await self._feed(decoder, held)
                held.clear()
        if is_whole:
            body = decoded_at_once(coding, bytes(held), min(limit, _LARGE))
            if body is not None:
                return body
        await self._feed(decoder, held)
        return decoder.finish()

    async def _feed(self, decoder: BoundedDecoder, encoded: bytearray) -> None:
        for at in range(0, len(encoded), _STEP):
            decoder.feed(bytes(encoded[at : at + _STEP]))
            if decoder.size > _LARGE:
                await self._take(self._large)

    async def _take(self, what: asyncio.Semaphore | asyncio.Lock) -> None:
        # One answer may read several bodies at once; they share what it holds.
        async with self._own:
            if what not in self._taken:
                await self._held.enter_async_context(what)
                self._taken.add(what)
