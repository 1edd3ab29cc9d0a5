"""What must be true of the readers and the writers of pages, whatever an upstream sends."""

import json
import re
from html.parser import HTMLParser
from typing import Any

from cellar.index.html_reader import read_html
from cellar.index.html_writer import write_html
from cellar.index.json_form import read_json, write_json
from cellar.index.page import Page, PageError

PROJECT = "an-example"
URL = "https://index.example/simple/an-example/"

_SENTENCE = re.compile(r"[A-Z][^\n]*\.")
_TAGS = {"a", "body", "br", "h1", "head", "html", "meta", "title"}
_SCHEME = re.compile(r"(?i)(?!https?:)[a-z][a-z0-9+.-]*:")


def check(body: bytes) -> list[Page]:
    """
    Read `body` in both forms, write what it says in both forms, and return the pages that it is.

    Raises:
        AssertionError: when a promise is broken; and anything that the readers must not raise.

    """
    pages = []
    for read in (read_json, read_html):
        try:
            page = read(body, project=PROJECT, url=URL)
        except PageError as error:
            _check_sentence(str(error))
        else:
            pages.append(page)
            _check_json(page)
            _check_html(page)
            if page.verbatim is not None:
                assert _spelled(page.verbatim) == _spelled(body)
    return pages


def _check_sentence(text: str) -> None:
    assert _SENTENCE.fullmatch(text), f"one sentence: {text!r}"


def _check_json(page: Page) -> None:
    try:
        written = write_json(page.document)
    except RecursionError:
        return
    assert written.isascii()
    again = read_json(written, project=PROJECT, url=URL)
    assert again.document == page.document
    assert again.verbatim == written
    if page.verbatim is not None:
        assert _spelled(page.verbatim) == _spelled(written)


def _spelled(body: bytes) -> Any:
    """Return JSON with the numbers as they are spelled; of equal keys the last one counts."""
    return json.loads(
        body.decode("utf-8-sig"),
        parse_int=lambda number: ("number", number),
        parse_float=lambda number: ("number", number),
    )


def _check_html(page: Page) -> None:
    html = _written(page)
    written = _WrittenPage(html.decode("ascii"))
    assert written.tags <= _TAGS, written.tags
    assert all(_is_harmless(link) for link in written.links), written.links
    assert len(written.links) <= len(page.document["files"])

    # What has been HTML once comes through HTML unchanged from then on.
    once = read_html(html, project=PROJECT, url=URL)
    assert len(once.document["files"]) <= len(page.document["files"])
    again = _written(once)
    assert _written(read_html(again, project=PROJECT, url=URL)) == again


def _written(page: Page) -> bytes:
    return write_html(page.document, version=page.html_version, serial=page.serial)


def _is_harmless(link: dict[str, str | None]) -> bool:
    href = re.sub(r"[\x00-\x20]", "", link["href"] or "")
    return not _SCHEME.match(href) and not any(name.startswith("on") for name in link)


class _WrittenPage(HTMLParser):
    """The tags and the links of a page that was written well; shares no code with Cellar."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[dict[str, str | None]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "a":
            self.links.append(dict(attrs))
