import hashlib
import zlib

import pytest

from fakepypi.distributions.content import (
    BytesContent,
    Digests,
    FlippedContent,
    GeneratedContent,
    JoinedContent,
    SlicedContent,
)


def test_generated_bytes_are_the_same_however_they_are_cut() -> None:
    content = GeneratedContent(300_000, "seed")
    whole = content.read(0, 300_000)
    assert len(whole) == 300_000
    for offset, length in [(0, 1), (65_535, 2), (65_536, 65_536), (100_000, 200_000), (299_999, 1)]:
        assert content.read(offset, length) == whole[offset : offset + length]


def test_generated_bytes_depend_on_the_seed_and_do_not_shrink() -> None:
    one, other = (GeneratedContent(300_000, seed).read(0, 300_000) for seed in ("one", "other"))
    assert one != other
    assert len(zlib.compress(one, 9)) > 299_000


def test_gigabytes_need_no_memory() -> None:
    content = GeneratedContent(10**15, "large")
    assert content.size == 10**15
    assert len(content.read(10**15 - 100, 100)) == 100


def test_joined_sliced_and_flipped_contents_read_like_bytes() -> None:
    joined = JoinedContent([BytesContent(b"abc"), BytesContent(b""), BytesContent(b"defgh")])
    assert joined.size == 8
    assert [joined.read(o, n) for o, n in [(0, 8), (2, 2), (3, 5), (7, 1)]] == [
        b"abcdefgh",
        b"cd",
        b"defgh",
        b"h",
    ]
    assert SlicedContent(joined, 2, 4).read(1, 2) == b"de"
    flipped = FlippedContent(joined, 2)
    assert flipped.read(0, 8) == b"abbdefgh"
    assert flipped.read(3, 5) == b"defgh"


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024 + 1])
def test_digests_are_those_of_the_whole_content(size: int) -> None:
    data = GeneratedContent(size, "seed").read(0, size)
    digests = Digests.of(BytesContent(data))
    assert digests.sha256 == hashlib.sha256(data).hexdigest()
    assert digests.blake2b_256 == hashlib.blake2b(data, digest_size=32).hexdigest()
