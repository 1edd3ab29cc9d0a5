"""
Nothing that an index says is lost: every page of the corpus, compared field by field.

The pages are in the folder `pages`, and so is what they are compared with: `corpus.toml`, and for
each page in HTML the document that it is, in `expected`.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cellar.index.html_reader import read_html
from cellar.index.html_writer import write_html
from cellar.index.links import Links
from cellar.index.page import PageError
from cellar.index.views import Door, Form, read_page, view
from unit.cellar.support import PAGES, SimplePage

CORPUS = tomllib.loads((PAGES / "corpus.toml").read_text(encoding="utf-8"))
LINKS = Links(pypi=("https://files.example/packages/",), others=())
CACHED = re.compile(r"https://files\.example/(packages/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/[^/]+)")

JSON = sorted(path.name for path in PAGES.glob("*.json"))
REFUSED = [PAGES / "portal.html", *sorted((PAGES / "refused").iterdir())]
HTML = sorted(path.name for path in PAGES.glob("*.html") if path not in REFUSED)


def url(name: str) -> str:
    return str(CORPUS["url"].get(name, "https://index.example/simple/an-example/"))


def project(name: str) -> str:
    return str(CORPUS["project"].get(name, "an-example"))


def served(name: str, door: Door, form: Form) -> str:
    body = (PAGES / name).read_bytes()
    page = read_page(body, project=project(name), url=url(name))
    return view(page, door, form, links=LINKS, root="../../").decode()


def said(name: str) -> Any:
    """Return what upstream says with a page: the page itself, or what its HTML is known to mean."""
    if name.endswith(".html"):
        return json.loads((PAGES / "expected" / f"{name}.json").read_text(encoding="utf-8"))
    document = json.loads((PAGES / name).read_bytes().decode("utf-8-sig"))
    for file in document["files"]:
        file["url"] = ABSOLUTE_URLS.get(file["url"], file["url"])
    return document


# The relative URLs of the JSON pages of the corpus.
ABSOLUTE_URLS = {
    f"../../+f/1c4/{'e' * 13}/an_example-1.0-py3-none-any.whl": (
        f"https://devpi.example/root/dev/+f/1c4/{'e' * 13}/an_example-1.0-py3-none-any.whl"
    ),
    f"../../+f/5d2/{'f' * 13}/an_example-1.0.tar.gz": (
        f"https://devpi.example/root/dev/+f/5d2/{'f' * 13}/an_example-1.0.tar.gz"
    ),
    f"../../packages/0a/1b/{'2' * 60}/An_Example-1.0.tar.gz": (
        f"https://index.example/packages/0a/1b/{'2' * 60}/An_Example-1.0.tar.gz"
    ),
    "an_example-1.zip": "https://index.example/simple/an-example/an_example-1.zip",
    "/files/an_example-2.zip#egg=an-example": (
        "https://index.example/files/an_example-2.zip#egg=an-example"
    ),
    f"//files.example/packages/0a/1b/{'2' * 60}/an_example-3.zip": (
        f"https://files.example/packages/0a/1b/{'2' * 60}/an_example-3.zip"
    ),
}


def behind(door: Door, address: str) -> str:
    """Return what a door makes of the URL of a file."""
    cached = CACHED.fullmatch(address)
    return f"../../{cached[1]}" if cached and door is Door.INDEX else address


# Fields


def json_fields(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every key, but of none below one that is not known."""
    if isinstance(value, list):
        for each in value:
            yield from json_fields(each, f"{path}[]")
    elif isinstance(value, dict):
        for key, inner in value.items():
            field = f"{path}.{key}" if path else key
            yield field
            if field in CORPUS["known"]["json"]:
                yield from json_fields(inner, field)


def html_fields(html: str) -> Iterator[str]:
    page = SimplePage(html)
    yield from (f"meta {name}" for name, _ in page.metas if name)
    yield from (f"a {name}" for link in page.links for name in link if name != "text")


def fields(form: str, text: str) -> set[str]:
    return {*json_fields(json.loads(text))} if form == "json" else {*html_fields(text)}


@pytest.mark.parametrize("name", [*JSON, *HTML])
def test_a_field_that_was_never_seen_is_named(name: str) -> None:
    text = (PAGES / name).read_bytes().decode("utf-8-sig", errors="replace")
    form = name.rpartition(".")[2]

    assert fields(form, text) - {*CORPUS["known"][form]} == set(
        CORPUS["unknown_on_purpose"].get(name, [])
    ), f"{name} has fields that corpus.toml does not know, or lacks some that it is there for"


def test_every_known_field_is_in_the_corpus() -> None:
    """What no page has, no test has tried."""
    seen = {
        "json": {field for name in JSON for field in json_fields(said(name))},
        "html": {
            field
            for name in HTML
            for field in html_fields((PAGES / name).read_bytes().decode(errors="replace"))
        },
    }
    assert {form: sorted(set(CORPUS["known"][form]) - seen[form]) for form in seen} == {
        "json": [],
        "html": [],
    }


def test_every_page_of_the_corpus_has_what_it_is_compared_with() -> None:
    expected = sorted(path.name for path in (PAGES / "expected").iterdir())

    assert expected == [f"{name}.json" for name in HTML]
    assert len(JSON) > 10
    assert {*CORPUS["url"], *CORPUS["project"], *CORPUS["unknown_on_purpose"]} <= {*JSON, *HTML}


# JSON


def spelled(text: str) -> Any:
    """Return JSON with the order of its keys and the spelling of its numbers."""
    return json.loads(
        text,
        object_pairs_hook=lambda pairs: ("object", pairs),
        parse_int=lambda number: ("number", number),
        parse_float=lambda number: ("number", number),
    )


def taken_out(value: Any) -> tuple[Any, list[str]]:
    """Return a spelled page without the URLs of its files, and those."""
    urls: list[str] = []

    def without(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        urls.extend(inner for key, inner in pairs if key == "url")
        return [(key, None if key == "url" else inner) for key, inner in pairs]

    kind, top = value
    assert kind == "object"
    page = [
        (key, [("object", without(file[1])) for file in inner] if key == "files" else inner)
        for key, inner in top
    ]
    return page, urls


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize("name", JSON)
def test_json_comes_out_as_it_went_in_but_for_the_urls_of_files(name: str, door: Door) -> None:
    sent, _ = taken_out(spelled((PAGES / name).read_bytes().decode("utf-8-sig")))
    answered, urls = taken_out(spelled(served(name, door, Form.JSON)))

    assert answered == sent
    assert urls == [behind(door, file["url"]) for file in said(name)["files"]]


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize("name", HTML)
def test_html_becomes_the_document_that_it_is(name: str, door: Door) -> None:
    expected = said(name)
    for file in expected["files"]:
        file["url"] = behind(door, file["url"])

    assert json.loads(served(name, door, Form.JSON)) == expected


# HTML


def written(value: Any, how: str) -> str | None:
    """Return what an attribute of HTML says for a value of JSON, None for its absence."""
    if how == "metadata":
        return hash_text(value) or "true" if value is True or isinstance(value, dict) else None
    if how == "switch":
        return {True: "true", False: "false"}.get(value)
    if how == "presence" and value is True:
        return ""
    return value if isinstance(value, str) and value else None


def hash_text(hashes: Any) -> str | None:
    names = CORPUS["html_form"]["hashes"]
    found = [
        f"{name}={hashes[name]}" for name in names if isinstance(hashes, dict) and name in hashes
    ]
    return found[0] if found else None


def link(file: Mapping[str, Any], door: Door) -> dict[str, str]:
    address, _, fragment = behind(door, file["url"]).partition("#")
    said_after = [part for part in (hash_text(file["hashes"]), fragment) if part]
    attributes = {
        attribute: written(file[key], how)
        for key, attribute, how in CORPUS["html_form"]["files"]
        if key in file
    }
    return {
        "text": file["filename"],
        "href": "#".join([address, "&".join(said_after)] if said_after else [address]),
        **{name: value for name, value in attributes.items() if value is not None},
    }


def metas(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    status = document.get("project-status", {})
    yield from ((f"pypi:project-status{end}", status[key]) for key, end in STATUS if key in status)
    yield from (("pypi:tracks", each) for each in document["meta"].get("tracks", []))
    yield from (("pypi:alternate-locations", e) for e in document.get("alternate-locations", []))


STATUS = [("status", ""), ("reason", "-reason")]


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize("name", [*JSON, *HTML])
def test_the_html_view_says_all_that_html_can_say(name: str, door: Door) -> None:
    page = SimplePage(served(name, door, Form.HTML))
    document = said(name)
    serial = document["meta"].get("_last-serial")

    assert page.links == [link(file, door) for file in document["files"]]
    assert page.metas[1:] == list(metas(document))
    assert page.comments == ([f"SERIAL {serial}"] if isinstance(serial, int) else [])


VERSIONS = {"pypi-1.4-quarantined.html": "1.4", "pypi-1.1-with-signatures.html": "1.1"}
VERSIONS |= {"pypi.html": "1.4", "handmade.html": "1.1", "bandersnatch.html": "1.1"}


@pytest.mark.parametrize("name", [*JSON, *HTML])
def test_the_html_view_tells_the_version_of_upstreams_page(name: str) -> None:
    told = SimplePage(served(name, Door.INDEX, Form.HTML)).metas[0]
    version = VERSIONS.get(name, min(said(name)["meta"]["api-version"], "1.4"))

    assert told == ("pypi:repository-version", version)


def carried(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return what is left of a document when it has been HTML."""
    meta = {"api-version": "1.0"}
    meta |= {k: document["meta"][k] for k in ("tracks",) if document["meta"].get(k)}
    if isinstance(document["meta"].get("_last-serial"), int):
        meta["_last-serial"] = document["meta"]["_last-serial"]
    left = {"meta": meta, "name": project(name), "files": [*map(left_of_file, document["files"])]}
    if document.get("alternate-locations"):
        left["alternate-locations"] = document["alternate-locations"]
    if "project-status" in document:
        status = document["project-status"]
        left["project-status"] = {key: status[key] for key, _ in STATUS if key in status}
    return left


def left_of_file(file: Mapping[str, Any]) -> dict[str, Any]:
    best = hash_text(file["hashes"])
    left = {"filename": file["filename"], "url": file["url"]}
    left["hashes"] = dict([best.split("=")]) if best else {}
    for key, attribute, how in CORPUS["html_form"]["files"]:
        value = written(file.get(key), how)
        if value is not None:
            digest = hash_text(file[key]) if how == "metadata" else None
            key_of_pep = attribute.removeprefix("data-") if how == "metadata" else key
            left[key_of_pep] = dict([digest.split("=")]) if digest else file[key]
    return left


@pytest.mark.parametrize("name", [*JSON, *HTML])
def test_what_html_can_carry_survives_the_way_to_html_and_back(name: str) -> None:
    page = read_page((PAGES / name).read_bytes(), project=project(name), url=url(name))
    html = write_html(page.document, version=page.html_version, serial=page.serial)
    again = read_html(html, project=project(name), url=url(name))

    assert again.document == carried(said(name), name)
    once_more = write_html(again.document, version=again.html_version, serial=again.serial)
    # The title has the name that upstream uses, and HTML says no other.
    assert once_more.splitlines()[-1:] == html.splitlines()[-1:]
    assert SimplePage(once_more.decode()).links == SimplePage(html.decode()).links


# What is no page


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.name)
def test_what_only_resembles_a_page_is_refused(path: Path) -> None:
    with pytest.raises(PageError, match=r"\A[^\n]+\.\Z"):
        read_page(path.read_bytes(), project="an-example", url="https://index.example/x/")
