"""
Debian's libisal2 (Intel's ISA-L): gzip and back at once, for bodies that are held whole.

What is called and laid out here stands in igzip_lib.h, and is the same in 2.30 (Debian 12) and 2.31
(Debian 13), on amd64 and on arm64. Other threads run while a body is compressed, and at no other
time: who gives the interpreter to one that computes gets it back 5 ms later.
"""

import ctypes
from collections.abc import Callable

_LIBRARY = "libisal.so.2"
# For a page of 2,400 files (1.6 MB of JSON) level 1 takes 2.1 ms and makes 379 kB of it. The higher
# ones take 2.3 ms for 380 kB and 4.8 ms for 383 kB.
_LEVEL = 1
# The binary logarithm of how far back a repetition is looked for. At a greater distance a page has
# hardly any but of a few digits of its hashes, and those cost more to point to than they save: with
# all of 15, the same page takes a tenth longer and becomes 1.5 % larger.
_HISTORY_BITS = 13
# ISAL_DEF_LVL1_DEFAULT, for as many tokens as a block of the output has at most.
_TOKENS_SIZE = 282_624
_GZIP = 1
# Lengths there have 32 bits.
_TOO_LONG = 2**31
# ISAL_BLOCK_FINISH, behind which a member has come to its end.
_FINISHED = 5


class _Stream(ctypes.Structure):
    """struct isal_zstream. Its state is of 82,320 bytes, and the rest is to spare."""

    _fields_ = (
        ("next_in", ctypes.c_char_p),
        ("avail_in", ctypes.c_uint32),
        ("total_in", ctypes.c_uint32),
        ("next_out", ctypes.c_void_p),
        ("avail_out", ctypes.c_uint32),
        ("total_out", ctypes.c_uint32),
        ("hufftables", ctypes.c_void_p),
        ("level", ctypes.c_uint32),
        ("level_buf_size", ctypes.c_uint32),
        ("level_buf", ctypes.c_void_p),
        ("end_of_stream", ctypes.c_uint16),
        ("flush", ctypes.c_uint16),
        ("gzip_flag", ctypes.c_uint16),
        ("hist_bits", ctypes.c_uint16),
        ("internal_state", ctypes.c_uint8 * (128 * 1024 - 64)),
    )


class _State(ctypes.Structure):
    """struct inflate_state. It is of 87,368 bytes, and some of the rest is to spare."""

    _fields_ = (
        ("next_out", ctypes.c_void_p),
        ("avail_out", ctypes.c_uint32),
        ("total_out", ctypes.c_uint32),
        ("next_in", ctypes.c_char_p),
        ("read_in", ctypes.c_uint64),
        ("avail_in", ctypes.c_uint32),
        ("read_in_length", ctypes.c_int32),
        ("lit_huff_code", ctypes.c_uint8 * (4 * 4096 + 2 * 1264)),
        ("dist_huff_code", ctypes.c_uint8 * (2 * 1024 + 2 * 80)),
        ("block_state", ctypes.c_uint32),
        ("dict_length", ctypes.c_uint32),
        ("bfinal", ctypes.c_uint32),
        ("crc_flag", ctypes.c_uint32),
        ("rest", ctypes.c_uint8 * (80 * 1024)),
    )


def compressor() -> Callable[[bytes], bytes | None] | None:
    """
    Return a function that makes one gzip member, None where libisal2 is not installed.

    None comes back from it for a body that it cannot compress, which is one of 2 GiB or more.
    """
    try:
        initialise = ctypes.PyDLL(_LIBRARY).isal_deflate_stateless_init
        run = ctypes.CDLL(_LIBRARY).isal_deflate_stateless
    except (OSError, AttributeError):
        return None
    initialise.argtypes, initialise.restype = (ctypes.POINTER(_Stream),), None
    run.argtypes, run.restype = (ctypes.POINTER(_Stream),), ctypes.c_int
    tokens = ctypes.sizeof(_Stream)
    output = tokens + _TOKENS_SIZE

    def compressed(body: bytes) -> bytes | None:
        if len(body) >= _TOO_LONG:
            return None
        # For each call, because threads must not share it; and not mapped for each, since a page
        # that the kernel has to clear first takes longer than to fill it.
        room = bytearray(output + _bound(len(body)))
        stream = _Stream.from_buffer(room)
        start = ctypes.addressof(stream)
        initialise(stream)
        stream.next_in, stream.avail_in = body, len(body)
        stream.next_out, stream.avail_out = start + output, len(room) - output
        stream.level_buf, stream.level_buf_size = start + tokens, _TOKENS_SIZE
        stream.level, stream.hist_bits = _LEVEL, _HISTORY_BITS
        stream.gzip_flag, stream.end_of_stream = _GZIP, 1
        failure = run(stream)
        return None if failure else bytes(memoryview(room)[output : output + stream.total_out])

    return compressed


def decompressor() -> Callable[[bytes, int], bytes | None] | None:
    """
    Return a function that undoes one gzip member, None where libisal2 is not installed.

    It takes the member and how many bytes that decodes to, both below 2 GiB. None comes back if it
    is not exactly that: damaged, of more or fewer bytes, or followed by something.
    """
    try:
        library = ctypes.PyDLL(_LIBRARY)
        initialise, run = library.isal_inflate_init, library.isal_inflate_stateless
    except (OSError, AttributeError):
        return None
    initialise.argtypes, initialise.restype = (ctypes.POINTER(_State),), None
    run.argtypes, run.restype = (ctypes.POINTER(_State),), ctypes.c_int

    # Not isal_inflate, which takes pieces, but refuses sound members where their header is cut.
    def decompressed(member: bytes, size: int) -> bytes | None:
        room = bytearray(size)
        state = _State()
        initialise(state)
        state.crc_flag = _GZIP
        state.next_in, state.avail_in = member, len(member)
        state.next_out = ctypes.addressof((ctypes.c_char * size).from_buffer(room))
        state.avail_out = size
        failure = run(state)
        is_all = state.block_state == _FINISHED and not state.avail_in and not state.avail_out
        return bytes(room) if is_all and not failure else None

    return decompressed


def _bound(size: int) -> int:
    """Return how large a gzip member is at most, made of stored blocks of 65,535 bytes."""
    return size + 5 * (size // 65_535 + 1) + 18
