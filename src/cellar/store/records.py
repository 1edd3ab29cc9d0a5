"""Records of nginx's cache on disk: ngx_http_file_cache_header_t, version 5 (nginx 1.11.10)."""

import os
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path

_VERSION = 5
# version, valid_sec, updating_sec, error_sec, last_modified, date, crc32, valid_msec, header_start,
# body_start, etag_len, etag, vary_len, vary, variant; and what aligns it.
_HEADER = struct.Struct("=Q5qI3HB128sB128s16s")
_ALIGNED = (_HEADER.size + 7) // 8 * 8
_KEY = b"\nKEY: "
# Behind the key stands upstream's header; nginx's buffer for both is smaller than that.
_LONGEST_HEAD = 2**16
_CHUNK = 2**20
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: .*)?")


class RecordError(Exception):
    """A record is damaged; the text says what is wrong, in half a sentence."""


class ForeignRecordError(Exception):
    """A record is of another version of nginx, which takes no notice of it either."""


@dataclass(frozen=True, slots=True)
class Record:
    """
    An open record.

    `key` is as nginx wrote it. `header` is upstream's, its names in lower case, values of equal
    ones joined. `size` is the bytes of the whole record, `body_start` those before the body.
    """

    descriptor: int
    key: str
    status: int
    header: Mapping[str, str]
    body_start: int
    size: int
    inode: int
    changed: int

    @property
    def length(self) -> int:
        """The bytes of the body that are there."""
        return self.size - self.body_start

    def body(self) -> Iterator[bytes]:
        """
        Yield the body in pieces of at most 1 MiB.

        Raises:
            OSError: the disk does not give it.

        """
        place = self.body_start
        while piece := os.pread(self.descriptor, _CHUNK, place):
            place += len(piece)
            yield piece

    def is_still_at(self, path: Path) -> bool:
        """Tell whether nginx has left the record as it was when it was opened."""
        try:
            now = path.stat()
        except OSError:
            return False
        return (now.st_ino, now.st_mtime_ns, now.st_size) == (self.inode, self.changed, self.size)


@contextmanager
def open_record(path: Path) -> Iterator[Record]:
    """
    Open a record for reading.

    Raises:
        FileNotFoundError: it is not there any more.
        OSError: the disk does not give it.
        RecordError: it is damaged.
        ForeignRecordError: another version of nginx wrote it.

    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        # Whoever reads everything once must not drive what is read often out of memory.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_NOREUSE)
        yield _read(descriptor, path.name)
    finally:
        os.close(descriptor)


def _read(descriptor: int, name: str) -> Record:
    found = os.fstat(descriptor)
    head = os.pread(descriptor, _LONGEST_HEAD, 0)
    if len(head) < _ALIGNED:
        raise RecordError("it ends in its first bytes")
    if not any(head):
        raise RecordError("it begins with nothing but zeros")
    version, *_, header_start, body_start = _HEADER.unpack_from(head)[:10]
    if version != _VERSION:
        raise ForeignRecordError(f"its version is {version}, not {_VERSION}")
    key_end = head.find(b"\n", _ALIGNED + len(_KEY))
    if (
        not head.startswith(_KEY, _ALIGNED)
        or key_end < 0
        or not _are_inside(key_end, header_start, body_start, len(head))
    ):
        raise RecordError("its first bytes are not those that nginx writes")
    key = head[_ALIGNED + len(_KEY) : key_end]
    if md5(key, usedforsecurity=False).hexdigest() != name:
        raise RecordError("its key is that of another record")
    status, header = _parsed(head[header_start:body_start])
    return Record(
        descriptor,
        key.decode("utf-8", "surrogateescape"),
        status,
        header,
        body_start,
        found.st_size,
        found.st_ino,
        found.st_mtime_ns,
    )


def _are_inside(key_end: int, header_start: int, body_start: int, head: int) -> bool:
    return key_end < header_start < body_start <= head


def _parsed(raw: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = raw.split(b"\r\n")
    status = _STATUS.fullmatch(first)
    if status is None or lines[-2:] != [b"", b""]:
        raise RecordError("upstream's header in it is damaged")
    header: dict[str, str] = {}
    for line in lines[:-2]:
        name, _, value = line.decode("latin-1").partition(":")
        known = header.get(name.lower())
        header[name.lower()] = value.strip() if known is None else f"{known}, {value.strip()}"
    return int(status[1]), header
