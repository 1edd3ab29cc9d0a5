"""Applying the content coding gzip (RFC 9110 section 8.4.1.3)."""

import ctypes
import gzip
import mmap
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

# Debian's libdeflate0. Its level 5 takes 9 ms for a page of 2,400 files (1.6 MB of JSON) and makes
# 342 kB of it; zlib's level 4 takes 17 ms for 391 kB, its level 6 23 ms for 374 kB. What is written
# once is sent a thousand times.
_LIBRARY = "libdeflate.so.0"
_LEVEL = 5
_ZLIB_LEVEL = 4
# Bytes. A body of 200 files takes a millisecond; a thread takes a tenth of that.
_WORTH_A_THREAD = 128 * 1024
_TOO_LARGE_TO_GUESS = 16 * 1024 * 1024


def libdeflate() -> Callable[[bytes], bytes] | None:
    """Return a function that compresses with libdeflate, None where that is not installed."""
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    # libdeflate.h; a compressor is an opaque pointer, which a default int would cut in half.
    allocate = library.libdeflate_alloc_compressor
    allocate.argtypes, allocate.restype = (ctypes.c_int,), ctypes.c_void_p
    bound = library.libdeflate_gzip_compress_bound
    bound.argtypes, bound.restype = (ctypes.c_void_p, ctypes.c_size_t), ctypes.c_size_t
    run = library.libdeflate_gzip_compress
    run.argtypes = (
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t
    )  # fmt: skip
    run.restype = ctypes.c_size_t
    free = library.libdeflate_free_compressor
    free.argtypes, free.restype = (ctypes.c_void_p,), None

    def compressed(body: bytes) -> bytes:
        # One for each call: threads must not share a compressor.
        compressor = allocate(_LEVEL)
        if not compressor:
            raise MemoryError
        try:
            # As large as the body, but of it only what is written takes memory.
            room = mmap.mmap(-1, bound(compressor, len(body)))
            start = ctypes.c_char.from_buffer(room)
            size = run(compressor, body, len(body), ctypes.byref(start), len(room))
        finally:
            free(compressor)
        return room[:size]

    return compressed


def zlib(body: bytes) -> bytes:
    """Compress with the standard library."""
    return gzip.compress(body, compresslevel=_ZLIB_LEVEL, mtime=0)


# Returns one gzip member without a time in its header, so that equal bodies are equal bytes. It
# lets other threads run meanwhile. An appliance has libdeflate; the rest of the world may not.
compress = libdeflate() or zlib


class Ahead:
    """
    Compresses what a body will most likely be, beside the work that makes sure of it.

    At the end of the context nothing is going on any more.
    """

    def __init__(self) -> None:
        self._beside = ThreadPoolExecutor(1)
        self._body: bytes | None = None
        self._compressed: Future[bytes] | None = None

    def __enter__(self) -> Self:
        """Begin; no thread is started yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for what has begun."""
        self._beside.shutdown()

    def begin(self, body: bytes) -> None:
        """Begin with a body, if it is worth a thread and takes no memory that others may need."""
        if _WORTH_A_THREAD <= len(body) <= _TOO_LARGE_TO_GUESS:
            self._body, self._compressed = body, self._beside.submit(compress, body)

    def compress(self, body: bytes) -> bytes:
        """Return what `compress` makes of a body."""
        if self._compressed is not None and body == self._body:
            return self._compressed.result()
        return compress(body)
