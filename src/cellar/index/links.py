"""File URLs: which of them the appliance caches, and their form behind the index door."""

import re
from collections.abc import Mapping
from typing import Any

# What the engine caches: the hashed path of a file (blake2b-256 of its content, cut 2/2/60) and a
# name in the characters that file names of distributions have. The escapes are those characters
# again, percent-encoded (RFC 3986 section 2.1).
_HASHED_PATH = re.compile(
    r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/[A-Za-z0-9](?:[A-Za-z0-9._+!~-]|%2[1Bb]|%7[Ee])*",
    re.ASCII,
)

# From /simple/<project>/ to /packages/.
_PACKAGES = "../../packages/"


def appliance_url(url: str, files_url: str) -> str | None:
    """
    Return the relative URL of a file that the appliance caches, else None.

    It is relative to `/simple/<project>/`, and a plain prefix swap: `files_url` (which ends with a
    slash) at the beginning of `url` becomes `../../packages/`, the rest is kept byte for byte.
    """
    if not url.startswith(files_url):
        return None
    path = url.removeprefix(files_url)
    return _PACKAGES + path if _HASHED_PATH.fullmatch(path) else None


def through_index_door(document: Mapping[str, Any], files_url: str) -> dict[str, Any]:
    """Return the document with the URLs of cached files made relative; nothing else changes."""
    return {**document, "files": [_through_index_door(f, files_url) for f in document["files"]]}


def _through_index_door(file: dict[str, Any], files_url: str) -> dict[str, Any]:
    url = appliance_url(file["url"], files_url)
    return file if url is None else {**file, "url": url}
