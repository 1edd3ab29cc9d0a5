"""The views of one upstream page: every door and form that it is served through."""

from dataclasses import dataclass
from enum import StrEnum

from cellar.index.html_reader import read_html
from cellar.index.html_writer import write_html
from cellar.index.json_form import read_json, write_json
from cellar.index.links import through_index_door
from cellar.index.page import Page, PageError

# Part of every ETag: raise it when the same upstream page is rewritten into something else, so that
# no client takes a 304 for the old bytes.
REVISION = 1

_UTF_8_BOM = b"\xef\xbb\xbf"


class Door(StrEnum):
    """How clients reach the appliance: by its own name, or by PyPI's."""

    INDEX = "index"
    INTERCEPT = "intercept"


class Form(StrEnum):
    """The forms of the Simple API (PEP 691)."""

    JSON = "json"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class View:
    """A page as one door serves it in one form: identity-encoded bytes, and the index's serial."""

    body: bytes
    serial: int | None


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


def view(page: Page, door: Door, form: Form, *, files_url: str) -> View:
    """
    Return what `door` serves of `page` in `form`.

    Behind the intercept door URLs stay as upstream wrote them, and upstream's JSON is passed byte
    for byte. Behind the index door the URLs of cached files (those with the prefix `files_url`)
    become relative, and nothing else changes.

    Raises:
        PageError: when the document is nested too deeply to be written.

    """
    document = page.document
    if door is Door.INDEX:
        document = through_index_door(document, files_url)
    elif form is Form.JSON and page.verbatim is not None:
        return View(page.verbatim, page.serial)
    if form is Form.HTML:
        return View(
            write_html(document, version=page.html_version, serial=page.serial), page.serial
        )
    try:
        return View(write_json(document), page.serial)
    except RecursionError:
        raise PageError("The JSON is nested too deeply.") from None
