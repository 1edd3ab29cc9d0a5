"""One page from the pages of several indexes."""

import json
from typing import Any

import pytest

from cellar.index.merging import merge
from cellar.index.page import Page
from cellar.index.views import read_page
from unit.cellar.several import file, page

URL = "https://index.example/simple/both/"


def read(*files: Any, **more: Any) -> Page:
    return read_page(page("both", *files, **more), project="both", url=URL)


def html(*filenames: str) -> Page:
    anchors = "".join(f'<a href="https://files.example/{n}">{n}</a>' for n in filenames)
    body = f"<!DOCTYPE html><title>Links for both</title>{anchors}"
    return read_page(body.encode(), project="both", url=URL)


def test_the_first_index_that_has_a_file_name_decides_what_it_is() -> None:
    first = read(file("b-1.zip", size=1), file("a-1.zip"))
    second = read(file("c-1.zip"), file("b-1.zip", size=2), file("a-2.zip"))
    third = read(file("a-2.zip", size=3), file("d-1.zip"))
    files = merge([first, second, third]).document["files"]
    assert files == [
        file("b-1.zip", size=1),
        file("a-1.zip"),
        file("c-1.zip"),
        file("a-2.zip"),
        file("d-1.zip"),
    ]


def test_the_first_index_speaks_for_the_project() -> None:
    first = read(**{"x-own": [1], "project-status": {"status": "active"}, "meta": {"_x": 1}})
    second = read(**{"x-other": 2, "project-status": {"status": "archived"}, "meta": {"_y": 2}})
    document = merge([first, second]).document
    assert document["x-own"] == [1]
    assert document["project-status"] == {"status": "active"}
    assert document["meta"] == {"api-version": "1.4", "_x": 1}
    assert "x-other" not in document


@pytest.mark.parametrize(
    ("versions", "lowest"),
    [
        (["1.4", "1.1"], "1.1"),
        (["1.1", "1.4"], "1.1"),
        (["1.10", "1.9"], "1.9"),
        (["2.0", "1.4"], "1.4"),
        (["1.4", None], "1.0"),
        (["1.4", "new"], "1.0"),
        ([1.4, "1.4"], "1.0"),
    ],
)
def test_a_merged_page_promises_no_more_than_all_of_its_pages(
    versions: list[Any], lowest: str
) -> None:
    pages = [read(meta={"api-version": version}) for version in versions]
    merged = merge(pages)
    assert merged.document["meta"]["api-version"] == lowest


def test_the_html_view_of_a_merged_page_promises_no_more_either() -> None:
    for pages in ([html("a-1.zip"), read()], [read(), html("a-1.zip")]):
        assert merge(pages).html_version == "1.0"
    assert merge([read(), read(meta={"api-version": "1.1"})]).html_version == "1.1"


def test_versions_are_united_in_order() -> None:
    merged = merge(
        [read(versions=["2", "1"]), read(versions=["3", "1", {"odd": 1}]), read(versions=[])]
    )
    assert merged.document["versions"] == ["2", "1", "3", {"odd": 1}]


@pytest.mark.parametrize("other", [html("a-1.zip"), read(), read(versions="1")])
def test_versions_are_left_out_where_an_index_does_not_tell_its_own(other: Page) -> None:
    for pages in ([read(versions=["1"]), other], [other, read(versions=["1"])]):
        assert "versions" not in merge(pages).document


def test_a_merged_page_has_no_serial_since_those_of_two_indexes_do_not_compare() -> None:
    pages = [read(meta={"_last-serial": 5}), read(meta={"_last-serial": 7})]
    merged = merge(pages)
    assert merged.serial is None
    assert "_last-serial" not in merged.document["meta"]
    assert merged.verbatim is None


def test_a_single_page_stays_as_it_is() -> None:
    single = read(file("a-1.zip"), meta={"_last-serial": 5})
    assert merge([single]) is single


def test_merging_changes_none_of_the_pages() -> None:
    pages = [read(file("a-1.zip"), versions=["1"], meta={"_last-serial": 5}), html("b-1.zip")]
    before = json.dumps([dict(p.document) for p in pages])
    merge(pages)
    assert json.dumps([dict(p.document) for p in pages]) == before
