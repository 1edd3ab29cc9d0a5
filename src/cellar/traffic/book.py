"""Sums are written down, whole days are put together, and what is old goes."""

import sqlite3
from collections.abc import Iterable, Sequence

from cellar.traffic.rotation import Stamp
from cellar.traffic.sums import DAY, HOUR, Fetched, KeptOut, Served, Stored, Sums, Used, day_of

# Strangers may ask for any number of names: so many projects have rows of their own.
_MOST_PROJECTS_OF_AN_HOUR = 2000
_MOST_PROJECTS_OF_A_DAY = 1000
_MOST_FILES_KEPT_OUT_OF_A_DAY = 1000
_MOST_FILES = 50_000
_OTHERS = ""
_OTHER_FILES = 0
# Days that are told apart by the hour, beside today.
_DAYS_OF_HOURS = 2
# A file that is fetched again so soon is still being fetched.
_SAME_FETCH = HOUR
# A log file that nobody has seen for so long has gone; one that is being renamed has not.
_GONE = DAY


class Book:
    """Writes to the database; all of it inside of a transaction of the caller's."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def place(self, log: str, head: bytes) -> int:
        """Return how far a log file has been counted, in bytes."""
        query = "SELECT place FROM positions WHERE log = ? AND head = ?"
        row = self._database.execute(query, (log, head)).fetchone()
        return int(row[0]) if row else 0

    def is_counted(self, log: str, stamp: Stamp, now: int) -> bool:
        """Tell whether a file has not changed since it was counted to its end."""
        where = "WHERE log = ? AND inode = ? AND size = ? AND changed = ?"
        values = (log, stamp.inode, stamp.size, stamp.changed)
        row = self._database.execute(f"SELECT seen FROM positions {where}", values).fetchone()
        # Not every minute: what is written has to reach the disk.
        if row is not None and now - row[0] > HOUR:
            self._database.execute(f"UPDATE positions SET seen = ? {where}", (now, *values))
        return row is not None

    def keep_place(self, log: str, head: bytes, place: int, stamp: Stamp | None, now: int) -> None:
        """Note how far a log file has been counted; with its stamp, if that was all of it."""
        inode, size, changed = (stamp.inode, stamp.size, stamp.changed) if stamp else (0, 0, 0)
        self._database.execute(
            "INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?, ?, ?)",
            (log, head, place, inode, size, changed, now),
        )

    def add(self, sums: Sums) -> None:
        """Add sums to what is there."""
        self._add_served(sums)
        self._add_fetched(sums)
        for key, stored in sums.stored.items():
            self._add_stored(key, stored)
        for key, used in sums.used.items():
            self._add_used(key, used)
        for (day, key), kept_out in sums.kept_out.items():
            self._add_kept_out(day, key, kept_out)
        self._count("unreadable", sums.unreadable)
        if sums.first:
            self._database.execute(
                "INSERT INTO numbers VALUES ('since', ?)"
                " ON CONFLICT DO UPDATE SET value = min(value, excluded.value)",
                (sums.first,),
            )

    def end(self, now: int, days: int) -> None:
        """Note that everything has been counted, and keep `days` of it."""
        self._set("counted", now)
        whole, oldest = whole_days_before(now), day_of(now) - days * DAY
        if self._number("whole before") != whole:
            self._put_together(whole)
            self._set("whole before", whole)
        for table in ("served", "fetched", "again", "kept_out"):
            self._database.execute(f"DELETE FROM {table} WHERE start < ?", (oldest,))
        self._database.execute(
            "DELETE FROM files WHERE used < ? OR key IN"
            " (SELECT key FROM files ORDER BY used DESC LIMIT -1 OFFSET ?)",
            (oldest, _MOST_FILES),
        )
        self._database.execute("DELETE FROM positions WHERE seen < ?", (now - _GONE,))

    def _add_served(self, sums: Sums) -> None:
        rows = []
        totals: dict[tuple[str, ...], list[int]] = {}
        names = self._names("served", sums, sums.served)
        for each, (requests, count) in sums.served.items():
            is_named = each.project in names[each.start]
            key = each if is_named else each._replace(project=_OTHERS)
            rows.append((*key, requests, count))
            total = (key.door, key.kind, key.cache, key.status, key.why)
            _sum_up(totals, total, requests, count)
        self._upsert("served", rows)
        self._upsert("served_total", [(*key, *both) for key, both in totals.items()])

    def _add_fetched(self, sums: Sums) -> None:
        rows = []
        totals: dict[tuple[str, ...], list[int]] = {}
        names = self._names("fetched", sums, sums.fetched)
        for each, (requests, count) in sums.fetched.items():
            is_named = each.project in names[each.start]
            key = each if is_named else each._replace(project=_OTHERS)
            rows.append((*key, requests, count))
            _sum_up(totals, (key.host, key.kind, key.status), requests, count)
        self._upsert("fetched", rows)
        self._upsert("fetched_total", [(*key, *both) for key, both in totals.items()])

    def _names(
        self, table: str, sums: Sums, keys: Iterable[Served] | Iterable[Fetched]
    ) -> dict[int, set[str]]:
        """Return which projects have rows of their own, by `start`."""
        found = {}
        for start in {key.start for key in keys}:
            query = f"SELECT DISTINCT project FROM {table} WHERE start = ?"
            names = {name for (name,) in self._database.execute(query, (start,))}
            room = max(0, _MOST_PROJECTS_OF_AN_HOUR - len(names))
            found[start] = names | set(sorted(sums.known[start] - names)[:room])
        return found

    def _upsert(self, table: str, rows: Sequence[tuple[object, ...]]) -> None:
        if not rows:
            return
        marks = ", ".join("?" * len(rows[0]))
        self._database.executemany(
            f"INSERT INTO {table} VALUES ({marks}) ON CONFLICT DO UPDATE SET"
            " requests = requests + excluded.requests, bytes = bytes + excluded.bytes",
            rows,
        )

    def _add_stored(self, key: int, stored: Stored) -> None:
        """
        Add what was fetched of a file.

        What the zone has taken in since the file's last use is what it would have had to be larger
        by, for the file to be there still.
        """
        taken_in = self._number(f"stored {stored.zone}") + stored.bytes
        self._set(f"stored {stored.zone}", taken_in)
        query = "SELECT used, place FROM files WHERE key = ?"
        row = self._database.execute(query, (key,)).fetchone()
        if row is None:
            self._database.execute(
                "INSERT INTO files VALUES (?, ?, 0, ?, 0, ?, ?, NULL, NULL)",
                (key, stored.zone, stored.bytes, stored.time, taken_in),
            )
            return
        used, place = row
        if stored.time - used > _SAME_FETCH:
            self._database.execute(
                "UPDATE files SET days = ?, need = ? WHERE key = ?",
                ((stored.time - used) // DAY, taken_in - stored.bytes - place, key),
            )
        self._database.execute(
            "UPDATE files SET fetched = fetched + ?, used = max(used, ?), place = ?, zone = ?"
            " WHERE key = ?",
            (stored.bytes, stored.time, taken_in, stored.zone, key),
        )

    def _add_used(self, key: int, used: Used) -> None:
        """Note that a file is used, and what of it was fetched more than once, as far as known."""
        query = "SELECT zone, size, fetched, again, days, need FROM files WHERE key = ?"
        row = self._database.execute(query, (key,)).fetchone()
        if row is None:
            return
        zone, size, fetched, again, days, need = row
        size = max(size, used.size)
        surplus = max(again, fetched - size) if size else again
        if surplus > again and need is not None:
            again_row = (day_of(used.time), zone, days, _rounded(need), 1, surplus - again)
            self._upsert("again", [again_row])
        self._database.execute(
            "UPDATE files SET size = ?, again = ?, used = max(used, ?), place = ? WHERE key = ?",
            (size, surplus, used.time, self._number(f"stored {zone}"), key),
        )

    def _add_kept_out(self, day: int, key: int, of: KeptOut) -> None:
        query = "SELECT count(*), max(key = ?) FROM kept_out WHERE start = ?"
        count, is_there = self._database.execute(query, (key, day)).fetchone()
        row = (key, of.filename, of.project, of.why, of.rule, of.size)
        if count >= _MOST_FILES_KEPT_OUT_OF_A_DAY and not is_there:
            row = (_OTHER_FILES, "", "", of.why, "", 0)
        self._database.execute(
            "INSERT INTO kept_out VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " requests = requests + excluded.requests, bytes = bytes + excluded.bytes,"
            " size = max(size, excluded.size), why = excluded.why, rule = excluded.rule",
            (day, *row, of.requests, of.bytes),
        )

    def _put_together(self, whole: int) -> None:
        """Make whole days of hours before a time, and one project of those with the least bytes."""
        for table, columns in _COLUMNS.items():
            query = (
                f"SELECT DISTINCT start / {DAY} * {DAY} FROM {table}"
                f" WHERE start < ? AND start % {DAY}"
            )
            for (day,) in self._database.execute(query, (whole,)).fetchall():
                within = (day, day + DAY)
                kept = (
                    f"SELECT project FROM {table} WHERE start >= ? AND start < ?"
                    f" GROUP BY project ORDER BY sum(bytes) DESC, project"
                    f" LIMIT {_MOST_PROJECTS_OF_A_DAY}"
                )
                named = f"CASE WHEN project IN ({kept}) THEN project ELSE '' END"
                rows = self._database.execute(
                    f"SELECT {columns.format(named)}, sum(requests), sum(bytes) FROM {table}"
                    f" WHERE start >= ? AND start < ? GROUP BY {columns.format(named)}",
                    (*within, *within, *within),
                ).fetchall()
                self._database.execute(
                    f"DELETE FROM {table} WHERE start >= ? AND start < ?",
                    within,
                )
                self._upsert(table, [(day, *row) for row in rows])

    def _number(self, name: str) -> int:
        query = "SELECT value FROM numbers WHERE name = ?"
        row = self._database.execute(query, (name,)).fetchone()
        return int(row[0]) if row else 0

    def _set(self, name: str, value: int) -> None:
        self._database.execute("INSERT OR REPLACE INTO numbers VALUES (?, ?)", (name, value))

    def _count(self, name: str, count: int) -> None:
        if count:
            self._set(name, self._number(name) + count)


_COLUMNS = {
    "served": "door, {}, kind, cache, status, why, rule",
    "fetched": "host, {}, kind, status",
}


def whole_days_before(now: float) -> int:
    """Return the time before which hours are not told apart; seconds since 1970."""
    return day_of(now) - _DAYS_OF_HOURS * DAY


def _sum_up(
    totals: dict[tuple[str, ...], list[int]], key: tuple[str, ...], requests: int, count: int
) -> None:
    total = totals.setdefault(key, [0, 0])
    total[0] += requests
    total[1] += count


def _rounded(count: int) -> int:
    """Return a number of bytes with two significant digits, rounded up, so that few differ."""
    step = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // step) * step
