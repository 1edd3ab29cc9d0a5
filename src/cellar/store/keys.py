"""Keys of the engine's cache: what a record is about. They are written in nginx.conf."""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from cellar.index.links import SIBLINGS
from cellar.index.names import is_valid, normalise
from cellar.policy.distributions import project_candidates


class Kind(StrEnum):
    """What a record is."""

    FILE = "file"
    HEAD = "length of a file"
    VERDICT = "verdict on a file"
    PAGE = "page"
    DOCUMENT = "document"
    LIST = "list of projects"
    OTHER = "something else"


_SLICE = re.compile(r"f2:(?P<size>[0-9]+[km]):(?P<path>/.+):bytes=(?P<first>\d+)-(?P<last>\d+)")
_WHOLE = re.compile(r"f1:(?P<path>/.+):")
_HEAD = re.compile(r"h1:/heads/(?:pypi|(?P<origin>[a-z0-9.:-]+))(?P<path>/.+)")
_VERDICT = re.compile(r"o1:[0-9a-f]{8}:(?P<path>/.+)")
_RANGE = re.compile(r"r1:(?P<path>/\S+) .*")
_PAGE = re.compile(r"p2:[a-z]+:[a-z]+:[0-9a-f]{8}:(?P<path>/.+)")
_DOCUMENT = re.compile(r"d1:[a-z]+:[0-9a-f]{8}:(?P<path>/.+)")
_LIST = re.compile(r"l1:.*")
_PROJECT = re.compile(
    r"/(?:(?:snapshot/[0-9-]+/)?simple|pypi|integrity)/(?P<project>[^/]+)(?:/.*)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Key:
    """
    What a record is about.

    `path` is decoded: the appliance's own, but for a HEAD of another index's file, where it is the
    path at `origin` (host and port); `written_path` is the same as the key has it. `slice_size` is
    as nginx.conf writes it, "" for what is kept whole; `first` and `last` are the bytes that were
    asked for with it.
    """

    kind: Kind
    path: str = ""
    written_path: str = ""
    origin: str = ""
    slice_size: str = ""
    first: int = 0
    last: int = 0

    @property
    def filename(self) -> str:
        """The name of the file that it is about or stands beside; "" if it is about none."""
        if self.kind not in {Kind.FILE, Kind.HEAD, Kind.VERDICT}:
            return ""
        name = self.path.rpartition("/")[2]
        for suffix in SIBLINGS:
            name = name.removesuffix(suffix)
        return name

    @property
    def is_sibling(self) -> bool:
        """Whether it is about what stands beside a file, such as its metadata (PEP 658)."""
        return self.path.endswith(SIBLINGS)

    @property
    def projects(self) -> tuple[str, ...]:
        """The normalised names of the projects that it may be about, the most probable first."""
        if self.filename:
            return project_candidates(self.filename)
        found = _PROJECT.fullmatch(self.path)
        if found is None or not is_valid(found["project"]):
            return ()
        return (normalise(found["project"]),)

    def slice_at(self, first: int) -> str:
        """Return the key of another slice of the same file."""
        last = first + self.last - self.first
        return f"f2:{self.slice_size}:{self.written_path}:bytes={first}-{last}"


_PATTERNS = (
    (_SLICE, Kind.FILE),
    (_WHOLE, Kind.FILE),
    (_HEAD, Kind.HEAD),
    (_VERDICT, Kind.VERDICT),
    (_RANGE, Kind.VERDICT),
    (_PAGE, Kind.PAGE),
    (_DOCUMENT, Kind.DOCUMENT),
    (_LIST, Kind.LIST),
)


def read_key(text: str) -> Key:
    """Return what a key says; one that is not of this release's nginx.conf is of kind OTHER."""
    for pattern, kind in _PATTERNS:
        found = pattern.fullmatch(text)
        if found:
            parts = found.groupdict()
            written = parts.get("path") or ""
            return Key(
                kind,
                unquote(written),
                written,
                parts.get("origin") or "",
                parts.get("size") or "",
                int(parts.get("first") or 0),
                int(parts.get("last") or 0),
            )
    return Key(Kind.OTHER)
