"""What is compressed before it is known to be the answer is never taken for the answer."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cellar import compression
from cellar.compression import Ahead
from unit.cellar.rewriting import PATHS, Start, answer
from unit.cellar.several import SEVERAL, Upstreams, file, page
from unit.cellar.support import FILE_RULE, hashed_path

PATHS_OF_JSON = [
    *(path for path in PATHS if "/json/" in path),
    "/unfiltered/json/simple/an-example/",
    "/index/json/snapshot/2024-03-01/simple/an-example/",
    "/intercept/pypi/an-example/json",
]
ALWAYS, NEVER = 0, 10**9
THREADS = ThreadPoolExecutor(1)
BODIES = [b"likely" * 30_000, b"right" * 30_000]


@pytest.fixture
def compressed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return what will hold all bodies that have been compressed."""
    bodies: list[bytes] = []
    compress = compression.compress

    def noted(body: bytes) -> bytes:
        sent = compress(body)
        bodies.append(body)
        return sent

    monkeypatch.setattr(compression, "compress", noted)
    return bodies


def test_the_right_body_comes_back_whatever_was_begun_with(compressed: list[bytes]) -> None:
    likely, right = BODIES
    for begun, count in ((None, 1), (likely, 2), (right, 1)):
        compressed.clear()
        with Ahead(THREADS) as ahead:
            if begun is not None:
                ahead.begin(begun)
            assert gzip.decompress(ahead.compress(right)) == right
        assert len(compressed) == count


def test_equal_bytes_are_the_same_whether_they_were_begun_with_or_not() -> None:
    with Ahead(THREADS) as ahead:
        ahead.begin(BODIES[0])
        assert ahead.compress(bytes(bytearray(BODIES[0]))) == compression.compress(BODIES[0])


@pytest.mark.parametrize("size", [0, 1_000, 20_000_000])
def test_no_thread_is_taken_for_a_small_body_and_no_memory_for_a_huge_one(
    compressed: list[bytes], size: int
) -> None:
    with Ahead(THREADS) as ahead:
        ahead.begin(bytes(size))
    assert compressed == []


def test_nothing_goes_on_after_the_end_even_if_that_is_an_error(compressed: list[bytes]) -> None:
    def fail() -> None:
        with Ahead(THREADS) as ahead:
            ahead.begin(BODIES[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert compressed == BODIES[:1]


def of_pypi(filename: str, **more: Any) -> dict[str, Any]:
    url = f"https://files.example/packages/{hashed_path(filename)}"
    return {**file(filename), "url": url, "upload-time": "2024-02-01T00:00:00Z", **more}


def rule(**changes: Any) -> dict[str, Any]:
    return {**FILE_RULE, "name": "a-rule", "younger_than_days": 0, **changes}


FILES = [of_pypi("an_example-1.zip", size=1), of_pypi("an_example-2.zip", size=2)]
BODY = page("an-example", *FILES, info={"name": "an-example"})
ELSEWHERE = file("an_example-3.zip", host="https://elsewhere.example/")
RELATIVE = {**FILES[0], "url": "../../an_example-1.zip"}

# Bodies and settings for which what seems likely at the first glance is right, and some for which
# it is not.
PAGES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "a page as most are": (BODY, {}),
    "files that are not cached": (page("an-example", ELSEWHERE, *FILES), {}),
    "a relative URL": (page("an-example", *FILES, RELATIVE), {}),
    "escapes": (BODY.replace(b"/", rb"\/"), {}),
    "a byte order mark": (b"\xef\xbb\xbf" + BODY, {}),
    "another key url": (page("an-example", *FILES, x={"url": FILES[0]["url"]}), {}),
    "another key url, and a file's in disguise": (
        page("an-example", FILES[0], x={"url": FILES[0]["url"]}).replace(b'"url', rb'"\u0075rl', 1),
        {},
    ),
    "a hidden file": (BODY, {"file_rules": [rule(answer="hide", versions="==2")]}),
    "a refused project": (BODY, {"file_rules": [rule(answer="refuse", projects=["an-*"])]}),
    "a file that upstream sends": (BODY, {"files": {"size_limit": 1, "over_limit": "redirect"}}),
    "a page of another project": (BODY.replace(b"an-example", b"another"), {}),
    "half of a page": (BODY[:-20], {}),
    "no UTF-8": (BODY.replace(b"zip", b"\xff\xfe"), {}),
    "HTML": (b'<title>an-example</title><a href="an_example-1.zip">an_example-1.zip</a>', {}),
}


@pytest.mark.parametrize("path", PATHS_OF_JSON)
@pytest.mark.parametrize(("body", "changes"), PAGES.values(), ids=PAGES.keys())
def test_an_answer_is_the_same_whether_it_was_begun_before_it_was_certain(
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: bytes,
    changes: dict[str, Any],
) -> None:
    answers = []
    for size in (NEVER, ALWAYS):
        monkeypatch.setattr(compression, "_WORTH_A_THREAD", size)
        response = start(answer(body=body), **changes).ask(path)
        answers.append((response.status_code, sorted(response.headers.items()), response.content))
    assert answers[0] == answers[1]


def test_files_of_another_index_are_found_below_their_own_hashes(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compression, "_WORTH_A_THREAD", ALWAYS)
    digest = "0a" * 32
    hashed = file(
        "acme-1.zip", host="https://packages.acme.example/files/", hashes={"sha256": digest}
    )
    rewriter = start(Upstreams(acme=page("acme", hashed)), **SEVERAL)
    (shown,) = rewriter.ask("/index/json/simple/acme/").json()["files"]
    assert shown["url"] == f"../../files/packages.acme.example/{digest}/files/acme-1.zip"


@pytest.mark.parametrize("path", [p for p in PATHS_OF_JSON if "snapshot" not in p])
def test_a_page_as_most_are_is_compressed_once(
    start: Start, monkeypatch: pytest.MonkeyPatch, compressed: list[bytes], path: str
) -> None:
    monkeypatch.setattr(compression, "_WORTH_A_THREAD", ALWAYS)
    assert start(answer(body=BODY)).ask(path).status_code == 200
    assert len(compressed) == 1


def test_a_page_is_begun_with_before_it_is_read(
    start: Start, monkeypatch: pytest.MonkeyPatch, compressed: list[bytes]
) -> None:
    monkeypatch.setattr(compression, "_WORTH_A_THREAD", ALWAYS)
    assert start(answer(body=BODY[:-20])).ask(PATHS[0]).status_code == 503
    assert len(compressed) == 1
