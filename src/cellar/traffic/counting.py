"""One run of the counter: what is new in the logs is added to the database."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cellar.policy import StoragePolicy
from cellar.policy.patterns import Patterns
from cellar.settings import Settings, host_of
from cellar.traffic.adding import Adder
from cellar.traffic.book import Book, whole_days_before
from cellar.traffic.database import DATABASE, TrafficError, open_to_write, transaction
from cellar.traffic.reasons import Reasons
from cellar.traffic.rotation import opened, rotated, stamp_of

ACCESS_LOG = "access.log"
UPSTREAM_LOG = "upstream.log"

# Lines that are added up before anything is written: some megabytes, and less than a second.
_BATCH = 20_000
# About the bytes of a line, and what compressing makes less of it.
_LINE = 350
_PACKED = 12


@dataclass(frozen=True, slots=True)
class Counted:
    """What a run has counted: lines of both logs, and those that could not be read."""

    lines: int
    unreadable: int


def count(
    settings: Settings,
    has_space: Callable[[], bool],
    *,
    now: Callable[[], float] = time.time,
    progress: Callable[[Iterable[None], int], Iterable[None]] = lambda steps, _: steps,
) -> Counted:
    """
    Add what is new in the logs to the database.

    Each batch of lines is written together with how far its log has been counted, so that a run may
    end at any moment: no line is lost, and none is counted twice. `has_space` tells whether the
    cache has space at the moment. `progress` may watch the steps go by, of which it gets about the
    number.

    Raises:
        TrafficError: the database cannot be used, or a log cannot be read.

    """
    directory = Path(settings.traffic.log_directory)
    path = Path(settings.traffic.directory) / DATABASE
    database = open_to_write(path)
    try:
        counter = _Counter(database, _adder(settings, has_space, now()), int(now()))
        # First upstream: that something was fetched comes before its use.
        logs = [directory / UPSTREAM_LOG, directory / ACCESS_LOG]
        files = [(log.name, file) for log in logs for file in rotated(log)]
        for _ in progress(counter.steps(files), _steps_about(files)):
            pass
        with transaction(database):
            Book(database).end(int(now()), settings.traffic.days)
        return Counted(counter.lines, counter.unreadable)
    except sqlite3.Error as error:
        raise TrafficError(f"{path} cannot be written: {error}.") from error
    except OSError as error:
        raise TrafficError(f"{error.filename} cannot be read: {error.strerror}.") from error
    finally:
        database.close()


class _Counter:
    def __init__(self, database: sqlite3.Connection, adder: Adder, now: int) -> None:
        self._database = database
        self._book = Book(database)
        self._adder = adder
        self._now = now
        self.lines = 0
        self.unreadable = 0

    def steps(self, files: Iterable[tuple[str, Path]]) -> Iterator[None]:
        """Count what is new in files of logs, one batch after the other."""
        for log, path in files:
            yield from self._count(log, path)

    def _count(self, log: str, path: Path) -> Iterator[None]:
        stamp = stamp_of(path)
        if stamp is None:
            return
        with transaction(self._database):
            if self._book.is_counted(log, stamp, self._now):
                return
        with opened(path) as file:
            if file is None or file.head is None:
                return
            add = self._adder.fetches if log == UPSTREAM_LOG else self._adder.answers
            is_end = False
            while not is_end:
                with transaction(self._database):
                    # Another run may have counted some meanwhile.
                    place = self._book.place(log, file.head)
                    read = file.read(place, _BATCH)
                    sums = add(read.lines)
                    sums.unreadable += read.unreadable
                    is_end = read.is_end
                    self._book.add(sums)
                    self._book.keep_place(
                        log, file.head, read.ends_at, file.stamp if is_end else None, self._now
                    )
                self.lines += len(read.lines)
                self.unreadable += sums.unreadable
                yield


def _adder(settings: Settings, has_space: Callable[[], bool], now: float) -> Adder:
    policy = StoragePolicy(settings.file_rules, settings.files, settings.file_zones)
    space = has_space()
    routes = [(Patterns(route.projects), route.indexes) for route in settings.routes]
    hosts = {index.name: host_of(index.url) for index in settings.indexes}

    def host_of_project(project: str) -> str:
        owners = next((names for patterns, names in routes if patterns.match(project)), ())
        # Several are asked for one page, and the log has their bytes as one number.
        return " and ".join(dict.fromkeys(hosts[name] for name in owners))

    pools = {pool.name: pool.host for pool in settings.pools}
    reasons = Reasons(policy, lambda: space)
    return Adder(reasons, policy, pools, host_of_project, whole_days_before(now))


def _steps_about(files: Iterable[tuple[str, Path]]) -> int:
    """Return about how many batches there are in files, counted or not."""
    stamps = [(path, stamp_of(path)) for _, path in files]
    sizes = [
        stamp.size * (_PACKED if path.suffix == ".gz" else 1) for path, stamp in stamps if stamp
    ]
    return sum(size // (_BATCH * _LINE) + 1 for size in sizes)
