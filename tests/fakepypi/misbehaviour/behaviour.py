"""Misbehaviour as data: which requests it takes, and what is done to their answers."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from fnmatch import fnmatchcase
from typing import Any, Literal

from fakepypi.http.message import Request, Role
from fakepypi.jsonform import from_json


@dataclass(frozen=True, kw_only=True)
class Effects:
    """
    What is done to an answer. Fields left alone change nothing.

    Time
        hold: not a byte until cleared.
        delay: seconds before the first byte.
        rate: body bytes per second, for each connection.
        shared_rate: body bytes per second, for all answers of it together, until cleared.
        stall_after: so many body bytes, the rest when cleared.
    Answer
        status: this status, with a line of text; with `location`, the redirect's (default 302).
        retry_after: seconds, as a Retry-After header.
        location: answer with a redirect to here.
        headers: set these, or remove those that are null.
        changing_etag: every answer has an ETag of its own.
        ignore_range: a range request gets the whole body and 200.
        ignore_conditional: If-None-Match gets the whole body and 200.
    Page
        form: this form, whatever was asked for.
        serial: the page as it stood at that serial.
        padding: so many bytes more, which clients ignore.
    Bytes
        flip_bit: the lowest bit of the byte at this offset of the whole body is wrong.
        length_error: Content-Length is wrong by so many bytes; the connection is closed.
        framing: no Content-Length, but chunks, or the end of the connection.
        status_line: this instead of the first line.
    End
        truncate_after: closed after so many body bytes; the head promises all of them.
        reset_after: the same with RST instead of FIN; bytes still under way are lost.
        connection: before TLS, reset, or accepted and never answered.
    """

    hold: bool = False
    delay: float = 0.0
    rate: float | None = None
    shared_rate: float | None = None
    stall_after: int | None = None

    status: int | None = None
    retry_after: int | None = None
    location: str | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    changing_etag: bool = False
    ignore_range: bool = False
    ignore_conditional: bool = False

    form: Literal["json", "html"] | None = None
    serial: int | None = None
    padding: int = 0

    flip_bit: int | None = None
    length_error: int = 0
    framing: Literal["chunked", "eof"] | None = None
    status_line: str | None = None

    truncate_after: int | None = None
    reset_after: int | None = None
    connection: Literal["reset", "silent"] | None = None

    def set_fields(self) -> dict[str, Any]:
        """Return the fields that are not at their default, by name."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        defaults = {f.name: {} if f.default is MISSING else f.default for f in fields(self)}
        return {name: value for name, value in values.items() if value != defaults[name]}

    def plus(self, later: "Effects") -> "Effects":
        """Return both in one: headers are joined, otherwise the later one wins."""
        names = {f.name for f in fields(Effects)}
        changes = {name: v for name, v in later.set_fields().items() if name in names}
        return replace(self, **(changes | {"headers": {**self.headers, **later.headers}}))


@dataclass(frozen=True, kw_only=True)
class Behaviour(Effects):
    """
    Effects on some requests; several behaviours add up.

    host: "index", "files", or None for both.
    path: shell pattern against the decoded path; `*` also matches `/`.
    method: this method only.
    skip: the first so many matching requests stay normal.
    times: so many requests misbehave, then all is normal again; None: until cleared.
    """

    host: Role | None = None
    path: str = "*"
    method: str | None = None
    skip: int = 0
    times: int | None = None

    def __post_init__(self) -> None:
        """
        Check what no type can say.

        Raises:
            ValueError: `connection` with a selector of requests, a rate or times that is not
                positive, or nothing to do at all.

        """
        selects = self.host is not None or self.path != "*" or self.method is not None
        if self.connection is not None and selects:
            raise ValueError("connection acts before the request: leave out host, path, method")
        for name in ("rate", "shared_rate"):
            rate = getattr(self, name)
            if rate is not None and rate <= 0:
                raise ValueError(f"{name} must be above 0 bytes per second, not {rate}; see hold")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times must be at least 1, not {self.times}")
        if Effects().plus(self) == Effects():
            raise ValueError("a behaviour needs at least one effect, such as status or delay")

    @classmethod
    def from_json(cls, document: Any) -> "Behaviour":
        """
        Make a behaviour from a JSON object with its fields' names.

        Raises:
            ValueError: a key or value is wrong; the message names it.

        """
        return from_json(cls, document)

    def matches(self, role: Role, request: Request) -> bool:
        """Tell whether a request is one of those meant, counts aside."""
        return (
            self.connection is None
            and self.host in (None, role)
            and self.method in (None, request.method)
            and fnmatchcase(request.path, self.path)
        )


# A plain mirror, as clients.md section 8 met one: HTML for everybody, and nothing to cache by.
MIRROR: Mapping[str, Any] = {
    "form": "html",
    "ignore_range": True,
    "ignore_conditional": True,
    "headers": dict.fromkeys(
        (
            "Accept-Ranges",
            "Cache-Control",
            "ETag",
            "Last-Modified",
            "Vary",
            "X-PyPI-Last-Serial",
        )
    ),
}
