"""
Debian's libdeflate0: gzip at once, for bodies that are held whole.

All that is called here is in libdeflate.h since version 1.1. Other threads run while the work is
done, and at no other time: who gives the interpreter to one that computes gets it back 5 ms later.
"""

import ctypes
import mmap
from collections.abc import Callable

_LIBRARY = "libdeflate.so.0"


def compressor(level: int) -> Callable[[bytes], bytes] | None:
    """Return a function that makes one gzip member, None where libdeflate is not installed."""
    if not _is_installed():
        return None
    aside, library = ctypes.CDLL(_LIBRARY), ctypes.PyDLL(_LIBRARY)
    # A compressor is an opaque pointer, which a default int would cut in half.
    allocate = library.libdeflate_alloc_compressor
    allocate.argtypes, allocate.restype = (ctypes.c_int,), ctypes.c_void_p
    bound = library.libdeflate_gzip_compress_bound
    bound.argtypes, bound.restype = (ctypes.c_void_p, ctypes.c_size_t), ctypes.c_size_t
    run = aside.libdeflate_gzip_compress
    run.argtypes = (
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t
    )  # fmt: skip
    run.restype = ctypes.c_size_t
    free = library.libdeflate_free_compressor
    free.argtypes, free.restype = (ctypes.c_void_p,), None

    def compressed(body: bytes) -> bytes:
        # One for each call: threads must not share a compressor.
        compressor = allocate(level)
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


def decompressor() -> Callable[[bytes, int], bytes | None] | None:
    """
    Return a function that undoes one gzip member, None where libdeflate is not installed.

    It takes the member and how many bytes it decodes to. None comes back if it is not exactly that:
    damaged, of more or fewer bytes, or followed by something.
    """
    if not _is_installed():
        return None
    aside, library = ctypes.CDLL(_LIBRARY), ctypes.PyDLL(_LIBRARY)
    allocate = library.libdeflate_alloc_decompressor
    allocate.argtypes, allocate.restype = (), ctypes.c_void_p
    run = aside.libdeflate_gzip_decompress_ex
    run.argtypes = (
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ctypes.c_size_t),
    )  # fmt: skip
    run.restype = ctypes.c_int
    free = library.libdeflate_free_decompressor
    free.argtypes, free.restype = (ctypes.c_void_p,), None

    def decompressed(member: bytes, size: int) -> bytes | None:
        decompressor = allocate()
        if not decompressor:
            raise MemoryError
        taken = ctypes.c_size_t()
        try:
            room = bytearray(size)
            start = (ctypes.c_char * size).from_buffer(room)
            # Without a place for how many bytes came out, it is a failure if those are fewer.
            failure = run(decompressor, member, len(member), start, size, taken, None)
        finally:
            free(decompressor)
        return None if failure or taken.value != len(member) else bytes(room)

    return decompressed


def _is_installed() -> bool:
    try:
        ctypes.CDLL(_LIBRARY)
    except OSError:
        return False
    return True
