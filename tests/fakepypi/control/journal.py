"""The request log: every request in order, what it got, and sums."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from fakepypi.http.message import Link, Request, Role


@dataclass
class RequestRecord:
    """
    One request. `time` is in seconds since the epoch, header names are lower case.

    `bytes_sent` counts body bytes handed to the connection; of an aborted answer, up to some
    hundred kilobytes of them may not have left the machine. `connection` numbers TCP connections.
    """

    number: int
    host: Role | None
    method: str
    target: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body_size: int
    tls: bool
    sni: str | None
    connection: int
    time: float = field(default_factory=time.time)
    status: int | None = None
    bytes_sent: int = 0
    duration: float | None = None
    outcome: Literal["open", "completed", "aborted"] = "open"

    @classmethod
    def of(
        cls, request: Request, link: Link, *, number: int = 0, host: Role | None = None
    ) -> "RequestRecord":
        """Return the record of a request that was just read."""
        return cls(
            number=number,
            host=host,
            method=request.method,
            target=request.target,
            path=request.path,
            query=request.query,
            headers=request.headers,
            body_size=len(request.body),
            tls=link.tls,
            sni=link.sni,
            connection=link.number,
        )

    def header(self, name: str) -> str | None:
        """Return a request header's values joined by commas, or None."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None

    @property
    def range(self) -> str | None:
        """The Range header, such as `bytes=0-99`."""
        return self.header("range")


@dataclass(frozen=True)
class Selection:
    """Which records are meant; None means any, `path` is a shell pattern."""

    host: Role | None = None
    path: str | None = None
    method: str | None = None
    status: int | None = None

    def __contains__(self, record: RequestRecord) -> bool:
        return (
            self.host in (None, record.host)
            and self.method in (None, record.method)
            and self.status in (None, record.status)
            and (self.path is None or fnmatchcase(record.path, self.path))
        )


@dataclass(frozen=True)
class Totals:
    """Sums over records. `statuses` counts answers by status, `open` those under way."""

    requests: int
    bytes_sent: int
    open: int
    aborted: int
    connections: int
    statuses: dict[str, int]


class Journal:
    """Records since the last reset."""

    def __init__(self) -> None:
        self._records: list[RequestRecord] = []

    def add(self, record: RequestRecord) -> None:
        self._records.append(record)

    def records(self, selection: Selection) -> Iterator[RequestRecord]:
        """Yield the selected records in the order the requests arrived."""
        return (record for record in self._records if record in selection)

    def totals(self, selection: Selection) -> Totals:
        """Return the sums over the selected records."""
        records = list(self.records(selection))
        statuses = Counter(str(r.status) for r in records if r.status is not None)
        return Totals(
            requests=len(records),
            bytes_sent=sum(r.bytes_sent for r in records),
            open=sum(r.outcome == "open" for r in records),
            aborted=sum(r.outcome == "aborted" for r in records),
            connections=len({r.connection for r in records}),
            statuses=dict(sorted(statuses.items())),
        )

    def reset(self) -> None:
        """Forget all records; requests under way are not counted any more."""
        self._records.clear()
