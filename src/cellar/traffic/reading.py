"""What has been counted, for whoever wants to know."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cellar.traffic.database import DATABASE, TrafficError, open_to_read
from cellar.traffic.outcomes import Outcome, outcome

#: What answers can be told apart by, and what requests to upstream can.
SERVED = ("start", "door", "project", "kind", "cache", "status", "why", "rule")
FETCHED = ("start", "host", "project", "kind", "status")
#: Likewise, in sums since the start.
SERVED_TOTAL = ("door", "kind", "cache", "status", "why")
FETCHED_TOTAL = ("host", "kind", "status")


@dataclass(frozen=True, slots=True)
class Sum:
    """Requests and bytes of what has `key` in common, in the order in which that was asked for."""

    key: tuple[str | int, ...]
    requests: int
    bytes: int


@dataclass(frozen=True, slots=True)
class KeptOutFile:
    """A file that rules keep out of the cache; `size` is bytes, 0 if nobody got it whole."""

    filename: str
    project: str
    why: str
    rule: str
    size: int
    requests: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Again:
    """
    What was fetched again: `bytes` in `requests` cases.

    The files of `zone` ("" for the common one) had last been used `days` ago, and `need` bytes had
    been stored there since.
    """

    zone: str
    days: int
    need: int
    requests: int
    bytes: int


class Traffic:
    """The database, open for reading beside the counter. Times are seconds since 1970."""

    def __init__(self, database: sqlite3.Connection, path: Path) -> None:
        self._database = database
        self._path = path

    @classmethod
    @contextmanager
    def opened(cls, directory: Path) -> Iterator[Self]:
        """
        Open the database in `directory` (`traffic.directory` of the settings).

        All that is read is of one moment.

        Raises:
            TrafficError: nothing has been counted yet, or the database cannot be read.

        """
        path = directory / DATABASE
        database = open_to_read(path)
        try:
            database.execute("BEGIN")
            yield cls(database, path)
        except sqlite3.Error as error:
            raise TrafficError(f"{path} cannot be read: {error}.") from error
        finally:
            database.close()

    @property
    def counted(self) -> int:
        """When the logs have last been counted to their ends, 0 for never."""
        return self._number("counted")

    @property
    def since(self) -> int:
        """The time of the first line that was counted, 0 if there was none."""
        return self._number("since")

    @property
    def unreadable(self) -> int:
        """Lines that could not be read, since the start."""
        return self._number("unreadable")

    def totals(self) -> tuple[list[Sum], list[Sum]]:
        """Return what was served (by SERVED_TOTAL) and fetched (by FETCHED_TOTAL), since ever."""
        served = self._sums("served_total", SERVED_TOTAL, "", ())
        return served, self._sums("fetched_total", FETCHED_TOTAL, "", ())

    def served(self, since: float, until: float, by: tuple[str, ...] = ()) -> list[Sum]:
        """
        Return what clients got in a span of time, told apart by some of SERVED.

        Hours are told apart as far back as to the day before yesterday, before that days: a row
        counts if its `start` is at or after `since` and before `until`.
        """
        return self._sums("served", _known(by, SERVED), _WITHIN, (since, until))

    def fetched(self, since: float, until: float, by: tuple[str, ...] = ()) -> list[Sum]:
        """Return what upstream sent in a span of time, told apart by some of FETCHED."""
        return self._sums("fetched", _known(by, FETCHED), _WITHIN, (since, until))

    def stored(self, zone: str) -> int:
        """Return how many bytes of files have come into a zone of the cache, since ever."""
        return self._number(f"stored {zone}")

    def hit_ratio(self, since: float, until: float) -> float | None:
        """Return the share of answers that came from the cache, None if there was none to tell."""
        counts = dict.fromkeys(Outcome, 0)
        for each in self.served(since, until, ("kind", "cache", "status", "why")):
            counts[outcome(*map(str, each.key))] += each.requests
        judged = counts[Outcome.HIT] + counts[Outcome.MISS]
        return counts[Outcome.HIT] / judged if judged else None

    def kept_out(self, since: float, until: float) -> list[KeptOutFile]:
        """Return the files that rules kept out of the cache in whole days, by falling bytes."""
        query = (
            "SELECT max(filename), max(project), max(why), max(rule), max(size), sum(requests),"
            f" sum(bytes) FROM kept_out {_WITHIN} GROUP BY key ORDER BY sum(bytes) DESC, 1"
        )
        return [KeptOutFile(*row) for row in self._database.execute(query, (since, until))]

    def again(self, since: float, until: float) -> list[Again]:
        """Return what was fetched again in whole days, the least need first."""
        query = (
            f"SELECT zone, days, need, sum(requests), sum(bytes) FROM again {_WITHIN}"
            " GROUP BY zone, days, need ORDER BY need, days, zone"
        )
        return [Again(*row) for row in self._database.execute(query, (since, until))]

    def _sums(
        self, table: str, by: tuple[str, ...], where: str, values: tuple[float, ...]
    ) -> list[Sum]:
        columns = "".join(f"{name}, " for name in by)
        group = f"GROUP BY {', '.join(by)} ORDER BY {', '.join(by)}" if by else ""
        query = (
            f"SELECT {columns}ifnull(sum(requests), 0), ifnull(sum(bytes), 0)"
            f" FROM {table} {where} {group}"
        )
        rows = self._database.execute(query, values)
        return [Sum(tuple(key), requests, count) for *key, requests, count in rows]

    def _number(self, name: str) -> int:
        query = "SELECT value FROM numbers WHERE name = ?"
        row = self._database.execute(query, (name,)).fetchone()
        return int(row[0]) if row else 0


_WITHIN = "WHERE start >= ? AND start < ?"


def _known(by: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    unknown = set(by) - set(names)
    if unknown:
        raise ValueError(f"no such column: {', '.join(sorted(unknown))}")
    return by
