"""Pages that upstream sends as HTML: everything in them becomes the shape of the JSON form."""

import json
from html import escape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar.index.links import Links
from cellar.index.page import PageError
from cellar.index.views import Door, Form, read_page, view
from unit.cellar.support import PAGES, SimplePage, hashed_path

URL = "https://index.example/simple/an-example/"
LINKS = Links(pypi=("https://files.example/packages/",), others=())


def served(body: bytes, door: Door, form: Form, url: str = URL) -> bytes:
    page = read_page(body, project="an-example", url=url)
    return view(page, door, form, links=LINKS, root="../../")


def as_json(html: str, door: Door = Door.INTERCEPT) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(served(html.encode(), door, Form.JSON))
    return document


def test_a_page_in_pypis_html_becomes_json() -> None:
    html = (PAGES / "pypi.html").read_bytes()
    assert json.loads(served(html, Door.INDEX, Form.JSON)) == {
        # 1.0, because a page of a later version must have versions and sizes (PEP 700).
        "meta": {"api-version": "1.0", "_last-serial": 31415926},
        "name": "an-example",
        "project-status": {"status": "archived", "reason": "done & dusted"},
        "files": [
            {
                "filename": "An_Example-1.0.tar.gz",
                "url": f"../../packages/0a/1b/{'2' * 60}/An_Example-1.0.tar.gz",
                "hashes": {"sha256": "1" * 64},
                "requires-python": ">=3.6, <4",
                "yanked": True,
            },
            {
                "filename": "an_example-2.0-py3-none-any.whl",
                "url": f"../../packages/0c/1d/{'e' * 60}/an_example-2.0-py3-none-any.whl",
                "hashes": {"sha256": "4" * 64},
                "dist-info-metadata": {"sha256": "3" * 64},
                "core-metadata": {"sha256": "3" * 64},
                "provenance": (
                    "https://index.example/integrity/an-example/2.0/"
                    "an_example-2.0-py3-none-any.whl/provenance"
                ),
            },
        ],
    }


def test_handmade_html_is_read_as_browsers_and_installers_read_it() -> None:
    html = (PAGES / "handmade.html").read_bytes()
    assert json.loads(served(html, Door.INTERCEPT, Form.JSON)) == {
        "meta": {
            "api-version": "1.0",
            "tracks": ["https://index.example/simple/one/", "https://index.example/simple/two/"],
        },
        "name": "an-example",
        "alternate-locations": ["https://other.example/simple/an-example/"],
        "files": [
            {
                "filename": "an_example-0.1.tar.gz",
                "url": "https://index.example/mirror/an_example-0.1.tar.gz#egg=an-example",
                "hashes": {"md5": "abcdef0123456789abcdef0123456789"},
                "yanked": True,
            },
            {
                "filename": "an_example-1!2.0+local.tar.gz",
                "url": "https://index.example/files/an_example-1%212.0%2Blocal.tar.gz",
                "hashes": {},
                "gpg-sig": True,
                "yanked": 'too "old"',
            },
            {
                "filename": "an_example-3-py3-none-any.whl",
                "url": "https://files.example/an_example-3-py3-none-any.whl?token=1",
                "hashes": {"sha256": "abc"},
                "core-metadata": True,
                "data-x-colour": "blue",
                "gpg-sig": False,
            },
            {
                "filename": "an_example-4.zip",
                "url": "https://index.example/mirror/an_example-4.zip",
                "hashes": {},
                "dist-info-metadata": False,
            },
        ],
    }


def attributes(html: bytes) -> list[dict[str, str]]:
    return [dict(link) for link in SimplePage(html.decode()).links]


def test_pypis_html_comes_back_as_the_same_html_with_other_urls() -> None:
    html = (PAGES / "pypi.html").read_bytes()
    before, after = (
        SimplePage(html.decode()),
        SimplePage(served(html, Door.INDEX, Form.HTML).decode()),
    )
    for link in before.links:
        link["href"] = link["href"].replace("https://files.example/packages/", "../../packages/")
    assert after.links == before.links
    assert after.metas == before.metas
    assert after.comments == before.comments
    assert attributes(served(html, Door.INTERCEPT, Form.HTML)) == attributes(html)


def test_the_html_view_of_html_keeps_the_upstreams_repository_version() -> None:
    html = (PAGES / "handmade.html").read_bytes()
    metas = SimplePage(served(html, Door.INDEX, Form.HTML).decode()).metas
    assert metas == [
        ("pypi:repository-version", "1.1"),
        ("pypi:tracks", "https://index.example/simple/one/"),
        ("pypi:tracks", "https://index.example/simple/two/"),
        ("pypi:alternate-locations", "https://other.example/simple/an-example/"),
    ]


text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
metadata = st.sampled_from(["true", "sha256=abc", "sha512=0f"])
attribute_values = st.fixed_dictionaries(
    {},
    optional={
        "data-requires-python": text.filter(bool),
        "data-yanked": text,
        "data-core-metadata": metadata,
        "data-dist-info-metadata": metadata,
        "data-gpg-sig": st.sampled_from(["true", "false"]),
        "data-provenance": text,
        "data-x.y-z_1": text,
    },
)


@given(files=st.lists(attribute_values, min_size=1, max_size=3))
def test_every_attribute_survives_the_way_through_json_and_back(
    files: list[dict[str, str]],
) -> None:
    html = "<!DOCTYPE html>"
    for number, values in enumerate(files):
        name = f"a-{number}.zip"
        written = " ".join(f'{key}="{escape(value)}"' for key, value in values.items())
        href = f"https://files.example/packages/{hashed_path(name)}#sha256=00"
        html += f'<a href="{href}" {written}>{name}</a>'
    links = attributes(served(html.encode(), Door.INTERCEPT, Form.HTML))
    assert links == attributes(html.encode())


NOT_PAGES = {
    "a sign-in page": (PAGES / "portal.html").read_bytes(),
    "an error page": b"<html><head><title>502 Bad Gateway</title></head><body></body></html>",
    "a list of projects": b'<!DOCTYPE html><a href="/simple/an-example/">an-example</a>',
    "nothing but a tag": b"<",
    "XML": b'<?xml version="1.0"?><files/>',
}


@pytest.mark.parametrize("body", NOT_PAGES.values(), ids=NOT_PAGES.keys())
def test_html_that_is_no_index_page_is_not_taken_for_a_project_without_files(body: bytes) -> None:
    with pytest.raises(PageError, match=r"\A[^\n]+\.\Z"):
        read_page(body, project="an-example", url=URL)


EMPTY_PAGES = {
    "a version": '<meta name="pypi:repository-version" content="1.0">',
    "the usual title": "<html><title>Links for an-example</title></html>",
}


@pytest.mark.parametrize("html", EMPTY_PAGES.values(), ids=EMPTY_PAGES.keys())
def test_a_project_without_files_is_recognised_by(html: str) -> None:
    assert as_json(html)["files"] == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_text_is_read_in_the_encodings_that_occur(encoding: str) -> None:
    html = '<a href="/an-example-1.zip" data-yanked="für später">an-example-1.zip</a>'
    document = json.loads(served(html.encode(encoding), Door.INDEX, Form.JSON))
    assert document["files"][0]["yanked"] == "für später"


@pytest.mark.parametrize(
    ("value", "metadata"),
    [("true", True), ("false", False), ("", True), ("yes", True), ("sha256=ab", {"sha256": "ab"})],
)
def test_a_core_metadata_attribute_means_what_installers_take_it_for(
    value: str, metadata: object
) -> None:
    html = f'<a href="/an-example-1.zip" data-core-metadata="{value}">an-example-1.zip</a>'
    assert as_json(html)["files"][0]["core-metadata"] == metadata


@pytest.mark.parametrize("comment", ["SERIAL", "SERIAL x", "SERIAL -1", "serial 5", "SERIAL 5 6"])
def test_a_comment_that_only_resembles_a_serial_is_none(comment: str) -> None:
    html = f'<a href="/an-example-1.zip">an-example-1.zip</a><!--{comment}-->'
    page = read_page(html.encode(), project="an-example", url=URL)
    assert page.serial is None
    assert as_json(html)["meta"] == {"api-version": "1.0"}


def test_a_link_to_the_page_itself_is_no_file() -> None:
    html = "<title>Links for an-example</title><a href='#sha256=00'>x</a><a href=''>an-example</a>"
    url = "https://index.example/simple/an-example"
    assert json.loads(served(html.encode(), Door.INDEX, Form.JSON, url))["files"] == []
