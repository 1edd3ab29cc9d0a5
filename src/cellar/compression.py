"""Applying the content coding gzip (RFC 9110 section 8.4.1.3)."""

import gzip
from concurrent.futures import Executor, Future, wait
from threading import Event
from types import TracebackType
from typing import Self

from cellar import libdeflate

# For a page of 2,400 files (1.6 MB of JSON) libdeflate's level 5 takes 9 ms and makes 342 kB of it;
# zlib's level 4 takes 17 ms for 391 kB, its level 6 23 ms for 374 kB. What is written once is sent
# a thousand times.
_LEVEL = 5
_ZLIB_LEVEL = 4
# Bytes. A body of 200 files takes a millisecond; handing it over takes a tenth of that.
_WORTH_A_THREAD = 128 * 1024
_TOO_LARGE_TO_GUESS = 16 * 1024 * 1024


def zlib(body: bytes) -> bytes:
    """Compress with the standard library."""
    return gzip.compress(body, compresslevel=_ZLIB_LEVEL, mtime=0)


# Returns one gzip member without a time in its header, so that equal bodies are equal bytes. It
# lets other threads run meanwhile. An appliance has libdeflate; the rest of the world may not.
compress = libdeflate.compressor(_LEVEL) or zlib


def pays_ahead(body: bytes) -> bool:
    """Tell whether a body is worth a thread, and takes no memory that others may need."""
    return _WORTH_A_THREAD <= len(body) <= _TOO_LARGE_TO_GUESS


class Ahead:
    """
    Compresses what a body will most likely be, beside the work that makes sure of it.

    At the end of the context nothing is going on any more.
    """

    def __init__(self, threads: Executor) -> None:
        """Take threads that have nothing else to do."""
        self._threads = threads
        self._body: bytes | None = None
        self._compressed: Future[bytes] | None = None

    def __enter__(self) -> Self:
        """Begin; nothing is compressed yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for what has begun."""
        if self._compressed is not None:
            wait([self._compressed])

    def begin(self, body: bytes) -> None:
        """Begin with a body, if that pays."""
        if not pays_ahead(body):
            return
        has_begun = Event()

        def compressed() -> bytes:
            has_begun.set()
            return compress(body)

        self._body, self._compressed = body, self._threads.submit(compressed)
        # Else this thread would keep the interpreter to itself for 5 ms more (its switch interval).
        has_begun.wait()

    def compress(self, body: bytes) -> bytes:
        """Return what `compress` makes of a body."""
        if self._compressed is not None and body == self._body:
            return self._compressed.result()
        return compress(body)
