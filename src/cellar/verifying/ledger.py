"""Which records have been looked at, and when: a database of the verifier's own."""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from cellar.store import Entry, Zone, entries
from cellar.verifying.counted import Fill

_SCHEMA = """
CREATE TABLE IF NOT EXISTS folders (
    folder TEXT PRIMARY KEY,
    changed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    folder TEXT NOT NULL,
    name TEXT NOT NULL,
    inode INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    size INTEGER NOT NULL,
    looked REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (folder, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS due ON records (looked, folder, name);
"""
_NOTHING = "DROP TABLE IF EXISTS folders; DROP TABLE IF EXISTS records;"
_LAYOUT = 1
# A folder that changed so lately may change again without a new time (nanoseconds).
_SETTLED = 2 * 10**9


class LedgerError(Exception):
    """The database cannot be used; one sentence."""


class Ledger:
    """
    The database. It holds nothing that the next run could not find out anew.

    It is used by one process at a time; a second one waits for a moment, and is then told.
    """

    def __init__(self, path: Path) -> None:
        """
        Open the database, or make it; one of another layout is begun anew.

        Raises:
            LedgerError: it cannot be opened.

        """
        try:
            self._database = sqlite3.connect(path, timeout=5, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            (layout,) = self._database.execute("PRAGMA user_version").fetchone()
            if layout != _LAYOUT:
                self._database.executescript(_NOTHING)
            self._database.executescript(_SCHEMA)
            self._database.execute(f"PRAGMA user_version = {_LAYOUT}")
        except sqlite3.Error as error:
            sentence = f"{path} cannot be used as the verifier's database: {error}."
            raise LedgerError(sentence) from error

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def survey(self, zones: Iterable[Zone], now: int) -> None:
        """
        Take note of records that came, went or were replaced; `now` is nanoseconds since 1970.

        Folders that have not changed since the last time are not read.
        """
        seen: set[str] = set()
        for zone in zones:
            for folder in zone.folders():
                seen.add(str(folder))
                self._survey(folder, now)
        known = self._database.execute("SELECT folder FROM folders").fetchall()
        for gone in {folder for (folder,) in known} - seen:
            self._database.execute("DELETE FROM records WHERE folder = ?", (gone,))
            self._database.execute("DELETE FROM folders WHERE folder = ?", (gone,))

    def _survey(self, folder: Path, now: int) -> None:
        try:
            changed = folder.stat().st_mtime_ns
        except FileNotFoundError:
            return
        name = str(folder)
        query = "SELECT changed FROM folders WHERE folder = ?"
        if self._database.execute(query, (name,)).fetchone() == (changed,):
            return
        query = "SELECT name, inode, changed, size FROM records WHERE folder = ?"
        known = {row[0]: Entry(*row) for row in self._database.execute(query, (name,))}
        found = {entry.name: entry for entry in entries(folder)}
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany(
                "DELETE FROM records WHERE folder = ? AND name = ?",
                [(name, gone) for gone in known.keys() - found.keys()],
            )
            self._database.executemany(
                "INSERT OR REPLACE INTO records (folder, name, inode, changed, size)"
                " VALUES (?, ?, ?, ?, ?)",
                [
                    (name, entry.name, entry.inode, entry.changed, entry.size)
                    for entry in found.values()
                    if known.get(entry.name) != entry
                ],
            )
            if now - changed > _SETTLED:
                self._database.execute(
                    "INSERT OR REPLACE INTO folders VALUES (?, ?)", (name, changed)
                )

    def fill(self, zone: Zone, block: int) -> Fill:
        """Return how many records a zone has, and their bytes in whole blocks of the disk."""
        query = (
            "SELECT count(*), coalesce(sum((size + :block - 1) / :block * :block), 0)"
            " FROM records WHERE folder > :folder || '/' AND folder < :folder || '0'"
        )
        row = self._database.execute(query, {"block": block, "folder": str(zone.folder)})
        return Fill(*row.fetchone())

    def due(self, zones: Iterable[Zone], before: float) -> Iterator[tuple[Zone, Path]]:
        """
        Yield the records that nobody has looked at since `before` (seconds since 1970).

        Those that nobody has ever looked at come first. What is noted meanwhile counts.
        """
        of = {str(zone.folder): zone for zone in zones}
        query = (
            "SELECT folder, name, looked FROM records WHERE looked < ?"
            " AND (looked, folder, name) > (?, ?, ?) ORDER BY looked, folder, name LIMIT 1"
        )
        last: tuple[float, str, str] = (-1.0, "", "")
        while True:
            row = self._database.execute(query, (before, *last)).fetchone()
            if row is None:
                return
            folder, name, looked = row
            last = (looked, folder, name)
            zone = of.get(str(Path(folder).parent.parent))
            if zone is not None:
                yield zone, Path(folder) / name

    def count_due(self, before: float) -> int:
        """Return how many records nobody has looked at since `before`."""
        query = "SELECT count(*) FROM records WHERE looked < ?"
        count: int = self._database.execute(query, (before,)).fetchone()[0]
        return count

    def note(self, places: Iterable[Path], now: float) -> None:
        """Note that somebody looked at records; `now` is seconds since 1970."""
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany(
                "UPDATE records SET looked = ? WHERE folder = ? AND name = ?",
                [(now, str(place.parent), place.name) for place in places],
            )

    def forget(self, places: Iterable[Path]) -> None:
        """Forget records that were removed."""
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany(
                "DELETE FROM records WHERE folder = ? AND name = ?",
                [(str(place.parent), place.name) for place in places],
            )

    def looked(self, place: Path) -> float:
        """Return when somebody looked at a record, 0 if nobody has."""
        query = "SELECT looked FROM records WHERE folder = ? AND name = ?"
        row = self._database.execute(query, (str(place.parent), place.name)).fetchone()
        return 0.0 if row is None else float(row[0])
