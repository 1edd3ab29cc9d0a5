"""Compressing what is stored once and sent many times."""

import gzip
import random
import zlib as standard
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar import compression, isal
from unit.cellar.support import PAGES, resident

BODY = (PAGES / "pypi.json").read_bytes()
ISAL = isal.compressor()
WAYS = pytest.mark.parametrize("compress", [ISAL, compression.zlib], ids=["isal", "zlib"])

Compress = Callable[[bytes], bytes]


def test_an_appliance_compresses_with_isal() -> None:
    assert ISAL, "These tests need libisal2: run `apt-get install libisal2`."
    assert compression.compress(BODY) == ISAL(BODY) != compression.zlib(BODY)


# Of the last one no function is called.
@pytest.mark.parametrize("library", ["libisal.so.none", "libc.so.6"])
def test_without_isal_there_is_still_gzip(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setattr(isal, "_LIBRARY", library)
    monkeypatch.setattr(compression, "_compress", isal.compressor())
    assert compression.compress(BODY) == compression.zlib(BODY)


@WAYS
@given(body=st.binary() | st.binary(max_size=20).map(lambda piece: piece * 5000))
def test_a_body_comes_back_whole_from_one_gzip_member(compress: Compress, body: bytes) -> None:
    sent = compress(body)
    decoder = standard.decompressobj(31)
    assert decoder.decompress(sent) + decoder.flush() == body
    assert decoder.eof
    assert decoder.unused_data == b""
    assert sent[4:8] == bytes(4), "the time in the header of gzip (RFC 1952 section 2.3)"


# Around the sizes of blocks that are stored, and one of the largest bodies.
@WAYS
@pytest.mark.parametrize("size", [0, 1, 65_534, 65_535, 65_536, 131_070, 131_071, 40_000_000])
@pytest.mark.parametrize("kind", ["noise", "zeros", "a page"])
def test_a_body_of_any_size_comes_back_whole(compress: Compress, kind: str, size: int) -> None:
    piece = {
        "noise": random.Random(size).randbytes(1_000_000),
        "zeros": bytes(1_000_000),
        "a page": BODY,
    }[kind]
    body = (piece * (size // len(piece) + 1))[:size]
    assert gzip.decompress(compress(body)) == body


def test_what_isal_cannot_compress_is_compressed_by_the_standard_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The real limit is of 2 GiB.
    monkeypatch.setattr(isal, "_TOO_LONG", len(BODY))
    assert compression.compress(BODY) == compression.zlib(BODY)
    assert compression.compress(BODY[1:]) != compression.zlib(BODY[1:])


@WAYS
def test_threads_do_not_disturb_each_other(compress: Compress) -> None:
    bodies = [bytes([number]) + BODY * number for number in range(1, 60)]
    with ThreadPoolExecutor(8) as pool:
        assert [gzip.decompress(sent) for sent in pool.map(compress, bodies)] == bodies


def test_equal_bodies_are_equal_bytes_whatever_was_compressed_before() -> None:
    sent = compression.compress(BODY)
    compression.compress(bytes(1_000_000))
    assert compression.compress(bytes(bytearray(BODY))) == sent


def test_compressing_again_and_again_takes_no_more_memory() -> None:
    body = BODY * 100
    compression.compress(body)
    before = resident()
    for _ in range(300):
        compression.compress(body)
    assert resident() - before < 8_000_000


def test_isal_makes_pages_no_larger_than_zlib_does_by_a_tenth() -> None:
    assert len(compression.compress(BODY)) < 1.1 * len(compression.zlib(BODY))
