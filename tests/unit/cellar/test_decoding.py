"""Bodies in a content coding, however hostile."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar.decoding import BoundedDecoder, DecodingError

LIMIT = 100_000


def decode(coding: str, *pieces: bytes, limit: int = LIMIT) -> bytes:
    decoder = BoundedDecoder(coding, limit)
    for piece in pieces:
        decoder.feed(piece)
    return decoder.finish()


@given(
    body=st.binary(max_size=500),
    coding=st.sampled_from(["gzip", "x-gzip", " GZIP ", "identity", ""]),
    cut=st.integers(0, 600),
    members=st.integers(1, 3),
)
def test_a_body_is_the_same_however_it_is_coded_and_cut(
    body: bytes, coding: str, cut: int, members: int
) -> None:
    sent = (gzip.compress(body) if "zip" in coding.lower() else body) * members
    assert decode(coding, sent[:cut], sent[cut:]) == body * members


def test_a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not() -> None:
    for coding, encode in (("identity", bytes), ("gzip", gzip.compress)):
        assert len(decode(coding, encode(bytes(LIMIT)))) == LIMIT
        with pytest.raises(DecodingError, match=f"larger than {LIMIT} bytes"):
            decode(coding, encode(bytes(LIMIT + 1)))


def test_a_small_body_that_expands_without_end_costs_no_more_memory_than_the_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    tracemalloc.start()
    with pytest.raises(DecodingError, match="larger than"):
        decode("gzip", bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * LIMIT


BROKEN = {
    "no gzip": b"<!DOCTYPE html>",
    "zlib": zlib.compress(b"body"),
    "a damaged checksum": gzip.compress(b"body")[:-8] + bytes(8),
    "half of it": gzip.compress(bytes(range(256)))[:100],
    "all but the last byte": gzip.compress(b"body")[:-1],
    "nothing": b"",
    "half of a second member": gzip.compress(b"body") + gzip.compress(b"body")[:9],
    "something after it": gzip.compress(b"body") + b"junk",
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_broken_gzip_is_never_taken_for_a_whole_page(body: bytes) -> None:
    with pytest.raises(DecodingError, match=r"\A[^\n]+\.\Z"):
        decode("gzip", body)


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate", "gzip, gzip", "compress"])
def test_a_coding_that_was_not_asked_for_is_refused(coding: str) -> None:
    with pytest.raises(DecodingError, match="not asked for"):
        BoundedDecoder(coding, LIMIT)
