"""A wrong byte is found and removed, and the next client gets the right ones; nothing else goes."""

from __future__ import annotations

import gzip
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from cellar.store import Kind, zones
from cellar.verifying import Ledger, LedgerError, Listed, Outcome, Pace, Prover, Summary, verify
from unit.store.stocked import REVISION, SLICE, Stocked, cut, flip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WHEEL = "demo-1.0-py3-none-any.whl"
DAY = 86400.0


class Verifier:
    """Runs of the verifier, each at a time of its own."""

    def __init__(self, stocked: Stocked, database: Path) -> None:
        self.stocked = stocked
        self.ledger = Ledger(database)
        self.now = time.time() + 10  # folders have settled

    def run(self, *, days: float = 1.0, read: Callable[[int], None] = lambda _: None) -> Summary:
        """Look at everything that nobody has looked at for some days."""
        cache = self.stocked.cache
        prover = Prover(cache, Listed(cache, REVISION), read)
        known = zones(cache)
        self.ledger.survey(known, int(self.now * 1e9))
        due = self.ledger.due(known, self.now - days * DAY)
        return verify(due, prover, self.ledger, now=lambda: self.now)


@pytest.fixture
def verifier(stocked: Stocked, tmp_path: Path) -> Iterator[Verifier]:
    verifier = Verifier(stocked, tmp_path / "verify.sqlite")
    yield verifier
    verifier.ledger.close()


def removed(summary: Summary) -> list[str]:
    return [each["path"] for each in summary.removed]


@pytest.mark.parametrize("size", [1, 1000, SLICE, SLICE + 1, 3 * SLICE + 7])
def test_a_whole_file_proves_itself(stocked: Stocked, verifier: Verifier, size: int) -> None:
    path = stocked.publish(WHEEL, size)
    stocked.fetch(path)

    found = verifier.run()

    slices = -(-size // SLICE)
    assert found.records.get(Outcome.PROVEN, 0) == slices
    assert found.bytes == size
    assert (found.removed, stocked.cache_status(path)) == ([], "HIT")


def write(place: Path, content: bytes) -> None:
    place.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "a flipped bit": flip,
    "a byte less": lambda place: cut(place, 1),
    "a byte more": lambda place: write(place, place.read_bytes() + b"x"),
    "no content": lambda place: cut(place, 1000),
    "nothing": lambda place: write(place, b""),
    "zeros": lambda place: write(place, bytes(place.stat().st_size)),
    "a flipped bit in its first bytes": lambda place: flip(place, 56),
}


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_found_and_gone_and_the_next_client_gets_the_right_bytes(
    stocked: Stocked, verifier: Verifier, damage: Callable[[Path], None], which: int
) -> None:
    path = stocked.publish(WHEEL, 2 * SLICE + 1000)
    other = stocked.publish("other-1.0-py3-none-any.whl", 1000)
    stocked.fetch(path)
    stocked.fetch(other)
    place = stocked.places(path, Kind.FILE)[which]
    damage(place)

    first, second = verifier.run(), verifier.run()

    assert len(first.removed) == 1
    assert not place.exists()
    assert second.removed == []
    assert stocked.fetch(path) == stocked.contents[path]
    assert stocked.cache_status(other) == "HIT"


def test_wrong_content_under_a_right_path_is_found(stocked: Stocked, verifier: Verifier) -> None:
    """Upstream, or whoever was between, gave another file of the same length."""
    path = stocked.publish(WHEEL, 2 * SLICE)
    right = stocked.contents[path]
    stocked.contents[path] = right[:-1] + bytes([right[-1] ^ 1])
    stocked.fetch(path)
    stocked.contents[path] = right

    found = verifier.run()

    assert removed(found) == [path]
    assert "its blake2b is " in found.removed[0]["why"]
    assert stocked.places(path, Kind.FILE) == []
    assert stocked.fetch(path) == right


def test_a_part_of_a_file_stays_and_is_proven_when_the_rest_has_come(
    stocked: Stocked, verifier: Verifier
) -> None:
    path = stocked.publish(WHEEL, 3 * SLICE)
    stocked.fetch(path, Range=f"bytes={SLICE}-{SLICE + 9}")

    assert verifier.run().records.get(Outcome.PARTIAL, 0) >= 1
    verifier.now += 10
    stocked.fetch(path)
    found = verifier.run()

    assert found.records.get(Outcome.PROVEN, 0) == 3
    assert found.removed == []


def test_a_part_of_a_file_of_another_length_than_upstreams_is_removed(
    stocked: Stocked, verifier: Verifier
) -> None:
    path = stocked.publish(WHEEL, 3 * SLICE)
    right = stocked.contents[path]
    stocked.contents[path] = right + b"more"
    stocked.fetch(path, Range=f"bytes={SLICE}-{SLICE + 9}")
    stocked.contents[path] = right
    stocked.engine.ask(path, method="HEAD")

    assert removed(verifier.run()) == [path]
    assert stocked.fetch(path) == right


def test_a_file_of_another_index_proves_itself_by_the_hash_of_its_page(
    stocked: Stocked, verifier: Verifier
) -> None:
    path = stocked.publish_at_acme("acme-1.0-py3-none-any.whl", SLICE + 5)
    unhashed = stocked.publish_at_acme("beta-1.0-py3-none-any.whl", 10, hashed=False)
    stocked.fetch(path)
    stocked.fetch(unhashed)
    assert verifier.run().records.get(Outcome.PROVEN, 0) == 2
    for place in (*stocked.places(path, Kind.FILE)[1:], *stocked.places(unhashed, Kind.FILE)):
        flip(place)
    verifier.now += DAY + 1

    # Nothing says what the content of the other one has to be.
    assert removed(verifier.run()) == [path]


def test_metadata_is_held_against_the_page_of_its_project(
    stocked: Stocked, verifier: Verifier
) -> None:
    good, bad, unlisted = (
        stocked.publish(f"{name}-1.0-py3-none-any.whl", 100) for name in ("demo", "bad", "unlisted")
    )
    for path in (good, bad, unlisted):
        stocked.contents[f"{path}.metadata"] = b"Name: something\n"
    for name, path in (("demo", good), ("bad", bad)):
        stocked.fetch(stocked.publish_page(name, path))
    for path in (good, bad, unlisted):
        stocked.fetch(f"{path}.metadata")
    for path in (bad, unlisted):
        flip(stocked.places(f"{path}.metadata", Kind.FILE)[0])

    found = verifier.run()

    assert removed(found) == [f"{bad}.metadata"]
    assert "its sha256 is " in found.removed[0]["why"]
    assert found.records.get(Outcome.PROVEN, 0) == 1
    assert stocked.fetch(f"{bad}.metadata") == b"Name: something\n"


def test_a_page_with_a_flipped_bit_is_removed(stocked: Stocked, verifier: Verifier) -> None:
    for name in ("demo", "other"):
        path = stocked.publish(f"{name}-1.0-py3-none-any.whl", 100)
        stocked.contents[f"{path}.metadata"] = b"Name: demo\n"
        stocked.fetch(stocked.publish_page(name, path))
    flip(stocked.places("/simple/demo/", Kind.PAGE)[0], -20)

    assert removed(verifier.run()) == ["/simple/demo/"]
    body = stocked.fetch("/simple/demo/")
    assert gzip.decompress(body) == gzip.decompress(stocked.contents["/simple/demo/"])
    assert stocked.cache_status("/simple/other/") == "HIT"


def test_what_was_looked_at_is_looked_at_again_after_its_time_and_not_before(
    stocked: Stocked, verifier: Verifier
) -> None:
    path = stocked.publish(WHEEL, 1000)
    stocked.fetch(path)
    verifier.run()
    flip(stocked.places(path, Kind.FILE)[0])

    verifier.now += DAY / 2
    assert verifier.run().records == {}
    verifier.now += DAY
    assert removed(verifier.run()) == [path]


def test_what_nginx_stored_anew_is_looked_at_at_once(stocked: Stocked, verifier: Verifier) -> None:
    path = stocked.publish(WHEEL, 1000)
    stocked.fetch(path)
    verifier.run()
    (place,) = stocked.places(path, Kind.FILE)
    wrong = bytearray(place.read_bytes())
    wrong[-1] ^= 1
    beside = place.with_name("beside")
    beside.write_bytes(wrong)
    beside.replace(place)

    verifier.now += 10
    assert removed(verifier.run()) == [path]


def test_a_record_that_is_replaced_while_it_is_read_is_left_and_looked_at_again(
    stocked: Stocked, verifier: Verifier, tmp_path: Path
) -> None:
    path = stocked.publish(WHEEL, 2 * SLICE)
    stocked.fetch(path)
    places = stocked.places(path, Kind.FILE)
    good = tmp_path / "good"
    shutil.copy(places[0], good)
    flip(places[0])

    def replace(_: int) -> None:
        if good.exists():
            good.replace(places[0])

    first = verifier.run(read=replace)
    assert (first.removed, first.records.get(Outcome.CHANGED, 0)) == ([], 1)
    verifier.now += 10
    second = verifier.run()

    assert second.removed == []
    assert second.records.get(Outcome.PROVEN, 0) == 2


def test_what_nginx_evicts_meanwhile_is_no_fault(stocked: Stocked, verifier: Verifier) -> None:
    path = stocked.publish(WHEEL, 2 * SLICE)
    stocked.fetch(path)
    places = stocked.places(path, Kind.FILE)

    def evict(_: int) -> None:
        for place in places:
            place.unlink(missing_ok=True)

    found = verifier.run(read=evict)
    assert found.removed == []
    assert stocked.fetch(path) == stocked.contents[path]
    assert verifier.run().removed == []


def test_a_record_of_another_nginx_is_left_to_it(stocked: Stocked, verifier: Verifier) -> None:
    path = stocked.publish(WHEEL, 1000)
    stocked.fetch(path)
    (place,) = stocked.places(path, Kind.FILE)
    content = bytearray(place.read_bytes())
    content[0] = 6
    place.write_bytes(content)

    found = verifier.run()

    assert (found.records.get(Outcome.FOREIGN, 0), found.removed) == (1, [])
    assert place.exists()


def test_a_run_that_is_killed_has_noted_what_it_had_done(
    stocked: Stocked, verifier: Verifier
) -> None:
    for number in range(4):
        stocked.fetch(stocked.publish(f"demo-{number}.0-py3-none-any.whl", 1000))
    read: list[int] = []

    def killed(count: int) -> None:
        read.append(count)
        if len(read) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verifier.run(read=killed)
    # Those two are not read again.
    assert verifier.run().records.get(Outcome.PROVEN, 0) == 2


def test_a_database_of_something_else_is_told_in_one_sentence(tmp_path: Path) -> None:
    database = tmp_path / "verify.sqlite"
    database.write_text("something else, and long enough to be taken for a database " * 20)

    with pytest.raises(LedgerError, match=r"cannot be used as the verifier's database: .*[.]$"):
        Ledger(database)


def test_reading_keeps_to_its_rate_and_saves_nothing_up() -> None:
    now = 100.0
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    pace = Pace(1000, clock=lambda: now, sleep=sleep)
    pace.take(500)
    pace.take(1500)
    now += 60
    pace.take(100)
    Pace(0, clock=lambda: now, sleep=sleep).take(10**9)

    assert slept == pytest.approx([0.5, 1.5, 0.1])
