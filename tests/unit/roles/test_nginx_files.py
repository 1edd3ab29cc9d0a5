"""What nginx does with files: which are kept, what upstream is asked for, and what it costs."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from unit.roles.engine import Answer, Engine, Request, running
from unit.roles.variants import FILES_HOST, INDEX_HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SLICE = 1 << 20
LEAST, GREATER = 2000, 31000
VARIABLES: dict[str, Any] = {
    "cellar_slice_size": "1m",
    "__cellar_checks_files": True,
    "__cellar_least_file_limit": str(LEAST),
    "__cellar_file_limits": [
        {"bytes": LEAST, "pattern": "(?:[0-9]{1,3}|1[0-9]{3}|2000)"},
        {"bytes": GREATER, "pattern": "(?:[0-9]{1,4}|[12][0-9]{4}|30[0-9]{3}|31000)"},
    ],
    "__cellar_file_zones": [
        {"name": "nightly", "max_size": "1g", "unused_days": 7},
        {"name": "pinned", "max_size": "", "unused_days": 0},
    ],
}


@pytest.fixture(scope="module")
def engine(nginx_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running(nginx_program, tmp_path_factory.mktemp("engine"), **VARIABLES) as engine:
        yield engine


def stored(engine: Engine) -> set[str]:
    """Return everything that is in the cache."""
    cache = engine.directory / "cache"
    return {str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file()}


def path_of(name: str, content: bytes) -> str:
    digest = hashlib.blake2b(content + name.encode(), digest_size=32).hexdigest()
    return f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{name}"


def told(**headers: str) -> Answer:
    fields = {f"X-File-{name.title()}": value for name, value in headers.items()}
    return Answer(headers={**fields, "Cache-Control": "max-age=60"})


def forbidden(answer: str, **headers: str) -> Answer:
    fields = {f"X-File-{name.title()}": value for name, value in headers.items()}
    return Answer(
        status=403,
        reason="Forbidden",
        headers={**fields, "X-File-Answer": answer, "Cache-Control": "max-age=60"},
        body=b"Refused because of a rule.",
    )


def serving(content: bytes) -> Callable[[Request], Answer]:
    """Return the answers of a file host, ranges included (RFC 9110 section 14)."""

    def give(request: Request) -> Answer:
        common = {"Accept-Ranges": "bytes", "ETag": '"upstream"'}
        one = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
        if one is None or request.method == "HEAD":
            return Answer(headers=common, body=content)
        start, stop = int(one[1]), min(int(one[2]) + 1, len(content))
        if start >= len(content):
            return Answer(status=416, reason="Range Not Satisfiable", headers=common)
        whole = {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
        part = content[start:stop]
        return Answer(status=206, reason="Partial Content", headers=common | whole, body=part)

    return give


def filled(size: int) -> bytes:
    return bytes(range(256)) * (size // 256) + b"x" * (size % 256)


def fetched(engine: Engine, path: str) -> list[tuple[str, str]]:
    return [(r.method, r.headers.get("range", "")) for r in engine.pypi.asked(path)]


@pytest.fixture
def content(engine: Engine) -> bytes:
    """Return what the file host has at every path: a little more than three slices."""
    content = filled(3 * SLICE + 5)
    engine.pypi.answer = serving(content)
    engine.rewriter.answer = lambda _: told(limit="none", zone="files")
    return content


@pytest.fixture
def path(request: pytest.FixtureRequest, content: bytes) -> str:
    """Return a path that nobody has asked for yet."""
    return path_of(f"demo-1.0-{request.node.name.encode().hex()[-60:]}.whl", content)


DOORS = pytest.mark.parametrize("host", ["cellar.example", FILES_HOST])


@DOORS
def test_the_length_of_a_file_is_told_without_fetching_the_file(
    engine: Engine, host: str, path: str
) -> None:
    first = engine.ask(path, host, method="HEAD")
    again = engine.ask(path, host, method="HEAD")

    for answer in (first, again):
        assert (answer.status, answer.headers["content-length"]) == (200, str(3 * SLICE + 5))
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["etag"] == f'"{path}"'
    assert fetched(engine, path) == [("HEAD", "")]


def test_the_rewriter_learns_lengths_from_what_the_doors_know_and_the_other_way_round(
    engine: Engine, path: str
) -> None:
    told_to_it = engine.ask_internally(f"/heads/pypi{path}", method="HEAD")
    at_the_door = engine.ask(path, method="HEAD")

    assert told_to_it.headers["content-length"] == at_the_door.headers["content-length"]
    assert at_the_door.headers["x-cache"] == "HIT"
    assert fetched(engine, path) == [("HEAD", "")]
    assert engine.ask_internally(f"/heads/pypi{path}").status == 405


def test_a_length_of_a_file_seen_before_is_told_without_upstream(engine: Engine, path: str) -> None:
    engine.ask(path)
    engine.pypi.answer = lambda _: Answer(status=502, reason="Bad Gateway")

    answer = engine.ask(path, method="HEAD")

    assert (answer.status, answer.headers["content-length"]) == (200, str(3 * SLICE + 5))


def from_the_beginning(request: Request) -> Answer:
    """Say what the rewriter says of the last ten bytes."""
    if request.target.startswith("/range/"):
        assert request.headers["range"] == "bytes=-10"
        return told(range=f"bytes={3 * SLICE - 5}-{3 * SLICE + 4}")
    return told(limit="none", zone="files")


@DOORS
def test_the_end_of_a_cold_file_costs_the_slices_that_it_is_in(
    engine: Engine, host: str, path: str, content: bytes
) -> None:
    engine.rewriter.answer = from_the_beginning

    answer = engine.ask(path, host, Range="bytes=-10")

    assert (answer.status, answer.body) == (206, content[-10:])
    size = len(content)
    assert answer.headers["content-range"] == f"bytes {size - 10}-{size - 1}/{size}"
    assert answer.headers["etag"] == f'"{path}"'
    assert fetched(engine, path) == [
        ("GET", f"bytes={2 * SLICE}-{3 * SLICE - 1}"),
        ("GET", f"bytes={3 * SLICE}-{4 * SLICE - 1}"),
    ]


def test_the_end_of_a_file_is_served_without_the_rewriter_too(
    engine: Engine, path: str, content: bytes
) -> None:
    engine.rewriter.answer = lambda _: Answer(status=503, reason="Service Unavailable")

    assert engine.ask(path, Range="bytes=-10").body == content[-10:]


def test_several_ranges_at_once_cost_those_ranges(engine: Engine, path: str) -> None:
    """Nginx itself would fetch and send the whole file."""
    parts = Answer(
        status=206,
        reason="Partial Content",
        headers={"Content-Type": "multipart/byteranges; boundary=x"},
        body=b"--x--",
    )
    engine.pypi.answer = lambda _: parts

    answer = engine.ask(path, Range="bytes=0-5, -3")

    assert (answer.status, answer.body) == (206, b"--x--")
    assert fetched(engine, path) == [("GET", "bytes=0-5, -3")]


def test_several_ranges_of_a_file_seen_before_are_answered_without_upstream(
    engine: Engine, path: str, content: bytes
) -> None:
    engine.ask(path)
    engine.pypi.answer = lambda _: Answer(status=502, reason="Bad Gateway")

    answer = engine.ask(path, Range="bytes=0-5, -3")

    # RFC 9110 section 14.2: whoever has a range asked of it may answer with the whole.
    assert (answer.status, answer.body) == (200, content)


@DOORS
def test_a_file_over_its_limit_is_passed_through_and_never_stored(
    engine: Engine, host: str, path: str, content: bytes
) -> None:
    engine.rewriter.answer = lambda _: forbidden("stream", target=path)
    before = stored(engine)

    whole = [engine.ask(path, host) for _ in range(2)]
    part = engine.ask(path, host, Range="bytes=5-9")
    head = engine.ask(path, host, method="HEAD")

    assert [(each.status, each.body) for each in whole] == [(200, content)] * 2
    assert (part.status, part.body) == (206, content[5:10])
    assert (head.status, head.headers["content-length"]) == (200, str(len(content)))
    assert {each.headers["etag"] for each in [*whole, part, head]} == {f'"{path}"'}
    assert fetched(engine, path) == [("GET", ""), ("GET", ""), ("GET", "bytes=5-9"), ("HEAD", "")]
    new = {name for name in stored(engine) - before if not name.startswith("oracle/")}
    assert new == set()


def test_a_broken_transfer_of_such_a_file_goes_on_where_it_ended(
    engine: Engine, path: str, content: bytes
) -> None:
    engine.rewriter.answer = lambda _: forbidden("stream", target=path)

    same = engine.ask(path, Range="bytes=100-", If_Range=f'"{path}"')
    other = engine.ask(path, Range="bytes=100-", If_Range='"another"')

    assert fetched(engine, path) == [("GET", "bytes=100-"), ("GET", "")]
    assert same.status == 200  # this upstream knows no open ranges and says so
    assert (other.status, other.body) == (200, content)


def test_clients_of_a_file_over_its_limit_do_not_wait_for_each_other(
    engine: Engine, path: str
) -> None:
    """Each of them gets its first byte when upstream has it, not after the one before it."""
    engine.rewriter.answer = lambda _: forbidden("stream", target=path)
    engine.ask(path)  # the rewriter has been asked
    engine.pypi.answer = lambda _: Answer(body=b"x", delay=1.0)
    engine.pypi.most_at_once = 0

    answers = engine.ask_at_once(20, path)

    assert {each.status for each in answers} == {200}
    assert engine.pypi.most_at_once == 20


def test_a_client_is_sent_to_upstream_where_that_works(
    engine: Engine, path: str, content: bytes
) -> None:
    """The names of the intercept door lead back to the appliance, so there it gets the file."""
    location = f"https://{FILES_HOST}{path}"
    engine.rewriter.answer = lambda _: forbidden("redirect", target=path, location=location)

    for options in ({}, {"method": "HEAD"}, {"Range": "bytes=-10"}, {"Range": "bytes=0-1,3-4"}):
        sent = engine.ask(path, **options)
        assert (sent.status, sent.headers["location"]) == (302, location), options
    assert engine.ask(path, FILES_HOST).body == content


@DOORS
def test_a_file_that_its_host_does_not_have_is_not_found(
    engine: Engine, host: str, path: str
) -> None:
    engine.rewriter.answer = lambda _: forbidden("absent")

    assert engine.ask(path, host).status == 404
    assert fetched(engine, path) == []


def test_an_old_path_leads_to_the_same_stored_file(
    engine: Engine, path: str, content: bytes
) -> None:
    old = "/packages/source/d/demo/demo-1.0.tar.gz"
    engine.rewriter.answer = lambda _: told(target=path, limit="none", zone="files")

    by_old_path = engine.ask(old, FILES_HOST)
    by_path = engine.ask(path)

    assert (by_old_path.status, by_old_path.body) == (200, content)
    assert by_old_path.headers["etag"] == by_path.headers["etag"] == f'"{path}"'
    assert by_path.headers["x-cache"] == "HIT"
    assert fetched(engine, old) == []
    assert len(fetched(engine, path)) == 4


def test_without_a_word_from_the_rewriter_a_file_is_served_and_the_lowest_limit_holds(
    engine: Engine, content: bytes
) -> None:
    engine.rewriter.answer = lambda _: Answer(status=503, reason="Service Unavailable")
    over, at = path_of("over-1.0.whl", content), path_of("at-1.0.whl", content)

    for path, body in ((over, filled(LEAST + 1)), (at, filled(LEAST))):
        engine.pypi.answer = serving(body)
        assert [engine.ask(path).body == body for _ in range(2)] == [True, True]

    assert len(fetched(engine, over)) == 2
    assert len(fetched(engine, at)) == 1


@pytest.mark.parametrize(
    ("limit", "size", "kept"),
    [
        (str(LEAST), LEAST, True),
        (str(LEAST), LEAST + 1, False),
        (str(GREATER), LEAST + 1, True),
        (str(GREATER), GREATER, True),
        (str(GREATER), GREATER + 1, False),
        ("none", GREATER + 1, True),
        # No limit of this appliance's: an answer of another policy's, or no number at all.
        ("123", LEAST, True),
        ("123", LEAST + 1, False),
        ("x", LEAST + 1, False),
        ("0", 1, False),
    ],
)
def test_what_arrives_is_kept_up_to_the_limit_to_the_byte_whatever_was_said_of_it(
    engine: Engine, limit: str, size: int, *, kept: bool
) -> None:
    body = filled(size)
    path = path_of(f"exact-{limit}-{size}.whl", body)
    engine.pypi.answer = serving(body)
    engine.rewriter.answer = lambda _: told(limit=limit, zone="files")

    answers = [engine.ask(path) for _ in range(2)]

    assert [each.body == body for each in answers] == [True, True]
    assert answers[1].headers["x-cache"] == ("HIT" if kept else "MISS")


def test_a_later_slice_that_comes_without_a_length_is_not_stored(
    engine: Engine, path: str, content: bytes
) -> None:
    """Nobody could tell whether it ended early: what is known only once it was asked for."""

    def give(request: Request) -> Answer:
        answer = serving(content)(request)
        later = request.headers.get("range") == f"bytes={SLICE}-{2 * SLICE - 1}"
        return replace(answer, measured=not later)

    engine.pypi.answer = give
    assert [engine.ask(path).body for _ in range(2)] == [content] * 2

    asked = [f"bytes={n * SLICE}-{(n + 1) * SLICE - 1}" for n in (0, 1, 1, 2, 3, 1, 1)]
    assert [wanted for _, wanted in fetched(engine, path)] == asked


@pytest.mark.parametrize(
    ("told_zone", "name", "folder"),
    [
        ("files", "a-1.0.whl", "files"),
        ("nightly", "b-1.0.whl", "zone-nightly"),
        ("pinned", "c-1.0.whl", "zone-pinned"),
        ("metadata", "d-1.0.whl.metadata", "metadata"),
        ("nobody's", "e-1.0.whl", "files"),
        ("", "f-1.0.whl.metadata", "metadata"),
    ],
)
def test_a_file_is_kept_in_the_zone_that_its_rule_names(
    engine: Engine, told_zone: str, name: str, folder: str
) -> None:
    """And in none that this appliance does not have."""
    engine.pypi.answer = serving(b"wheel")
    engine.rewriter.answer = lambda _: told(limit="none", zone=told_zone)
    before = stored(engine)

    engine.ask(path_of(name, b"wheel"))

    places = {entry.rsplit("/", 3)[0] for entry in stored(engine) - before}
    assert places - {"oracle"} == {folder}


def test_the_size_of_slices_can_be_changed_and_the_file_stays_whole(
    engine: Engine, path: str, content: bytes
) -> None:
    try:
        assert engine.ask(path).body == content
        engine.reload(cellar_slice_size="2m")
        after = engine.ask(path)
    finally:
        engine.reload(cellar_slice_size="1m")

    assert (after.status, after.body) == (200, content)
    assert fetched(engine, path)[4:] == [
        ("GET", f"bytes=0-{2 * SLICE - 1}"),
        ("GET", f"bytes={2 * SLICE}-{4 * SLICE - 1}"),
    ]
    assert engine.ask(path).headers["x-cache"] == "HIT"


@pytest.mark.parametrize("host", ["cellar.example", INDEX_HOST, FILES_HOST])
@pytest.mark.parametrize("value", ["cellar.example", "other.example, cellar.example;a=b"])
def test_a_request_that_comes_back_is_ended_by_a_sentence(
    engine: Engine, host: str, value: str
) -> None:
    answer = engine.ask("/anything", host, CDN_Loop=value)

    assert answer.status == 508
    assert b"cellar_dns_servers" in answer.body
    assert engine.ask("/healthz", CDN_Loop="notcellar.example").status == 200


def test_every_request_to_upstream_says_who_it_comes_through(engine: Engine, path: str) -> None:
    engine.pypi.answer = serving(b"wheel")
    engine.ask(path)
    engine.ask(path, method="HEAD")
    engine.ask("/anything", INDEX_HOST, CDN_Loop="other.example")
    engine.ask("/anything", FILES_HOST)

    said = [r.headers["cdn-loop"] for part in (path, "/anything") for r in engine.pypi.asked(part)]
    assert said == ["cellar.example"] * 2 + ["other.example, cellar.example", "cellar.example"]


def test_nothing_of_all_this_upset_nginx(engine: Engine) -> None:
    wrong = ("[emerg]", "[alert]", "[crit]", "could not find named location")

    assert [line for line in engine.log.splitlines() if any(w in line for w in wrong)] == []
