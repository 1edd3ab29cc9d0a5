"""Writing the HTML form of an index page (PEP 503) from the shape of the JSON form."""

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from cellar.index.page import HASH

# The order of preference for the one hash that a link can carry; PEP 503 recommends SHA-256.
_HASH_PREFERENCE = ("sha256", "sha512", "sha384", "blake2b", "sha224", "sha1", "md5")
_ATTRIBUTE_PREFIX = "data-"
_ATTRIBUTE_NAME = re.compile(rf"{_ATTRIBUTE_PREFIX}[a-z0-9._-]+", re.ASCII)

# Browsers drop these characters when they look for a URL's scheme (WHATWG URL, section 4.4).
_DROPPED_BY_BROWSERS = re.compile(r"[\x00-\x20]")
_HARMLESS = re.compile(r"https?:|[^:]*(?:[/?#]|\Z)", re.IGNORECASE)


def write_html(document: Mapping[str, Any], *, version: str, serial: int | None) -> bytes:
    """
    Write a document in HTML form, in the manner of PyPI.

    `version` is the value of `pypi:repository-version`. What has no place in HTML is left out:
    `size`, `upload-time`, `versions`, all hashes of a file but the best, and files with a link that
    a browser would run.
    The bytes are ASCII, with character references for everything else.
    """
    lines = ["<!DOCTYPE html>", "<html>", "  <head>"]
    lines += [_meta(name, content) for name, content in _metas(document, version)]
    title = escape(f"Links for {document['name']}")
    lines += [f"    <title>{title}</title>", "  </head>", "  <body>", f"    <h1>{title}</h1>"]
    lines += [_anchor(file) for file in document["files"] if _is_harmless(file["url"])]
    lines += ["  </body>", "</html>"]
    if serial is not None:
        lines.append(f"<!--SERIAL {serial}-->")
    # Readers of HTML take a carriage return for a line feed, unless it is a reference.
    text = "\n".join(lines).replace("\r", "&#13;")
    return text.encode("ascii", "xmlcharrefreplace")


def _metas(document: Mapping[str, Any], version: str) -> Iterator[tuple[str, str]]:
    yield "pypi:repository-version", version
    status = document.get("project-status")
    if isinstance(status, dict):
        for key, name in (
            ("status", "pypi:project-status"),
            ("reason", "pypi:project-status-reason"),
        ):
            if isinstance(status.get(key), str):
                yield name, status[key]
    for name, values in (
        ("pypi:tracks", document["meta"].get("tracks")),
        ("pypi:alternate-locations", document.get("alternate-locations")),
    ):
        if isinstance(values, list):
            yield from ((name, value) for value in values if isinstance(value, str))


def _meta(name: str, content: str) -> str:
    return f'    <meta name="{name}" content="{escape(content)}">'


def _is_harmless(url: str) -> bool:
    # Nearly all; what the patterns say of these is the same, but takes ten times as long.
    if url.startswith(("https:", "http:", "../")):
        return True
    return _HARMLESS.match(_DROPPED_BY_BROWSERS.sub("", url)) is not None


def _anchor(file: Mapping[str, Any]) -> str:
    attributes = [f'href="{escape(_href(file))}"']
    attributes += [f'{name}="{escape(value)}"' for name, value in _data_attributes(file)]
    return f"    <a {' '.join(attributes)}>{escape(file['filename'])}</a><br />"


def _href(file: Mapping[str, Any]) -> str:
    url, _, fragment = file["url"].partition("#")
    parts = [part for part in (_best_hash(file.get("hashes")), fragment) if part]
    return f"{url}#{'&'.join(parts)}" if parts else url


def _best_hash(hashes: object) -> str | None:
    if isinstance(hashes, dict):
        for name in (*_HASH_PREFERENCE, *hashes):
            digest = hashes.get(name)
            if isinstance(digest, str) and HASH.fullmatch(f"{name}={digest}"):
                return f"{name}={digest}"
    return None


def _data_attributes(file: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the `data-…` attributes of a file's anchor, in the order of PyPI's pages."""
    requires_python = file.get("requires-python")
    if isinstance(requires_python, str) and requires_python:
        yield "data-requires-python", requires_python
    # PyPI's JSON has the attribute's name where the PEP says `dist-info-metadata`.
    for keys, name in (
        (("dist-info-metadata", "data-dist-info-metadata"), "data-dist-info-metadata"),
        (("core-metadata",), "data-core-metadata"),
    ):
        metadata = next((file[key] for key in keys if key in file), None)
        if (value := _metadata(metadata)) is not None:
            yield name, value
    yanked = file.get("yanked")
    if yanked is True or (isinstance(yanked, str) and yanked):
        yield "data-yanked", "" if yanked is True else yanked
    if isinstance(file.get("gpg-sig"), bool):
        yield "data-gpg-sig", "true" if file["gpg-sig"] else "false"
    if isinstance(file.get("provenance"), str):
        yield "data-provenance", file["provenance"]
    for key in file:
        if key.startswith(_ATTRIBUTE_PREFIX) and key not in _WRITTEN:
            value = file[key]
            if isinstance(value, str) and _ATTRIBUTE_NAME.fullmatch(key):
                yield key, value


_WRITTEN = frozenset(
    {
        "data-core-metadata",
        "data-dist-info-metadata",
        "data-gpg-sig",
        "data-provenance",
        "data-requires-python",
        "data-yanked",
    }
)


def _metadata(value: object) -> str | None:
    """Return the attribute's value for `core-metadata` (PEP 658, PEP 714), None for absent."""
    if isinstance(value, dict):
        return _best_hash(value) or "true"
    return "true" if value is True else None
