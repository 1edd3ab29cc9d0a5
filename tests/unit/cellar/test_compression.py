"""Compressing what is stored once and sent many times."""

import gzip
import zlib as standard
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar import compression, libdeflate
from unit.cellar.support import PAGES, resident

BODY = (PAGES / "pypi.json").read_bytes()
LIBDEFLATE = libdeflate.compressor(5)
WAYS = pytest.mark.parametrize(
    "compress", [LIBDEFLATE, compression.zlib], ids=["libdeflate", "zlib"]
)

Compress = Callable[[bytes], bytes]


def test_an_appliance_compresses_with_libdeflate() -> None:
    assert LIBDEFLATE, "These tests need libdeflate: run `apt-get install libdeflate0`."
    assert compression.compress(BODY) == LIBDEFLATE(BODY)


def test_without_libdeflate_there_is_still_gzip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libdeflate, "_LIBRARY", "libdeflate.so.none")
    assert libdeflate.compressor(5) is None
    assert libdeflate.decompressor() is None


@WAYS
@given(body=st.binary() | st.binary(max_size=20).map(lambda piece: piece * 5000))
def test_a_body_comes_back_whole_from_one_gzip_member(compress: Compress, body: bytes) -> None:
    sent = compress(body)
    decoder = standard.decompressobj(31)
    assert decoder.decompress(sent) + decoder.flush() == body
    assert decoder.eof
    assert decoder.unused_data == b""
    assert sent[4:8] == bytes(4), "the time in the header of gzip (RFC 1952 section 2.3)"


@WAYS
def test_threads_do_not_disturb_each_other(compress: Compress) -> None:
    bodies = [bytes([number]) + BODY * number for number in range(1, 60)]
    with ThreadPoolExecutor(8) as pool:
        assert [gzip.decompress(sent) for sent in pool.map(compress, bodies)] == bodies


def test_compressing_again_and_again_takes_no_more_memory() -> None:
    body = BODY * 100
    compression.compress(body)
    before = resident()
    for _ in range(300):
        compression.compress(body)
    assert resident() - before < 8_000_000


def test_libdeflate_makes_pages_smaller_than_zlib_does() -> None:
    assert len(compression.compress(BODY)) < len(compression.zlib(BODY))
