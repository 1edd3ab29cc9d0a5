"""Log files as logrotate leaves them: the one that is written, and older ones, some compressed."""

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, cast

# The engine's own lines are far shorter; what is longer is damage, such as a run of zeros.
_LONGEST_LINE = 2**17
_OLD = re.compile(r"\.([0-9]+)(?:\.gz)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file does."""

    inode: int
    size: int
    changed: int


@dataclass(frozen=True, slots=True)
class Lines:
    """
    Some lines of a file.

    `ends_at` is where the next one begins, in bytes of the uncompressed file. `unreadable` counts
    what was too long to be lines. `is_end` tells whether that was all there is for now.
    """

    lines: list[bytes]
    ends_at: int
    unreadable: int
    is_end: bool


class LogFile:
    """
    An open log file.

    `head` tells it from others whatever it is called now, and whether it is compressed: a digest of
    its first line. None as long as there is no whole line.
    """

    def __init__(self, file: BinaryIO, stamp: Stamp) -> None:
        """Look at the first line."""
        self._file = file
        self.stamp = stamp
        self.head: bytes | None = None
        try:
            first = file.readline(_LONGEST_LINE)
        except (OSError, EOFError, zlib.error):
            return  # logrotate is still compressing it
        if first.endswith(b"\n") or len(first) == _LONGEST_LINE:
            self.head = blake2b(first, digest_size=16).digest()

    def read(self, start: int, count: int) -> Lines:
        """
        Return at most `count` lines from `start` on, a byte of the uncompressed file.

        A line that has no end yet is left for the next time, and so is what cannot be unpacked yet.
        """
        lines: list[bytes] = []
        unreadable, place = 0, start
        try:
            self._file.seek(start)
            while len(lines) < count:
                line = self._file.readline(_LONGEST_LINE)
                if line.endswith(b"\n"):
                    lines.append(line)
                    place += len(line)
                    continue
                rest = self._skipped() if len(line) == _LONGEST_LINE else 0
                if not rest:
                    return Lines(lines, place, unreadable, is_end=True)
                unreadable += 1
                place += len(line) + rest
        except (OSError, EOFError, zlib.error):
            return Lines(lines, place, unreadable, is_end=True)
        return Lines(lines, place, unreadable, is_end=False)

    def _skipped(self) -> int:
        """Go on to the end of a line that is too long; return the bytes, 0 if it has no end yet."""
        rest = 0
        while line := self._file.readline(_LONGEST_LINE):
            rest += len(line)
            if line.endswith(b"\n"):
                return rest
        return 0


def rotated(log: Path) -> list[Path]:
    """Return a log's files, the oldest first; those that there are at the moment."""
    aged = []
    try:
        with os.scandir(log.parent) as listing:
            for each in listing:
                rest = each.name.removeprefix(log.name)
                found = _OLD.fullmatch(rest)
                if each.name == log.name:
                    aged.append((0, each.path))
                elif found and rest != each.name:
                    aged.append((int(found[1]), each.path))
    except FileNotFoundError:
        return []
    return [Path(path) for _, path in sorted(aged, reverse=True)]


def stamp_of(path: Path) -> Stamp | None:
    """Return the stamp of a file, None if it has gone."""
    try:
        return _stamp(path.stat())
    except FileNotFoundError:
        return None


@contextmanager
def opened(path: Path) -> Iterator[LogFile | None]:
    """
    Open a log file; None if it has gone.

    Raises:
        OSError: it cannot be read.

    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield None
        return
    with file:
        stamp = _stamp(os.fstat(file.fileno()))
        if path.suffix != ".gz":
            yield LogFile(file, stamp)
            return
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield LogFile(cast("BinaryIO", unpacked), stamp)


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns)
