"""What some lines of the logs add up to, before it is written down."""

from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

HOUR = 3600
DAY = 86400


def day_of(time: float) -> int:
    """Return the beginning of a time's day, UTC; all in seconds since 1970."""
    return int(time) // DAY * DAY


def key_of(path: str) -> int:
    """Return a number for a path, as good as unique, in the range of a database's integers."""
    digest = blake2b(path.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


class Served(NamedTuple):
    """What answers are told apart by; `start` is seconds since 1970, UTC."""

    start: int
    door: str
    project: str
    kind: str
    cache: str
    status: str
    why: str
    rule: str


class Fetched(NamedTuple):
    """What requests to upstream are told apart by."""

    start: int
    host: str
    project: str
    kind: str
    status: str


@dataclass(slots=True)
class Stored:
    """What was fetched of a file to be stored: bytes, and the last time."""

    zone: str
    bytes: int
    time: int


@dataclass(slots=True)
class Used:
    """What clients got of a file from the cache: its greatest whole answer, and the last time."""

    size: int
    time: int


@dataclass(slots=True)
class KeptOut:
    """What clients got of a file that is not stored."""

    filename: str
    project: str
    why: str
    rule: str
    size: int = 0
    requests: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Sums:
    """
    Sums of lines: requests and bytes by what they are told apart by, files by `key_of` their paths.

    `kept_out` has a day beside the key.
    """

    served: defaultdict[Served, list[int]] = field(default_factory=lambda: defaultdict(_nothing))
    fetched: defaultdict[Fetched, list[int]] = field(default_factory=lambda: defaultdict(_nothing))
    stored: dict[int, Stored] = field(default_factory=dict)
    used: dict[int, Used] = field(default_factory=dict)
    kept_out: dict[tuple[int, int], KeptOut] = field(default_factory=dict)
    unreadable: int = 0
    first: int = 0
    #: Projects that upstream has, by `start`.
    known: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    def saw(self, time: int) -> None:
        """Take note of the time of a line."""
        self.first = min(self.first or time, time)


def _nothing() -> list[int]:
    return [0, 0]
