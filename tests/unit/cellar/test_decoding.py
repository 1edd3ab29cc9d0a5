"""Bodies in a content coding, however hostile."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cellar import decoding, isal
from cellar.decoding import BoundedDecoder, DecodingError, decoded_at_once
from unit.cellar.support import PAGES, resident

PAGE = gzip.compress((PAGES / "pypi.json").read_bytes())
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


@given(body=st.binary(max_size=500), coding=st.sampled_from(["gzip", "x-gzip", " GZIP "]))
def test_a_whole_body_is_the_same_when_it_is_decoded_at_once(body: bytes, coding: str) -> None:
    assert decoded_at_once(coding, gzip.compress(body), LIMIT) == body


def test_what_is_decoded_at_once_is_not_beyond_the_limit_by_a_byte() -> None:
    assert decoded_at_once("gzip", gzip.compress(bytes(LIMIT)), LIMIT) == bytes(LIMIT)
    assert decoded_at_once("gzip", gzip.compress(bytes(LIMIT + 1)), LIMIT) is None


# Of the last one no function is called.
@pytest.mark.parametrize("library", ["libisal.so.none", "libc.so.6"])
def test_without_isal_nothing_is_decoded_at_once(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setattr(isal, "_LIBRARY", library)
    monkeypatch.setattr(decoding, "_decompress", isal.decompressor())
    assert decoded_at_once("gzip", PAGE, LIMIT) is None


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


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_not_one_sound_member_is_not_decoded_at_once(body: bytes) -> None:
    assert decoded_at_once("gzip", body, LIMIT) is None


@pytest.mark.parametrize("said", [0, 3, 5, LIMIT, 2**32 - 1])
def test_a_member_that_lies_about_its_length_is_not_decoded_at_once(said: int) -> None:
    lying = gzip.compress(b"body")[:-4] + said.to_bytes(4, "little")
    assert decoded_at_once("gzip", lying, LIMIT) is None


@given(at=st.integers(0, len(PAGE) - 1), byte=st.integers(0, 255))
def test_a_page_with_a_damaged_byte_is_not_decoded_at_once_into_another_one(
    at: int, byte: int
) -> None:
    assume(PAGE[at] != byte)
    damaged = PAGE[:at] + bytes([byte]) + PAGE[at + 1 :]
    assert decoded_at_once("gzip", damaged, LIMIT) in {None, gzip.decompress(PAGE)}


def test_several_members_are_for_the_decoder_that_knows_them() -> None:
    assert decoded_at_once("gzip", gzip.compress(b"a") + gzip.compress(b"b"), LIMIT) is None


@pytest.mark.parametrize("coding", ["", "identity", "br", "gzip, gzip"])
def test_no_other_coding_than_gzip_is_decoded_at_once(coding: str) -> None:
    assert decoded_at_once(coding, gzip.compress(b"body"), LIMIT) is None


def test_decoding_at_once_again_and_again_takes_no_more_memory() -> None:
    sent = gzip.compress(bytes(range(256)) * 400)
    decoded_at_once("gzip", sent, 10**6)
    before = resident()
    for _ in range(2_000):
        decoded_at_once("gzip", sent, 10**6)
        decoded_at_once("gzip", sent[:-9], 10**6)
    assert resident() - before < 8_000_000


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate", "gzip, gzip", "compress"])
def test_a_coding_that_was_not_asked_for_is_refused(coding: str) -> None:
    with pytest.raises(DecodingError, match="not asked for"):
        BoundedDecoder(coding, LIMIT)
