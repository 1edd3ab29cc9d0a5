"""When bytes may leave: a rate, held by one answer or shared by many."""

import math

_CATCH_UP = 0.05  # seconds that may be made good after a late wake-up


class Pace:
    """A line of `rate` bytes per second. Who asks first, goes first."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._due = 0.0

    def begin(self, now: float) -> None:
        """Let an answer's body begin: time that nobody used is lost."""
        self._due = max(self._due, now)

    def turn(self, length: int, now: float) -> float:
        """Return the moment at which the next `length` bytes may leave, and reserve their time."""
        moment = max(self._due, now - _CATCH_UP)
        self._due = moment + length / self._rate
        return moment

    def release(self) -> None:
        """Let everything go as fast as it can."""
        self._rate, self._due = math.inf, 0.0
