"""What an operator names is removed, all of it and nothing else, and then fetched anew."""

from __future__ import annotations

import re

import pytest

from cellar.purging import purge
from cellar.store import Key, Kind, Selection, SelectionError
from unit.roles.variants import FILES_HOST
from unit.store.stocked import SLICE, Stocked, flip

WHEEL = "demo-1.0-py3-none-any.whl"


@pytest.fixture
def path(stocked: Stocked) -> str:
    """Return a file of three slices, stored with its metadata, its length and its page."""
    path = stocked.publish(WHEEL, 2 * SLICE + 9)
    stocked.contents[f"{path}.metadata"] = b"Name: demo\n"
    stocked.fetch(stocked.publish_page("demo", path))
    stocked.fetch(f"{path}.metadata")
    stocked.engine.ask(path, method="HEAD")
    stocked.fetch(path)
    return path


@pytest.fixture
def other(stocked: Stocked) -> str:
    """Return another project's file, stored with its page."""
    path = stocked.publish("demo_more-1.0-py3-none-any.whl", 100)
    stocked.contents[f"{path}.metadata"] = b"Name: demo-more\n"
    stocked.fetch(stocked.publish_page("demo-more", path))
    stocked.fetch(path)
    return path


def selected(*texts: str) -> list[Selection]:
    return [Selection.parse(text) for text in texts]


def test_a_project_is_its_pages_and_its_files_with_all_that_is_known_of_them(
    stocked: Stocked, path: str, other: str
) -> None:
    purged = purge(stocked.cache, selected("Demo"))

    assert {(each.kind, each.path, each.records) for each in purged} == {
        ("file", path, 3),
        ("file", f"{path}.metadata", 1),
        ("length of a file", path, 1),
        ("verdict on a file", path, 1),
        ("verdict on a file", f"{path}.metadata", 1),
        ("page", "/simple/demo/", 1),
    }
    assert sum(each.bytes for each in purged) > 2 * SLICE + 9
    left = {stocked.key(place).path for place in stocked.places()}
    assert left == {other, "/simple/demo-more/"}


def test_what_was_purged_is_fetched_anew(stocked: Stocked, path: str) -> None:
    stocked.engine.pypi.requests.clear()
    purge(stocked.cache, selected("demo"))

    assert stocked.cache_status(path) == "MISS"
    assert stocked.fetch(path) == stocked.contents[path]
    gets = [request for request in stocked.engine.pypi.requests if request.method == "GET"]
    assert len(gets) == 3
    assert stocked.cache_status("/simple/demo/") == "MISS"


@pytest.mark.parametrize(
    "text",
    [
        "{path}",
        "{path}.metadata",
        f"https://{FILES_HOST}" + "{path}",
        "https://cellar.example{path}#sha256=0a",
        WHEEL,
        "*-1.0-py3-none-any.whl",
        "demo-1*",
    ],
)
def test_a_file_is_named_by_its_path_its_url_or_its_name(
    stocked: Stocked, path: str, text: str
) -> None:
    purge(stocked.cache, selected(text.format(path=path)))

    assert {stocked.key(place).path for place in stocked.places()} == {"/simple/demo/"}


def test_a_file_of_another_index_is_named_by_its_own_url(stocked: Stocked) -> None:
    path = stocked.publish_at_acme("acme-1.0-py3-none-any.whl", SLICE + 1)
    same_name = stocked.publish("acme-1.0-py3-none-any.whl", 10)
    stocked.fetch(path)
    stocked.engine.ask(path, method="HEAD")
    stocked.fetch(same_name)

    purge(
        stocked.cache,
        selected(f"https://{stocked.engine.origin_name}/whl/acme-1.0-py3-none-any.whl"),
    )

    assert {stocked.key(place).path for place in stocked.places()} == {same_name}


def test_a_pattern_names_projects_too(stocked: Stocked, path: str, other: str) -> None:
    assert path
    purge(stocked.cache, selected("demo-*"))
    left = {stocked.key(place).path for place in stocked.places()}
    assert other not in left
    assert "/simple/demo-more/" not in left
    assert "/simple/demo/" in left


def test_a_dry_run_tells_the_same_and_removes_nothing(stocked: Stocked, path: str) -> None:
    before = sorted(stocked.places())

    told = purge(stocked.cache, selected("demo"), dry_run=True)

    assert sorted(stocked.places()) == before
    assert told == purge(stocked.cache, selected("demo"))
    assert stocked.places(path) == []


def test_nothing_that_is_meant_is_nothing_that_is_removed(stocked: Stocked, path: str) -> None:
    before = sorted(stocked.places())
    assert purge(stocked.cache, selected("absent", f"{path}x", "/simple/absent/")) == []
    assert sorted(stocked.places()) == before


def test_a_damaged_record_is_in_nobodys_way(stocked: Stocked, path: str) -> None:
    flip(stocked.places(path, Kind.FILE)[1], 56)

    purge(stocked.cache, selected("demo"))

    assert len(stocked.everything()) == 1  # `cellar verify` finds it


@pytest.mark.parametrize("text", ["", "a b", "-x", "https://files.example/", "../x", "ä"])
def test_a_text_that_names_nothing_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(SelectionError) as caught:
        Selection.parse(text)
    assert re.fullmatch(r"[^\n]+ is no [^\n]+\.", str(caught.value))


@pytest.mark.parametrize(
    ("text", "key", "is_meant"),
    [
        ("demo", Key(Kind.DOCUMENT, "/pypi/demo/1.0/json"), True),
        ("demo", Key(Kind.DOCUMENT, "/integrity/demo/1.0/demo-1.0.tar.gz/provenance"), True),
        ("demo", Key(Kind.PAGE, "/snapshot/2026-01-01/simple/demo/"), True),
        ("demo", Key(Kind.PAGE, "/simple/demo-x/"), False),
        ("demo", Key(Kind.LIST), False),
        ("demo", Key(Kind.OTHER), False),
        ("*", Key(Kind.LIST), False),
        ("*", Key(Kind.PAGE, "/simple/x/"), True),
        ("https://cellar.example/simple/Demo/", Key(Kind.PAGE, "/simple/demo/"), True),
        ("/simple/demo", Key(Kind.FILE, "/packages/aa/bb/cc/demo-1.0.tar.gz"), True),
        ("demo-1.0.tar.gz", Key(Kind.FILE, "/packages/aa/bb/cc/demo-1.0.tar.gz.asc"), True),
        ("demo-1.0.tar.gz", Key(Kind.FILE, "/packages/aa/bb/cc/demo-1.0.zip"), False),
        ("/packages/aa/bb/d/demo-1.0.zip", Key(Kind.FILE, "/packages/aa/bb/c/demo-1.0.zip"), False),
        ("/packages/aa/bb/c/a%2Bb-1.0.zip", Key(Kind.FILE, "/packages/aa/bb/c/a+b-1.0.zip"), True),
    ],
)
def test_a_selection_means_what_it_says(text: str, key: Key, *, is_meant: bool) -> None:
    assert Selection.parse(text).matches(key) is is_meant
