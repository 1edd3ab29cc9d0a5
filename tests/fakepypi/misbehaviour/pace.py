"""How fast bytes go: on one connection, or on a line that several share."""

import asyncio
import time

_CATCH_UP = 0.05  # seconds that may be made good after a late wake-up


class Pace:
    """Keeps all who take turns to a rate in bytes per second, one after the other."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._due = time.monotonic()

    async def turn(self, length: int) -> None:
        """Return when the next `length` bytes may go."""
        now = time.monotonic()
        begin = max(self._due, now - _CATCH_UP)
        self._due = begin + length / self._rate  # before any await: the next one comes after
        await asyncio.sleep(begin - now)
