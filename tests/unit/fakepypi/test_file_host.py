"""PyPI's file host as clients.md, section 3, describes it; expectations are written out."""

import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable
from functools import partial

import pytest

from fakepypi.client import FakePyPI
from fakepypi.raw import Answer

Ask = Callable[..., Answer]

FILE_HEADERS = {
    "cache-control": "max-age=365000000, immutable, public",
    "accept-ranges": "bytes",
    "last-modified": "Sun, 01 Mar 2026 12:00:00 GMT",
    "access-control-allow-origin": "*",
}


def test_a_files_path_is_its_own_blake2b_digest(upstream: FakePyPI, ask_files: Ask) -> None:
    file = upstream.publish("demo", "1.0", padding=1000)
    body = ask_files(file.path).body
    digest = hashlib.blake2b(body, digest_size=32).hexdigest()
    assert file.path == f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{file.filename}"
    assert (file.size, file.sha256) == (len(body), hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("accept_encoding", ["identity", "gzip, deflate"])
def test_files_are_immutable_and_never_compressed(
    upstream: FakePyPI, ask_files: Ask, accept_encoding: str
) -> None:
    file = upstream.publish("demo", "1.0", upload_time="2026-03-01T12:00:00Z")
    answer = ask_files(file.path, {"Accept-Encoding": accept_encoding})
    assert answer.status == 200
    assert answer.headers.items() >= FILE_HEADERS.items()
    assert answer.headers["content-length"] == str(file.size)
    assert not {"content-encoding", "vary"} & answer.headers.keys()


def test_files_are_never_answered_with_304(upstream: FakePyPI, ask_files: Ask) -> None:
    file = upstream.publish("demo", "1.0")
    first = ask_files(file.path)
    known = {
        "If-None-Match": first.headers["etag"],
        "If-Modified-Since": first.headers["last-modified"],
    }
    again = ask_files(file.path, known)
    assert (again.status, again.body) == (200, first.body)


def test_metadata_is_the_wheels_own_and_compressed_if_asked(
    upstream: FakePyPI, ask_files: Ask
) -> None:
    file = upstream.publish("demo", "1.0", requires=["dep"])
    plain = ask_files(f"{file.path}.metadata")
    packed = ask_files(f"{file.path}.metadata", {"Accept-Encoding": "zstd,gzip,deflate"})
    with zipfile.ZipFile(io.BytesIO(ask_files(file.path).body)) as wheel:
        assert plain.body == wheel.read("demo-1.0.dist-info/METADATA")
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert plain.headers["cache-control"] == FILE_HEADERS["cache-control"]


def test_there_is_no_metadata_beside_sdists_and_where_it_was_refused(
    upstream: FakePyPI, ask_files: Ask
) -> None:
    sdist = upstream.publish("demo", "1.0", kind="sdist")
    wheel = upstream.publish("demo", "1.0", core_metadata=False)
    assert sdist.metadata_path is wheel.metadata_path is None
    assert [ask_files(f"{f.path}.metadata").status for f in (sdist, wheel)] == [404, 404]


@pytest.fixture
def ask_thousand(upstream: FakePyPI, ask_files: Ask) -> Ask:
    """Ask for a file of 1000 bytes."""
    file = upstream.publish("demo", "1.0", kind="blob", filename="demo.whl", size=1000)
    return partial(ask_files, file.path)


@pytest.mark.parametrize(
    ("header", "status", "content_range", "expected"),
    [
        ("bytes=0-9", 206, "bytes 0-9/1000", slice(0, 10)),
        ("bytes=10-", 206, "bytes 10-999/1000", slice(10, 1000)),
        ("bytes=-10", 206, "bytes 990-999/1000", slice(990, 1000)),
        ("bytes=-2000", 206, "bytes 0-999/1000", slice(0, 1000)),
        ("bytes=5-2000", 206, "bytes 5-999/1000", slice(5, 1000)),
        ("bytes=9-5", 200, None, slice(0, 1000)),
        ("bytes=-", 200, None, slice(0, 1000)),
        ("lines=0-9", 200, None, slice(0, 1000)),
        ("bytes=0-9;1", 200, None, slice(0, 1000)),
    ],
)
def test_ranges_are_cut_exactly(
    ask_thousand: Ask, header: str, status: int, content_range: str | None, expected: slice
) -> None:
    whole = ask_thousand()
    part = ask_thousand({"Range": header})
    assert (part.status, part.headers.get("content-range")) == (status, content_range)
    assert part.body == whole.body[expected]
    assert part.headers["etag"] == whole.headers["etag"]
    assert part.headers["cache-control"] == FILE_HEADERS["cache-control"]


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=-0", "bytes=1000-1001,2000-"])
def test_ranges_beyond_the_end_are_refused_with_the_size(ask_thousand: Ask, header: str) -> None:
    answer = ask_thousand({"Range": header})
    assert (answer.status, answer.headers["content-range"]) == (416, "bytes */1000")
    assert "cache-control" not in answer.headers


def test_several_ranges_come_as_multipart(upstream: FakePyPI, ask_files: Ask) -> None:
    file = upstream.publish("demo", "1.0")
    whole = ask_files(file.path).body
    answer = ask_files(file.path, {"Range": "bytes=0-3, -2"})
    kind, _, boundary = answer.headers["content-type"].partition("; boundary=")
    assert (answer.status, kind) == (206, "multipart/byteranges")
    head = b"Content-Type: application/octet-stream\r\nContent-Range: bytes "
    size = str(file.size).encode()
    first, second = whole[:4], whole[-2:]
    tail = f"{file.size - 2}-{file.size - 1}/".encode() + size
    mark = b"\r\n--" + boundary.encode()
    parts = [b"", b"\r\n" + head + b"0-3/" + size + b"\r\n\r\n" + first]
    parts += [b"\r\n" + head + tail + b"\r\n\r\n" + second, b"--\r\n"]
    assert answer.body == mark.join(parts)
    assert answer.headers["content-length"] == str(len(answer.body))


def test_if_range_decides_between_part_and_whole(upstream: FakePyPI, ask_files: Ask) -> None:
    file = upstream.publish("demo", "1.0")
    same = ask_files(file.path).headers["etag"]
    assert ask_files(file.path, {"Range": "bytes=0-3", "If-Range": same}).status == 206
    assert ask_files(file.path, {"Range": "bytes=0-3", "If-Range": '"other"'}).status == 200


def test_only_get_head_and_options_are_allowed(upstream: FakePyPI, ask_files: Ask) -> None:
    file = upstream.publish("demo", "1.0")
    head = ask_files(file.path, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(file.size)
    assert head.headers["accept-ranges"] == "bytes"
    assert ask_files(file.path, method="OPTIONS").status == 200
    for method in ("POST", "PUT", "DELETE"):
        refused = ask_files(file.path, method=method)
        assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_queries_are_ignored(upstream: FakePyPI, ask_files: Ask) -> None:
    file = upstream.publish("demo", "1.0")
    assert ask_files(f"{file.path}?cache=bust").body == ask_files(file.path).body


@pytest.mark.parametrize(("version", "written"), [("1.0+cu128", "%2B"), ("1!2.0", "%21")])
def test_odd_versions_are_found_raw_and_escaped(
    upstream: FakePyPI, ask_files: Ask, version: str, written: str
) -> None:
    file = upstream.publish("demo", version)
    escaped = file.path.replace("+", "%2B").replace("!", "%21")
    assert written in escaped
    assert [ask_files(path).status for path in (file.path, escaped)] == [200, 200]
    assert upstream.requests(host="files")[1].target == escaped


def test_old_paths_redirect_to_the_hashed_one(upstream: FakePyPI, ask_files: Ask) -> None:
    file = upstream.publish("Demo.Name", "1.0", kind="sdist")
    answer = ask_files(f"/packages/source/D/Demo.Name/{file.filename}")
    assert (answer.status, answer.headers["location"]) == (302, file.path)
    assert "cache-control" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/", "/simple/demo/", "/packages/00/00/00/x.whl", "/packages/source/d/demo/no.tar.gz"]
)
def test_anything_else_is_not_found_and_not_cacheable(ask_files: Ask, path: str) -> None:
    answer = ask_files(path)
    assert answer.status == 404
    assert "cache-control" not in answer.headers


def test_a_blob_of_gigabytes_is_served_by_range(upstream: FakePyPI, ask_files: Ask) -> None:
    file = upstream.publish("large", "1.0", kind="blob", filename="large.whl", size=100_000_000)
    tail = ask_files(file.path, {"Range": "bytes=-1000"})
    middle = ask_files(file.path, {"Range": "bytes=99999000-99999999"})
    assert len(tail.body) == 1000
    assert tail.body == middle.body
    assert upstream.bytes_sent(host="files") == 2000
