"""
Entity tags that carry what upstream has to be asked next time: the engine's cache is the memory.

A tag is `"<revision>.<until>.<part>…"`, one part for each index of the project:
`<mark>:<serial>:<kind><value>`. The mark stands for the index, the serial is that of its page, "-"
if it told none. The value is upstream's own entity tag, or what takes its place. `until` is when
the page changes by itself, in seconds since 1970, "-" for never.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self
from urllib.parse import quote, unquote

from cellar.settings import IndexSettings
from cellar.upstream.client import Absent, Found, NotModified, Outcome

# nginx stores no longer entity tag (NGX_HTTP_CACHE_ETAG_LEN), and then never revalidates.
LONGEST = 128

_ENTITY_TAG = re.compile(r'(?P<weak>W/)?"(?P<value>[!#-~]*)"', re.ASCII)
_TAG = re.compile(
    r'(?:W/)?"(?P<revision>[0-9a-z-]+)\.(?P<until>\d{1,12}|-)(?P<parts>(?:\.[!#-~]+)+)"', re.ASCII
)
_PART = re.compile(
    r"(?P<mark>[0-9a-f]{4}):(?P<serial>\d{1,18}|-):(?P<kind>[swdn])(?P<value>[^.]*)", re.ASCII
)
_DIGEST_SIZE = 9


class Kind(StrEnum):
    """What a part knows an index's answer by."""

    STRONG = "s"
    WEAK = "w"
    # Of the body, for an index that sends no entity tag, or one that is too long to be carried.
    DIGEST = "d"
    # The index has no such project.
    ABSENT = "n"


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of one index's answer; see the module."""

    mark: str
    serial: int | None
    kind: Kind
    value: str

    @classmethod
    def of(cls, index: IndexSettings, outcome: Found | Absent, serial: int | None) -> Self:
        """Describe an answer; `serial` is that of its page."""
        if isinstance(outcome, Absent):
            return cls(mark(index), serial, Kind.ABSENT, "")
        if tag := _ENTITY_TAG.fullmatch(outcome.etag or ""):
            kind = Kind.WEAK if tag["weak"] else Kind.STRONG
            return cls(mark(index), serial, kind, tag["value"])
        return cls(mark(index), serial, Kind.DIGEST, _digest(outcome.body))

    @property
    def condition(self) -> str | None:
        """The value of If-None-Match with which to ask upstream, None to ask without one."""
        prefix = {Kind.STRONG: "", Kind.WEAK: "W/"}.get(self.kind)
        return None if prefix is None else f'{prefix}"{self.value}"'

    def holds(self, outcome: Outcome) -> bool:
        """Tell whether an answer to that condition says that nothing has changed."""
        if self.kind is Kind.DIGEST:
            return isinstance(outcome, Found) and _digest(outcome.body) == self.value
        expected = Absent if self.kind is Kind.ABSENT else NotModified
        return isinstance(outcome, expected)

    def __str__(self) -> str:
        """Return the part as it stands in a tag."""
        serial = "-" if self.serial is None else self.serial
        # The full stop, which separates parts, is the one of these that quote() never escapes.
        value = quote(self.value, safe="+/=").replace(".", "%2E")
        return f"{self.mark}:{serial}:{self.kind}{value}"


@dataclass(frozen=True, slots=True)
class Tag:
    """An entity tag; see the module. `revision` is of lower-case letters, digits and hyphens."""

    revision: str
    until: int | None
    parts: tuple[Part, ...]

    def __str__(self) -> str:
        """Return the tag as the value of ETag; weak if one of upstream's is."""
        weak = "W/" if any(part.kind is Kind.WEAK for part in self.parts) else ""
        until = "-" if self.until is None else self.until
        return f'{weak}"{".".join([self.revision, str(until), *map(str, self.parts)])}"'

    def conditions(self, revision: str, indexes: Sequence[IndexSettings], now: float) -> bool:
        """Tell whether upstream may be asked on the strength of this tag at all."""
        return (
            self.revision == revision
            and (self.until is None or now < self.until)
            and [part.mark for part in self.parts] == [mark(index) for index in indexes]
        )


def mark(index: IndexSettings) -> str:
    """Return the few letters that stand for an index in a tag."""
    return hashlib.blake2b(index.url.encode(), digest_size=2).hexdigest()


def compose(tag: Tag, bodies: Mapping[str, bytes], view: bytes) -> str:
    """
    Return the value of ETag.

    `bodies` are upstream's by the mark of their index, and `view` is what is answered: their
    digests take the place of a tag that the engine could not store.
    """
    if len(text := str(tag)) <= LONGEST:
        return text
    parts = [
        replace(part, kind=Kind.DIGEST, value=_digest(bodies[part.mark]))
        if part.mark in bodies
        else part
        for part in tag.parts
    ]
    if len(text := str(replace(tag, parts=tuple(parts)))) <= LONGEST:
        return text
    return f'"{hashlib.blake2b(tag.revision.encode() + view, digest_size=16).hexdigest()}"'


def parse(text: str | None) -> Tag | None:
    """Read the value of If-None-Match; None for everything that `compose` does not write."""
    found = _TAG.fullmatch(text or "")
    if found is None or len(found[0]) > LONGEST:
        return None
    parts = [_PART.fullmatch(part) for part in found["parts"][1:].split(".")]
    if not all(parts):
        return None
    until = None if found["until"] == "-" else int(found["until"])
    return Tag(found["revision"], until, tuple(_part(part) for part in parts if part))


def _part(found: re.Match[str]) -> Part:
    serial = None if found["serial"] == "-" else int(found["serial"])
    return Part(found["mark"], serial, Kind(found["kind"]), unquote(found["value"]))


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=_DIGEST_SIZE).hexdigest()
