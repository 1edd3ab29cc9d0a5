"""What the store's records and keys say: as nginx itself writes them."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import pytest

from cellar.store import ForeignRecordError, Kind, RecordError, open_record, place_of, zones
from unit.store.stocked import SLICE, Stocked, cut, flip

if TYPE_CHECKING:
    from pathlib import Path

WHEEL = "demo-1.0-py3-none-any.whl"


def test_a_record_has_the_body_that_upstream_sent(stocked: Stocked) -> None:
    path = stocked.publish(WHEEL, 1000)
    stocked.fetch(path)

    (place,) = stocked.places(path, Kind.FILE)
    with open_record(place) as record:
        assert b"".join(record.body()) == stocked.contents[path]
        assert record.status == 206
        assert record.header["content-range"] == "bytes 0-999/1000"
        assert record.length == 1000
        assert record.is_still_at(place)


def test_every_record_that_nginx_writes_is_of_a_known_kind(stocked: Stocked) -> None:
    """A key that is changed in nginx.conf and not here would be found by nobody."""
    path = stocked.publish(WHEEL, 2 * SLICE + 7)
    stocked.contents[f"{path}.metadata"] = b"Name: demo\n"
    at_acme = stocked.publish_at_acme("acme-1.0-py3-none-any.whl", 10)
    unhashed = stocked.publish_at_acme("beta-1.0-py3-none-any.whl", 10, hashed=False)
    stocked.publish_page("demo", path)
    for each in (path, f"{path}.metadata", at_acme, unhashed, "/simple/demo/"):
        stocked.fetch(each)
    stocked.engine.ask(path, method="HEAD")

    kinds = {(str(stocked.key(place).kind), stocked.key(place).path) for place in stocked.places()}

    assert {kind for kind, _ in kinds} >= {"file", "length of a file", "verdict on a file", "page"}
    assert "something else" not in {kind for kind, _ in kinds}
    assert {each for kind, each in kinds if kind == "file"} == {
        path,
        f"{path}.metadata",
        at_acme,
        unhashed,
    }
    projects = {project for place in stocked.places() for project in stocked.key(place).projects}
    assert projects == {"demo", "acme", "beta"}


def test_the_slices_of_a_file_are_found_from_one_of_them(stocked: Stocked) -> None:
    path = stocked.publish(WHEEL, 2 * SLICE + 7)
    stocked.fetch(path)

    places = stocked.places(path, Kind.FILE)
    assert len(places) == 3
    (zone,) = [zone for zone in zones(stocked.cache) if zone.name == "files"]
    for place in places:
        key = stocked.key(place)
        assert [place_of(zone, key.slice_at(first)) for first in (0, SLICE, 2 * SLICE)] == places


@pytest.mark.parametrize("size", [0, 1, 100, 335])
def test_a_record_that_ends_in_its_first_bytes_is_damaged(stocked: Stocked, size: int) -> None:
    path = stocked.publish(WHEEL, 1000)
    stocked.fetch(path)
    (place,) = stocked.places(path, Kind.FILE)
    place.write_bytes(place.read_bytes()[:size])

    with pytest.raises(RecordError), open_record(place):
        pass


def test_a_record_under_another_ones_name_is_damaged(stocked: Stocked, tmp_path: Path) -> None:
    path = stocked.publish(WHEEL, 1000)
    stocked.fetch(path)
    (place,) = stocked.places(path, Kind.FILE)
    other = tmp_path / hashlib.md5(b"other").hexdigest()
    shutil.copy(place, other)

    with pytest.raises(RecordError, match="its key is that of another record"), open_record(other):
        pass


@pytest.mark.parametrize("at", [0, 54, 56, 336, 345])
def test_a_flipped_bit_before_the_body_is_seen_or_of_another_version(
    stocked: Stocked, at: int
) -> None:
    path = stocked.publish(WHEEL, 1000)
    stocked.fetch(path)
    (place,) = stocked.places(path, Kind.FILE)
    flip(place, at)

    with pytest.raises((RecordError, ForeignRecordError)), open_record(place):
        pass


def test_a_record_that_is_replaced_is_no_longer_the_one_that_was_opened(stocked: Stocked) -> None:
    path = stocked.publish(WHEEL, 1000)
    stocked.fetch(path)
    (place,) = stocked.places(path, Kind.FILE)
    with open_record(place) as record:
        cut(place, 1)
        assert not record.is_still_at(place)
    place.unlink()
    assert not record.is_still_at(place)
