"""Bodies: bytes that are read by offset, so that a file of gigabytes needs no memory."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

_BLOCK = 64 * 1024
_HASHING_STEP = 1024 * 1024


class Content(Protocol):
    """A fixed sequence of bytes."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes `offset` to `offset + length`; the range must lie inside the content."""


@dataclass(frozen=True)
class BytesContent:
    """Bytes held in memory."""

    data: bytes = b""

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


class GeneratedContent:
    """Deterministic, incompressible bytes: one random block, each repetition stamped by number."""

    def __init__(self, size: int, seed: str) -> None:
        self._size = size
        self._tail = hashlib.shake_128(seed.encode()).digest(_BLOCK - 8)

    @property
    def size(self) -> int:
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        first = offset // _BLOCK
        after_last = -(-(offset + length) // _BLOCK)
        blocks = (part for n in range(first, after_last) for part in (n.to_bytes(8), self._tail))
        start = offset - first * _BLOCK
        return b"".join(blocks)[start : start + length]


@dataclass(frozen=True)
class SlicedContent:
    """Bytes `start` to `start + size` of another content."""

    whole: Content
    start: int
    size: int

    def read(self, offset: int, length: int) -> bytes:
        return self.whole.read(self.start + offset, length)


@dataclass(frozen=True)
class JoinedContent:
    """Several contents, one after the other."""

    parts: Sequence[Content]

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    def read(self, offset: int, length: int) -> bytes:
        pieces = []
        for part in self.parts:
            first, last = max(offset, 0), min(offset + length, part.size)
            if first < last:
                pieces.append(part.read(first, last - first))
            offset -= part.size
        return b"".join(pieces)


@dataclass(frozen=True)
class FlippedContent:
    """Another content with the lowest bit of the byte at `position` flipped."""

    whole: Content
    position: int

    @property
    def size(self) -> int:
        return self.whole.size

    def read(self, offset: int, length: int) -> bytes:
        data = bytearray(self.whole.read(offset, length))
        if offset <= self.position < offset + length:
            data[self.position - offset] ^= 1
        return bytes(data)


@dataclass(frozen=True)
class Digests:
    """The two digests PyPI knows a file by, in hex."""

    sha256: str
    blake2b_256: str

    @classmethod
    def of(cls, content: Content) -> "Digests":
        """Hash a content step by step, without holding it."""
        sha256, blake2b = hashlib.sha256(), hashlib.blake2b(digest_size=32)
        for offset in range(0, content.size, _HASHING_STEP):
            data = content.read(offset, min(_HASHING_STEP, content.size - offset))
            sha256.update(data)
            blake2b.update(data)
        return cls(sha256.hexdigest(), blake2b.hexdigest())
