"""A project's index page, and how one is read from an upstream's bytes."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

# A hash as HTML says it, in the fragment of a URL and in attributes (PEP 503, PEP 658).
HASH = re.compile(rf"({'|'.join(sorted(hashlib.algorithms_guaranteed))})=([0-9a-fA-F]+)", re.ASCII)

# How a URL begins that no page needs to be resolved against.
ABSOLUTE = ("https://", "http://")
# A URL that is one at the first glance, as most are: the parser takes much longer.
_WEB_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?/[^\[\]]*")

# Characters of a URL, more than any server takes. A longer one is passed on, but not understood.
LONGEST_URL = 8192
# Characters that all the URLs of a page may have together. Relative links can multiply:
# a page of a million links of one letter would come to gigabytes with a long base.
URLS_LIMIT = 64 * 1024 * 1024


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


class Resolver:
    """Resolves the URLs of one page against its base, an absolute URL."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._left = URLS_LIMIT

    def absolute(self, url: str) -> str:
        """
        Resolve `url` against the base (RFC 3986 section 5).

        A URL that is absolute already is returned unchanged, character for character, as is one
        that cannot be parsed or is too long.

        Raises:
            PageError: when the page's URLs come to too many characters.

        """
        if url.startswith(ABSOLUTE) or len(url) > LONGEST_URL:
            return url
        try:
            resolved = url if urlsplit(url).scheme else urljoin(self._base, url)
        except ValueError:
            return url
        self._left -= len(resolved)
        if self._left < 0:
            raise PageError(f"The URLs of the page have more than {URLS_LIMIT} characters.")
        return resolved


def is_web_url(url: str) -> bool:
    """Tell whether `url` is an absolute http or https URL with a host, and not too long."""
    if len(url) > LONGEST_URL:
        return False
    if _WEB_URL.fullmatch(url):
        return True
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
