"""Files: the very bytes, from one upstream fetch, and whatever part of them is asked for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from support.door import max_age
from support.fixtures import DOORS

if TYPE_CHECKING:
    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Names
    from support.door import OpenDoor

MIB = 1024 * 1024
BIG = 19 * MIB + 12345


@pytest.fixture
def big(fakepypi: FakePyPI, project: str) -> PublishedFile:
    """Publish a file of three slices, the last one short."""
    name = f"{project}-1.0-py3-none-any.whl"
    return fakepypi.publish(project, "1.0", kind="blob", filename=name, size=BIG)


def blake2b(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=32).hexdigest()


# One case a line: the range, and the bytes of a file of 5,000 and some that it means (RFC 9110,
# section 14). None: the whole file and status 200.
RANGES: list[tuple[str, slice | None]] = [
    ("bytes=0-0", slice(0, 1)),
    ("bytes=0-99", slice(0, 100)),
    ("bytes=1000-1999", slice(1000, 2000)),
    ("bytes=4000-", slice(4000, None)),
    ("bytes=-500", slice(-500, None)),
    ("bytes=-99999999", slice(0, None)),
    ("bytes=100-99999999", slice(100, None)),
    ("lines=1-2", None),
    ("bytes=9-3", None),
]


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize(("wanted", "part"), RANGES, ids=[wanted for wanted, _ in RANGES])
def test_a_range_is_the_part_of_the_file_that_it_says(
    files: OpenDoor,
    upstream: OpenDoor,
    names: Names,
    published: PublishedFile,
    wanted: str,
    part: slice | None,
    *,
    warm: bool,
) -> None:
    """Poetry and uv read metadata out of wheels by ranges; pip resumes by them."""
    whole = upstream(names.files).ask(published.path).content
    if warm:
        files("index").ask(published.path)
    answer = files("index").ask(published.path, {"Range": wanted})
    if part is None:
        assert (answer.status_code, answer.content) in [(200, whole), (416, answer.content)]
        return
    start, stop, _ = part.indices(len(whole))
    assert (answer.status_code, answer.content) == (206, whole[part])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(whole)}"


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_several_ranges_are_answered_with_nothing_wrong(
    files: OpenDoor, upstream: OpenDoor, names: Names, published: PublishedFile, *, warm: bool
) -> None:
    """No installer asks for several; whole or in parts, what comes must be the file's bytes."""
    whole = upstream(names.files).ask(published.path).content
    if warm:
        files("index").ask(published.path)
    answer = files("index").ask(published.path, {"Range": "bytes=0-9,100-109"})
    if answer.status_code == 200:
        assert answer.content == whole
    else:
        assert answer.status_code == 206
        assert answer.headers["Content-Type"].startswith("multipart/byteranges")
        assert whole[0:10] in answer.content
        assert whole[100:110] in answer.content


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_a_range_beyond_the_end_is_refused(
    files: OpenDoor, published: PublishedFile, *, warm: bool
) -> None:
    """pip resumes a download that was complete already."""
    if warm:
        files("index").ask(published.path)
    answer = files("index").ask(published.path, {"Range": f"bytes={published.size}-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{published.size}"
    assert files("index").ask(published.path).status_code == 200


@pytest.mark.parametrize("door", DOORS)
def test_a_broken_download_is_resumed_only_if_it_is_the_same_file(
    files: OpenDoor, published: PublishedFile, door: str
) -> None:
    """pip sends the ETag of the first part in If-Range."""
    whole = files(door).ask(published.path)
    wanted = {"Range": "bytes=100-"}
    same = files(door).ask(published.path, {**wanted, "If-Range": whole.headers["ETag"]})
    assert (same.status_code, same.content) == (206, whole.content[100:])
    other = files(door).ask(published.path, {**wanted, "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, whole.content)


@pytest.mark.parametrize("door", DOORS)
def test_the_etag_is_strong_and_the_same_for_the_whole_and_its_parts(
    files: OpenDoor, published: PublishedFile, door: str
) -> None:
    answers = [
        files(door).ask(published.path, headers)
        for headers in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=-9"})
    ]
    (etag,) = {answer.headers["ETag"] for answer in answers}
    assert etag.startswith('"')


def test_head_of_a_big_file_tells_its_length_and_fetches_nothing_of_it(
    files: OpenDoor, fakepypi: FakePyPI, big: PublishedFile
) -> None:
    """uv and pip ask so before they read a wheel's end; a cold wheel may have gigabytes."""
    answer = files("index").ask(big.path, method="HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(BIG)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert fakepypi.bytes_sent(path=big.path) == 0


def test_an_upstream_whose_etag_changes_with_every_request_cuts_no_download(
    files: OpenDoor, fakepypi: FakePyPI, big: PublishedFile
) -> None:
    """PyPI's two stores have ETags of their own; the path is the content."""
    with fakepypi.behaving("files", big.path, changing_etag=True):
        answer = files("index").ask(big.path)
    assert blake2b(answer.content) == big.blake2b_256


def test_an_upstream_that_ignores_ranges_serves_whole_files(
    files: OpenDoor, fakepypi: FakePyPI, big: PublishedFile
) -> None:
    with fakepypi.behaving("files", big.path, ignore_range=True):
        answers = [files("index").ask(big.path) for _ in range(2)]
    assert {blake2b(answer.content) for answer in answers} == {big.blake2b_256}
    assert fakepypi.bytes_sent(path=big.path) == BIG


ENCODINGS = ["identity", "gzip", "gzip, deflate", "zstd,gzip,deflate", "br", "*"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_files_and_their_metadata_are_never_compressed(
    files: OpenDoor, upstream: OpenDoor, names: Names, published: PublishedFile, encoding: str
) -> None:
    """PDM accepts gzip on files; pip refuses metadata that is not the wheel's own, to the byte."""
    for path in (published.path, str(published.metadata_path)):
        own = upstream(names.files).ask(path, {"Accept-Encoding": "identity"}).content
        answer = files("index").ask(path, {"Accept-Encoding": encoding})
        assert "Content-Encoding" not in answer.headers
        assert answer.headers["Content-Length"] == str(len(own))
        assert answer.content == own


def test_metadata_is_fetched_once_whatever_clients_accept(
    files: OpenDoor, fakepypi: FakePyPI, published: PublishedFile
) -> None:
    path = str(published.metadata_path)
    for encoding in ENCODINGS:
        files("index").ask(path, {"Accept-Encoding": encoding})
    assert fakepypi.totals(path=path).requests == 1


@pytest.mark.parametrize("kind", ["path", "metadata_path"])
@pytest.mark.parametrize("door", DOORS)
def test_files_are_for_ever(
    files: OpenDoor, published: PublishedFile, door: str, kind: str
) -> None:
    """The path is the content: whoever has it need not ask again."""
    path = getattr(published, kind)
    for headers, status in (({}, 200), ({"Range": "bytes=0-9"}, 206)):
        answer = files(door).ask(path, headers)
        assert answer.status_code == status
        assert "immutable" in answer.headers["Cache-Control"]
        assert max_age(answer) >= 365 * 86400
        assert not {"Set-Cookie", "Vary", "Via", "Age", "Expires"} & answer.headers.keys()


def test_a_missing_file_is_not_for_ever_and_asked_for_once_a_minute_at_most(
    files: OpenDoor, fakepypi: FakePyPI, project: str
) -> None:
    path = f"/packages/{'00'}/{'11'}/{'2' * 60}/{project}-1.0-py3-none-any.whl"
    answers = [files(door).ask(path) for door in (*DOORS, *DOORS)]
    assert [answer.status_code for answer in answers] == [404] * 4
    for answer in answers:
        assert "immutable" not in answer.headers.get("Cache-Control", "")
    assert fakepypi.totals(path=path, method="GET").requests == 1


ODD_VERSIONS = ["1.0+local.2", "1!2.0", "1!2.0+local", "2.0~rc1"]


@pytest.mark.parametrize("version", ODD_VERSIONS)
@pytest.mark.parametrize("door", DOORS)
def test_files_with_odd_names_are_found_by_the_urls_of_their_page(
    pages: OpenDoor, files: OpenDoor, fakepypi: FakePyPI, project: str, door: str, version: str
) -> None:
    """Local versions have a `+`, epochs a `!`: both are themselves in a path (RFC 3986)."""
    name = f"{project}-{version}-py3-none-any.whl"
    file = fakepypi.publish(project, version, kind="blob", filename=name, size=3000)
    (entry,) = pages(door).page(project).json()["files"]
    path = "/packages/" + entry["url"].partition("/packages/")[2]
    for asked in (path, path.replace("+", "%2B").replace("!", "%21")):
        answer = files(door).ask(asked)
        assert (answer.status_code, blake2b(answer.content)) == (200, file.blake2b_256)
    assert fakepypi.totals(path=file.path, method="GET").requests == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("door", DOORS)
def test_files_are_only_read(
    files: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, door: str, method: str
) -> None:
    answer = files(door).ask(published.path, method=method, body=b"x")
    assert (answer.status_code, answer.headers.get("Allow")) == (405, "GET, HEAD")
    assert fakepypi.totals(path=published.path).requests == 0
