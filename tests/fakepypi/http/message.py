"""One request and its answer, before anything is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from fakepypi.distributions.content import BytesContent, Content

Role = Literal["index", "files"]


@dataclass(frozen=True)
class Link:
    """The connection a request came over; connections are numbered from 1."""

    number: int = 0
    tls: bool = False
    sni: str | None = None


@dataclass(frozen=True)
class Request:
    """
    A request as read. `path` is percent-decoded, `query` is not; header names are lower case.

    The origins (`https://name` or `https://name:port`) are what answers may link to.
    """

    method: str
    target: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes = b""
    index_origin: str = ""
    files_origin: str = ""

    def header(self, name: str) -> str | None:
        """Return a header's values joined by commas (RFC 9110 section 5.3), or None."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None


@dataclass(frozen=True)
class Response:
    """An answer. `ranges` and `conditional` say whether Range and If-None-Match are honoured."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Content = field(default_factory=BytesContent)
    ranges: bool = False
    conditional: bool = False

    def header(self, name: str) -> str | None:
        """Return a header's value, whatever the case of its name."""
        matching = (v for k, v in self.headers.items() if k.lower() == name.lower())
        return next(matching, None)

    def with_headers(self, changes: Mapping[str, str | None]) -> "Response":
        """Return a copy with headers set, or removed where the value is None."""
        replaced = {name.lower() for name in changes}
        headers = {k: v for k, v in self.headers.items() if k.lower() not in replaced}
        headers |= {k: v for k, v in changes.items() if v is not None}
        return replace(self, headers=headers)


def text(status: int, body: str, content_type: str = "text/plain; charset=UTF-8") -> Response:
    """Return a short text answer."""
    return Response(status, {"Content-Type": content_type}, BytesContent(body.encode()))


def redirect(status: int, location: str) -> Response:
    """Return a redirect without a body."""
    return Response(status, {"Location": location})
