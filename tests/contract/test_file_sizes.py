"""What is stored and what is not: limits, rules, and what arrives in spite of what was said."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from support.fixtures import DOORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Names
    from support.door import OpenDoor

    Publish = Callable[[str, int], PublishedFile]

# As in molecule/inventory/group_vars/appliances.yml.
LIMIT = 20 * 1024 * 1024
LIMITED = 100 * 1024


@pytest.fixture
def publish(fakepypi: FakePyPI, project: str) -> Publish:
    """Publish a file of a size, of a project whose name has a beginning that rules know."""

    def published(prefix: str, size: int) -> PublishedFile:
        name = f"{prefix}{project}"
        wheel = f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
        return fakepypi.publish(name, "1.0", kind="blob", filename=wheel, size=size)

    return published


def is_right(body: bytes, file: PublishedFile) -> bool:
    return hashlib.blake2b(body, digest_size=32).hexdigest() == file.blake2b_256


def fetched(fakepypi: FakePyPI, file: PublishedFile) -> int:
    """Return how many bytes of a file upstream sent."""
    return fakepypi.bytes_sent(path=file.path)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("prefix", "limit"), [("", LIMIT), ("limited-", LIMITED)])
def test_a_limit_is_exact_at_the_byte(
    files: OpenDoor, fakepypi: FakePyPI, publish: Publish, door: str, prefix: str, limit: int
) -> None:
    at, over = publish(prefix, limit), publish(f"{prefix}over-", limit + 1)
    for file in (at, over):
        answers = [files(door).ask(file.path) for _ in range(2)]
        assert [is_right(answer.content, file) for answer in answers] == [True, True]

    assert fetched(fakepypi, at) == at.size
    assert fetched(fakepypi, over) == 2 * over.size


def test_a_rule_for_a_pattern_takes_the_limit_for_all_away(
    files: OpenDoor, fakepypi: FakePyPI, publish: Publish
) -> None:
    file = publish("pinned-", LIMIT + 1)
    for _ in range(2):
        assert is_right(files("index").ask(file.path).content, file)

    assert fetched(fakepypi, file) == file.size


@pytest.mark.parametrize("door", DOORS)
def test_what_is_never_stored_is_fetched_by_each_who_asks(
    files: OpenDoor, fakepypi: FakePyPI, publish: Publish, door: str
) -> None:
    file = publish("streamed-", 5000)
    answers = [files(door).ask(file.path) for _ in range(3)]

    assert [is_right(answer.content, file) for answer in answers] == [True] * 3
    assert {answer.headers.get("X-Cache") for answer in answers} == {"BYPASS"}
    assert fetched(fakepypi, file) == 3 * file.size


def test_clients_are_sent_to_upstream_where_its_name_is_not_the_appliances(
    files: OpenDoor, pages: OpenDoor, fakepypi: FakePyPI, names: Names, publish: Publish
) -> None:
    file = publish("redirected-", 5000)
    url = f"https://{names.files}{file.path}"

    answer = files("index").ask(file.path)
    assert (answer.status_code, answer.headers["Location"]) == (302, url)
    (entry,) = pages("index").page(file.project).json()["files"]
    assert entry["url"].partition("#")[0] == url
    assert is_right(files("intercept").ask(file.path).content, file)
    assert fetched(fakepypi, file) == file.size


LIES = [
    {"headers": {"Content-Length": "5"}},
    {"headers": {"Content-Length": None}},
    {"status": 404},
    {"status": 503},
]


@pytest.mark.parametrize("lie", LIES, ids=str)
def test_a_length_that_upstream_lied_about_takes_no_space(
    files: OpenDoor, fakepypi: FakePyPI, publish: Publish, lie: dict[str, object]
) -> None:
    """What was said before a file came counts for nothing when it is there."""
    file = publish("", LIMIT + 1)
    with fakepypi.behaving("files", file.path, method="HEAD", **lie):
        for _ in range(2):
            assert is_right(files("index").ask(file.path).content, file)

    assert fetched(fakepypi, file) == 2 * file.size


@pytest.mark.parametrize("framing", ["chunked", "eof"])
def test_what_comes_without_a_length_is_served_and_not_stored(
    files: OpenDoor, fakepypi: FakePyPI, publish: Publish, framing: str
) -> None:
    file = publish("limited-", LIMITED - 1)
    with fakepypi.behaving("files", file.path, ignore_range=True, framing=framing):
        for _ in range(2):
            assert is_right(files("index").ask(file.path).content, file)

    assert fetched(fakepypi, file) == 2 * file.size


def test_clients_of_a_file_over_its_limit_do_not_wait_for_each_other(
    files: OpenDoor, fakepypi: FakePyPI, publish: Publish
) -> None:
    """A cache that locks what it is going to store would let them by one after the other."""
    file = publish("", LIMIT + 1)
    with ThreadPoolExecutor(1) as pool:
        with fakepypi.behaving("files", file.path, method="GET", hold=True):
            asking = pool.submit(files("index").ask_at_once, 12, file.path)
            fakepypi.wait_for(12, path=file.path, method="GET")
        answers = asking.result(60)

    assert [is_right(answer.content, file) for answer in answers] == [True] * 12


@pytest.mark.parametrize("door", DOORS)
def test_a_part_of_a_file_over_its_limit_costs_that_part(
    files: OpenDoor, fakepypi: FakePyPI, publish: Publish, door: str
) -> None:
    file = publish("", LIMIT + 1)
    for wanted, first in (("bytes=1000-1999", 1000), ("bytes=-1000", file.size - 1000)):
        answer = files(door).ask(file.path, {"Range": wanted})
        assert (answer.status_code, len(answer.content)) == (206, 1000)
        last = first + 999
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{file.size}"

    assert fetched(fakepypi, file) == 2000


@pytest.mark.parametrize("door", DOORS)
def test_head_costs_no_byte_of_the_file(
    files: OpenDoor, fakepypi: FakePyPI, publish: Publish, door: str
) -> None:
    file = publish("", LIMIT)
    answers = [files(door).ask(file.path, method="HEAD") for _ in range(2)]

    assert {answer.headers["Content-Length"] for answer in answers} == {str(file.size)}
    assert {answer.headers["Accept-Ranges"] for answer in answers} == {"bytes"}
    totals = fakepypi.totals(path=file.path)
    assert (totals.requests, totals.bytes_sent) == (1, 0)


@pytest.mark.parametrize("door", DOORS)
def test_what_was_seen_is_served_in_every_way_without_upstream(
    files: OpenDoor, fakepypi: FakePyPI, publish: Publish, door: str
) -> None:
    file = publish("", 5000)
    whole = files(door).ask(file.path).content
    with fakepypi.down():
        for headers, part in (
            ({}, whole),
            ({"Range": "bytes=10-19"}, whole[10:20]),
            ({"Range": "bytes=-10"}, whole[-10:]),
        ):
            assert files(door).ask(file.path, headers).content == part
        head = files(door).ask(file.path, method="HEAD")
        assert (head.status_code, head.headers["Content-Length"]) == (200, "5000")
        several = files(door).ask(file.path, {"Range": "bytes=0-9,20-29"})
        assert several.status_code in {200, 206}
        unseen = files(door).ask(f"/packages/00/00/{'0' * 60}/{file.project}-9-py3-none-any.whl")
        assert unseen.status_code == 503
