"""Texts for one line of a header or of a terminal."""

from datetime import datetime, timedelta

from cellar.policy.times import later

_ALMOST_A_MINUTE = timedelta(minutes=1, microseconds=-1)


def one_line(text: str) -> str:
    """Return a text of unknown origin in printable ASCII; all else in it is a question mark."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)


def stamp(time: datetime) -> str:
    """Write a time to the minute, rounded up: what is said to be over by then is over."""
    return f"{later(time, _ALMOST_A_MINUTE).replace(tzinfo=None).isoformat(timespec='minutes')}Z"
