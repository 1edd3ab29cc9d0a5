"""A project's index page, and how one is read from an upstream's bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit


class PageError(ValueError):
    """The bytes are not a project's index page; the message is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Page:
    """
    One project's page of the Simple API.

    `document` has the shape of the JSON form (PEP 691, with PEP 700, 708, 740 and 792), which is
    the master form because PEP 833 freezes the HTML form; keys that no PEP names are in it as
    upstream sent them. Each `files[].url` in it is absolute.
    `html_version` is the `pypi:repository-version` (PEP 629) of the page's HTML view.
    `serial` is the index's serial of the page's last change, if upstream told it.
    `verbatim` is upstream's own JSON text when `document` says exactly the same, else None.
    """

    document: Mapping[str, Any]
    html_version: str
    serial: int | None
    verbatim: bytes | None


def absolute_url(base: str, url: str) -> str:
    """
    Resolve `url` against the absolute URL `base` (RFC 3986 section 5).

    A URL that is absolute already is returned unchanged, character for character, as is one that
    cannot be parsed.
    """
    if url.startswith(("https://", "http://")):
        return url
    try:
        return url if urlsplit(url).scheme else urljoin(base, url)
    except ValueError:
        return url


def is_web_url(url: str) -> bool:
    """Tell whether `url` is an absolute http or https URL that can be parsed."""
    try:
        return urlsplit(url).scheme in {"http", "https"}
    except ValueError:
        return False
