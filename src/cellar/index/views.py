"""The views of one upstream page: every door and form that it is served through."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from cellar.index.html_reader import read_html
from cellar.index.html_writer import write_html
from cellar.index.json_form import read_json, write_json
from cellar.index.links import PACKAGES, Links
from cellar.index.page import Page, PageError
from cellar.index.splicing import spliced, spliced_at_once

# Part of every ETag: raise it when the same upstream page is rewritten into something else, so that
# no client takes a 304 for the old bytes.
REVISION = 3

_UTF_8_BOM = b"\xef\xbb\xbf"


class Door(StrEnum):
    """
    How the appliance is reached: by its own name, by PyPI's, or from within.

    Unfiltered pages are for the appliance itself: what upstream says, before any policy.
    """

    INDEX = "index"
    INTERCEPT = "intercept"
    UNFILTERED = "unfiltered"


class Form(StrEnum):
    """The forms of the Simple API (PEP 691)."""

    JSON = "json"
    HTML = "html"


def read_page(body: bytes, *, project: str, url: str) -> Page:
    """
    Read an upstream's page of `project`, which was found at `url`.

    What the body is decides how it is read, not what its Content-Type says: an object is JSON,
    markup is HTML.

    Raises:
        PageError: when the bytes are not that project's index page.

    """
    start = body.removeprefix(_UTF_8_BOM).lstrip()[:1]
    if start == b"{":
        return read_json(body, project=project, url=url)
    if start == b"<":
        return read_html(body, project=project, url=url)
    raise PageError("The body is neither a JSON object nor HTML.")


def view(  # noqa: PLR0913 what a view is made of
    page: Page,
    door: Door,
    form: Form,
    *,
    links: Links,
    root: str,
    elsewhere: Callable[[Mapping[str, Any]], bool] | None = None,
) -> bytes:
    """
    Return what `door` serves of `page` in `form`: identity-encoded bytes.

    URLs of cached files become relative, by way of `root` (from the page to the appliance's root):
    behind the index door all of them, behind the intercept door those of other indexes than PyPI,
    on unfiltered pages none. `elsewhere` tells of an entry of `files` whether clients of the index
    door are sent to upstream for it: then its URL stays. Nothing else changes: of upstream's JSON
    everything else is passed byte for byte where that can be, and else says the same.

    Raises:
        PageError: when the document is nested too deeply to be written.

    """
    files = page.document["files"]
    if (
        (door, form) == (Door.INDEX, Form.JSON)
        and page.verbatim is not None
        and elsewhere is None
        and (text := spliced_at_once(page.verbatim, len(files), links.pypi[0], root + PACKAGES))
    ):
        return text
    urls = [file["url"] for file in files]
    shown = urls
    if door is not Door.UNFILTERED:
        shown = links.rewritten(files, root, pypi=door is Door.INDEX)
    if door is Door.INDEX and elsewhere is not None:
        shown = [
            url if elsewhere(file) else own
            for file, url, own in zip(files, urls, shown, strict=True)
        ]
    if form is Form.JSON and page.verbatim is not None:
        if shown == urls:
            return page.verbatim
        if (text := spliced(page.verbatim, urls, shown)) is not None:
            return text
    document = page.document
    if shown != urls:
        changed = [{**file, "url": url} for file, url in zip(files, shown, strict=True)]
        document = {**document, "files": changed}
    if form is Form.HTML:
        return write_html(document, version=page.html_version, serial=page.serial)
    try:
        return write_json(document)
    except RecursionError:
        raise PageError("The JSON is nested too deeply.") from None
