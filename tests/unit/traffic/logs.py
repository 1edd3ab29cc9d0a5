"""An appliance's two logs, with lines as nginx writes them, and their counter."""

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cellar.traffic import Traffic, count
from cellar.traffic.database import DATABASE
from unit.cellar.support import settings

if TYPE_CHECKING:
    from pathlib import Path

    from cellar.settings import Settings
    from cellar.traffic import Counted

# A Tuesday, 12:00 UTC.
NOON = 1795521600
HOUR = 3600
DAY = 86400
WHEEL = f"/packages/ab/cd/{'e' * 60}/demo-1.0-py3-none-any.whl"


def wheel(name: str, digest: str = "e") -> str:
    return f"/packages/ab/cd/{digest * 60}/{name}"


def answer(path: str = WHEEL, **fields: Any) -> bytes:
    """Return a line of the access log; `at` is its time, in seconds since 1970."""
    at = datetime.fromtimestamp(fields.pop("at", NOON), UTC).isoformat()
    line = {
        "time": at,
        "door": "index",
        "client": "192.0.2.7",
        "host": "cellar.example",
        "protocol": "HTTP/2.0",
        "method": "GET",
        "uri": path,
        "range": "",
        "status": 200,
        "bytes": 1000,
        "seconds": 0.002,
        "cache": "HIT",
        "upstream_status": "",
        "upstream_seconds": "",
        "user_agent": "uv/0.13",
    }
    return json.dumps({**line, **fields}).encode() + b"\n"


def missed(path: str = WHEEL, **fields: Any) -> bytes:
    return answer(path, **{"cache": "MISS", "upstream_status": "200", **fields})


def streamed(path: str = WHEEL, **fields: Any) -> bytes:
    return answer(path, **{"cache": "", "upstream_status": "200", **fields})


def fetch(path: str = WHEEL, **fields: Any) -> bytes:
    """Return a line of the log of upstream."""
    at = datetime.fromtimestamp(fields.pop("at", NOON), UTC).isoformat()
    line = {
        "time": at,
        "host": "pypi_files_host",
        "method": "GET",
        "uri": path,
        "address": "198.51.100.1:443",
        "status": "206",
        "bytes": "1000",
        "rewriter_bytes": "",
        "seconds": "0.120",
        "cache": "MISS",
    }
    return json.dumps({**line, **fields}).encode() + b"\n"


class Logs:
    """The logs in a folder, and a counter that runs when a test says so."""

    def __init__(self, directory: Path, **changes: Any) -> None:
        self.directory = directory
        self.access = directory / "access.log"
        self.upstream = directory / "upstream.log"
        for log in (self.access, self.upstream):
            log.touch()
        self.now = NOON
        self.has_space = True
        self.change(**changes)

    def change(self, **changes: Any) -> None:
        where = {"log_directory": str(self.directory), "directory": str(self.directory)}
        traffic = {**where, **changes.pop("traffic", {})}
        self.settings: Settings = settings(self.directory, traffic=traffic, **changes)

    def write(self, log: Path, *lines: bytes) -> None:
        with log.open("ab") as file:
            file.write(b"".join(lines))

    def answered(self, *lines: bytes) -> None:
        self.write(self.access, *lines)

    def fetched(self, *lines: bytes) -> None:
        self.write(self.upstream, *lines)

    def rotate(self, log: Path) -> None:
        """Do as logrotate does with `compress` and `delaycompress`."""
        for age in (3, 2):
            packed = log.with_name(f"{log.name}.{age}.gz")
            if packed.exists():
                packed.rename(log.with_name(f"{log.name}.{age + 1}.gz"))
        older = log.with_name(f"{log.name}.1")
        if older.exists():
            log.with_name(f"{log.name}.2.gz").write_bytes(gzip.compress(older.read_bytes()))
            older.unlink()
        log.rename(older)
        log.touch()

    def count(self) -> Counted:
        return count(self.settings, lambda: self.has_space, now=lambda: float(self.now))

    def served(self, *by: str) -> dict[Any, tuple[int, int]]:
        """Return requests and bytes of all times, by what is said."""
        return self._sums("served", by)

    def upstreams(self, *by: str) -> dict[Any, tuple[int, int]]:
        return self._sums("fetched", by)

    def _sums(self, what: str, by: tuple[str, ...]) -> dict[Any, tuple[int, int]]:
        with Traffic.opened(self.directory) as traffic:
            sums = getattr(traffic, what)(0, 2**40, by)
        return {
            each.key if len(by) > 1 else (each.key or ("",))[0]: (each.requests, each.bytes)
            for each in sums
        }

    def rows(self, table: str) -> int:
        with closing(sqlite3.connect(self.directory / DATABASE)) as database:
            return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
