"""Whether one record is what upstream published, as far as that can be told without upstream."""

import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path

from cellar.index.links import Source
from cellar.store import (
    ForeignRecordError,
    Key,
    Kind,
    Record,
    RecordError,
    Zone,
    open_record,
    place_of,
    read_key,
)
from cellar.verifying.listed import Listed

# RFC 9110 section 14.4.
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.ASCII)
_PYPI = re.compile(r"/packages/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{60})/[^/]+", re.ASCII)
_OTHER = re.compile(r"/files/[^/]+/([0-9a-f]{64})/.+", re.ASCII)
_METADATA = ".metadata"
_HEADS = "heads"
_GZIP = 16 + zlib.MAX_WBITS
# Of one step of inflating, so that what a few bytes can become takes no memory.
_INFLATED = 2**20


class Outcome(StrEnum):
    """
    What is known of a record.

    PROVEN has the content that its path or its page promise. WHOLE is undamaged as far as can be
    seen, where nothing promises a content. PARTIAL is a slice of a file whose others are not all
    there. WRONG is to be removed. CHANGED was replaced meanwhile, and FOREIGN is of another nginx.
    """

    PROVEN = "proven"
    WHOLE = "whole"
    PARTIAL = "partial"
    WRONG = "wrong"
    CHANGED = "changed"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Proof:
    """
    What is known of a record, and of all others that were looked at for it.

    `places` are theirs, and `bytes` what was read. `why` says what is wrong, "" unless it is.
    """

    outcome: Outcome
    places: tuple[Path, ...]
    kind: str = ""
    path: str = ""
    bytes: int = 0
    why: str = ""


class Prover:
    """Looks at records; `read` is told of the bytes of each piece, and may take its time."""

    def __init__(
        self, cache_dir: Path, listed: Listed, read: Callable[[int], None] = lambda _: None
    ) -> None:
        self._heads = Zone(cache_dir / _HEADS)
        self._listed = listed
        self._read = read

    def prove(self, zone: Zone, place: Path) -> Proof:
        """
        Tell what is known of the record at a place, and of all slices of its file.

        Raises:
            OSError: the disk does not give a record.

        """
        try:
            with open_record(place) as record:
                return self._proof(zone, place, record)
        except FileNotFoundError:
            return Proof(Outcome.CHANGED, (place,))
        except ForeignRecordError as error:
            return Proof(Outcome.FOREIGN, (place,), why=str(error))
        except RecordError as error:
            return Proof(Outcome.WRONG, (place,), why=str(error))

    def _proof(self, zone: Zone, place: Path, record: Record) -> Proof:
        key = read_key(record.key)
        about = (str(key.kind), f"{key.origin}{key.path}")
        wrong = "" if key.kind is Kind.HEAD else _damage(record)
        if wrong:
            if not record.is_still_at(place):
                return Proof(Outcome.CHANGED, (place,), *about)
            return Proof(Outcome.WRONG, (place,), *about, why=wrong)
        if key.kind is Kind.FILE and record.status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
            return self._file(zone, place, record, key, about)
        if record.header.get("content-encoding") == "gzip" and record.length:
            return self._compressed(place, record, about)
        return Proof(Outcome.WHOLE, (place,), *about)

    def _file(
        self, zone: Zone, place: Path, record: Record, key: Key, about: tuple[str, str]
    ) -> Proof:
        places = [place]
        if record.status == HTTPStatus.PARTIAL_CONTENT:
            places = [place_of(zone, each) for each in _slice_keys(key, _total(record))]
            if not all(each.exists() for each in places):
                return self._partial(place, record, key, about)
        promised = self._promised(key)
        if promised is None:
            return Proof(Outcome.WHOLE, (place,), *about)
        digest, expected = promised
        found = self._read_all(places, record, digest)
        if found is None:
            return self._partial(place, record, key, about)
        size, is_same = found
        if not is_same:
            return Proof(Outcome.CHANGED, (place,), *about, bytes=size)
        if digest.hexdigest() == expected:
            return Proof(Outcome.PROVEN, tuple(places), *about, bytes=size)
        why = f"its {digest.name} is {digest.hexdigest()}, and not {expected}"
        return Proof(Outcome.WRONG, tuple(places), *about, bytes=size, why=why)

    def _read_all(
        self, places: list[Path], first: Record, digest: "hashlib._Hash | hashlib.blake2b"
    ) -> tuple[int, bool] | None:
        """
        Read a file's slices into a hash; return their bytes and whether none changed meanwhile.

        None if one is missing, damaged or of another file: then its own turn comes.
        """
        size = 0
        records: list[tuple[Path, Record]] = []
        for place in places:
            try:
                with open_record(place) as record:
                    if record.status != first.status or _damage(record):
                        return None
                    if _total(record) != _total(first):
                        return None
                    for piece in record.body():
                        self._read(len(piece))
                        size += len(piece)
                        digest.update(piece)
            except (FileNotFoundError, RecordError, ForeignRecordError):
                return None
            records.append((place, record))
        return size, all(record.is_still_at(place) for place, record in records)

    def _partial(self, place: Path, record: Record, key: Key, about: tuple[str, str]) -> Proof:
        """Hold a slice against the length that upstream told when it was asked for that alone."""
        total, told = _total(record), self._length(key)
        if told is None or told == total:
            return Proof(Outcome.PARTIAL, (place,), *about)
        why = f"it is of a file of {total} bytes, and upstream's has {told}"
        return Proof(Outcome.WRONG, (place,), *about, why=why)

    def _length(self, key: Key) -> int | None:
        other = _OTHER.fullmatch(key.path)
        path = f"pypi{key.written_path}"
        if other:
            origin, _, rest = key.path.removeprefix("/files/").partition("/")
            path = origin + Source(origin, "/" + rest.partition("/")[2]).target
        try:
            with open_record(place_of(self._heads, f"h1:/heads/{path}")) as head:
                length = head.header.get("content-length", "")
                return int(length) if head.status == HTTPStatus.OK and length.isdigit() else None
        except (OSError, RecordError, ForeignRecordError):
            return None

    def _promised(self, key: Key) -> "tuple[hashlib._Hash | hashlib.blake2b, str] | None":
        """Return the hash to compute and the digest that it has to be, None if nothing says it."""
        if key.is_sibling:
            expected = self._listed.metadata(key) if key.path.endswith(_METADATA) else None
            return None if expected is None else (hashlib.sha256(), expected)
        pypi, other = _PYPI.fullmatch(key.path), _OTHER.fullmatch(key.path)
        if pypi:
            return hashlib.blake2b(digest_size=32), "".join(pypi.groups())
        return (hashlib.sha256(), other[1]) if other else None

    def _compressed(self, place: Path, record: Record, about: tuple[str, str]) -> Proof:
        """Unpack a page, which ends with a checksum of its content (RFC 1952)."""
        inflating = zlib.decompressobj(_GZIP)
        size = 0
        try:
            for piece in record.body():
                self._read(len(piece))
                size += len(piece)
                rest = piece
                while rest:
                    inflating.decompress(rest, _INFLATED)
                    rest = inflating.unconsumed_tail
            why = "" if inflating.eof else "its compressed content ends too early"
        except zlib.error as error:
            why = f"its compressed content is damaged ({error})"
        if not record.is_still_at(place):
            return Proof(Outcome.CHANGED, (place,), *about, bytes=size)
        outcome = Outcome.WRONG if why else Outcome.WHOLE
        return Proof(outcome, (place,), *about, bytes=size, why=why)


def _damage(record: Record) -> str:
    """Return what is wrong with the shape of a record, "" if nothing is."""
    length = record.header.get("content-length")
    if length is not None and length != str(record.length):
        return f"it has {record.length} bytes of content, and upstream sent {length}"
    if record.status == HTTPStatus.PARTIAL_CONTENT:
        found = _CONTENT_RANGE.fullmatch(record.header.get("content-range", ""))
        if found is None:
            return "its Content-Range cannot be read"
        first, last, total = map(int, found.groups())
        key = read_key(record.key)
        if (first, last) != (key.first, min(key.last, total - 1)):
            return "its Content-Range is not the slice that it is stored as"
        if last - first + 1 != record.length:
            return (
                f"it has {record.length} bytes of content, and its Content-Range {last - first + 1}"
            )
    return ""


def _total(record: Record) -> int:
    """Return how long the file is of which a record is a slice, 0 if it is none."""
    found = _CONTENT_RANGE.fullmatch(record.header.get("content-range", ""))
    return int(found[3]) if found else 0


def _slice_keys(key: Key, total: int) -> Iterator[str]:
    step = key.last - key.first + 1
    return (key.slice_at(first) for first in range(0, total, step))
