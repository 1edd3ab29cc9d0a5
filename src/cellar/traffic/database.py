"""The database of traffic: how it is opened, and what is in it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DATABASE = "traffic.sqlite"

# `start` is the beginning of an hour, or of a day once its hours are put together: seconds since
# 1970, UTC. An empty project is all those that have no rows of their own. `served` and `fetched`
# are what reports are made of; their totals are never removed. `files` remembers files for as long
# as there is room, to see that one is fetched again (`again`); `kept_out` are those that the
# operator's rules keep out of the cache. `positions` is how far which log file has been counted.
_SCHEMA = """
CREATE TABLE served (
    start INTEGER, door TEXT, project TEXT, kind TEXT, cache TEXT, status TEXT, why TEXT, rule TEXT,
    requests INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (start, project, door, kind, cache, status, why, rule)
) WITHOUT ROWID;
CREATE TABLE fetched (
    start INTEGER, host TEXT, project TEXT, kind TEXT, status TEXT,
    requests INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (start, project, host, kind, status)
) WITHOUT ROWID;
CREATE TABLE served_total (
    door TEXT, kind TEXT, cache TEXT, status TEXT, why TEXT,
    requests INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (door, kind, cache, status, why)
) WITHOUT ROWID;
CREATE TABLE fetched_total (
    host TEXT, kind TEXT, status TEXT, requests INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (host, kind, status)
) WITHOUT ROWID;
CREATE TABLE files (
    key INTEGER PRIMARY KEY, zone TEXT NOT NULL,
    size INTEGER NOT NULL, fetched INTEGER NOT NULL, again INTEGER NOT NULL,
    used INTEGER NOT NULL, place INTEGER NOT NULL, days INTEGER, need INTEGER
);
CREATE INDEX files_used ON files (used);
CREATE TABLE again (
    start INTEGER, zone TEXT, days INTEGER, need INTEGER,
    requests INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (start, zone, days, need)
) WITHOUT ROWID;
CREATE TABLE kept_out (
    start INTEGER, key INTEGER, filename TEXT NOT NULL, project TEXT NOT NULL, why TEXT NOT NULL,
    rule TEXT NOT NULL, size INTEGER NOT NULL, requests INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (start, key)
) WITHOUT ROWID;
CREATE TABLE positions (
    log TEXT, head BLOB, place INTEGER NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL,
    changed INTEGER NOT NULL, seen INTEGER NOT NULL,
    PRIMARY KEY (log, head)
) WITHOUT ROWID;
CREATE TABLE numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
_LAYOUT = 1
# Seconds for which one waits for another who writes.
_PATIENCE = 30.0


class TrafficError(Exception):
    """The database cannot be used; one sentence."""


def is_counted(directory: Path) -> bool:
    """Tell whether there is a database in a directory."""
    return (directory / DATABASE).exists()


def open_to_write(path: Path) -> sqlite3.Connection:
    """
    Open the database, or make it; one of another layout is begun anew, from the logs.

    Raises:
        TrafficError: it cannot be opened.

    """
    with (
        _told(path),
        _closed_if_it_fails(
            sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
        ) as database,
    ):
        # No write-ahead log: whoever may read the file can read it then, without writing beside it.
        database.execute("PRAGMA journal_mode = DELETE")
        with transaction(database):
            if _layout(database) != _LAYOUT:
                for (name,) in database.execute(_TABLES).fetchall():
                    database.execute(f"DROP TABLE {name}")
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {_LAYOUT}")
        return database


def open_to_read(path: Path) -> sqlite3.Connection:
    """
    Open the database of a counter that may be at work.

    Raises:
        TrafficError: it is not there, it cannot be read, or it is of another layout.

    """
    if not path.exists():
        raise TrafficError(f"{path} is not there: nothing has been counted yet.")
    uri = f"{path.resolve().as_uri()}?mode=ro"
    with (
        _told(path),
        _closed_if_it_fails(
            sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None)
        ) as database,
    ):
        if _layout(database) != _LAYOUT:
            raise TrafficError(f"{path} is of another version of cellar.")
        return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Do all or nothing, and nobody else writes meanwhile."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


@contextmanager
def _closed_if_it_fails(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield database
    except BaseException:
        database.close()
        raise


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        sentence = f"{path} cannot be used as the database of traffic: {error}."
        raise TrafficError(sentence) from error


def _layout(database: sqlite3.Connection) -> int:
    (layout,) = database.execute("PRAGMA user_version").fetchone()
    return int(layout)
