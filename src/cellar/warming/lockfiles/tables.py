"""Reading the tables of a lock file, of which any key may be missing or of another type."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.markers import InvalidMarker, Marker

from cellar.index.names import is_valid, normalise
from cellar.policy.texts import one_line
from cellar.warming.wanted import LockError, Named

Table = Mapping[str, Any]

# Keys of a package that comes from no index.
ELSEWHERE = ("git", "hg", "svn", "bzr", "path", "editable")

_SHA256 = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
_LONGEST = 80


def shown(value: object) -> str:
    """Write a wrong value on one line, short enough for a sentence."""
    text = one_line(repr(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def table_at(table: Table, key: str, place: str) -> Table:
    """
    Return a table of a table, empty if it is not there.

    Raises:
        LockError: when it is something else; so do the functions below.

    """
    value = table.get(key, {})
    if not isinstance(value, Mapping):
        raise LockError(f"{place}: {key} is {shown(value)}; it must be a table.")
    return value


def tables_at(table: Table, key: str, place: str) -> list[Table]:
    """Return the tables that a key lists, none if it is not there."""
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise LockError(f"{place}: {key} is {shown(value)}; it must be a list of tables.")
    return value


def text_at(table: Table, key: str, place: str) -> str:
    """Return a text that has to be there."""
    value = optional_text_at(table, key, place)
    if value is None:
        raise LockError(f"{place}: {key} is missing.")
    return value


def optional_text_at(table: Table, key: str, place: str) -> str | None:
    """Return a text, None if it is not there."""
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise LockError(f"{place}: {key} is {shown(value)}; it must be a text.")
    return value


def packages_at(table: Table, key: str, place: str) -> Iterator[tuple[Table, str, str]]:
    """Yield the packages that a key lists, each with its place and its normalised name."""
    for number, package in enumerate(tables_at(table, key, place), start=1):
        where = f"{place}: package {number}"
        name = project_of(text_at(package, "name", where), where)
        yield package, f"{where} ({name})", name


def project_of(name: str, place: str) -> str:
    """Return the normalised spelling of a project's name."""
    if not is_valid(name):
        raise LockError(f"{place}: {shown(name)} is no name of a project.")
    return normalise(name)


def marker_of(text: str | None, place: str) -> Marker | None:
    """Return an environment marker (PEP 508), None for no text."""
    if not text:
        return None
    try:
        return Marker(text)
    except InvalidMarker:
        raise LockError(f"{place}: {shown(text)} is no environment marker.") from None


def sha256_of(written: str | None, place: str) -> str | None:
    """Return the digest of `sha256:<digest>`, None for no text and for other algorithms."""
    algorithm, _, digest = (written or "").partition(":")
    return digest_of(digest, place) if algorithm == "sha256" else None


def digest_of(digest: str, place: str) -> str:
    """Return a SHA-256 in lower case."""
    if not _SHA256.fullmatch(digest):
        raise LockError(f"{place}: {shown(digest)} is no SHA-256.")
    return digest.lower()


def filename_of(url: str, place: str) -> str:
    """Return the last part of a URL's path."""
    try:
        filename = unquote(urlsplit(url).path.rpartition("/")[2])
    except ValueError:
        filename = ""
    if not filename:
        raise LockError(f"{place}: {shown(url)} is no URL of a file.")
    return filename


def file_at(table: Table, place: str) -> Named:
    """Return a file given by `url` or `file`, and `hash`."""
    digest = sha256_of(optional_text_at(table, "hash", place), place)
    url = optional_text_at(table, "url", place)
    if url is not None:
        return Named(filename_of(url, place), url, digest)
    return Named(text_at(table, "file", place), None, digest)


def not_of_an_index(what: str, place: str) -> str:
    """Return the notice for a package that no index has."""
    return f"{place}: it comes from {what} and not from an index; passed over."
