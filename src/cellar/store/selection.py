"""What an operator names: a project, a file, or a pattern of either."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self
from urllib.parse import unquote, urlsplit

from cellar.index.names import is_valid, normalise
from cellar.policy.distributions import is_filename
from cellar.policy.texts import one_line
from cellar.store.keys import Key, Kind

_GLOB = re.compile(r"[*?\[]")
_PROJECT_PAGE = re.compile(r".*/simple/([^/]+)/?", re.ASCII)


class SelectionError(Exception):
    """A text names nothing that could be in a cache; one sentence."""


@dataclass(frozen=True, slots=True)
class Selection:
    """
    Which keys an operator means by a text.

    With a file come its metadata, its length and what was said of it; with a project its pages and
    all of its files.
    """

    text: str
    _matches: Callable[[Key], bool]

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read a project (`demo`), a file's name, its path or URL, or a pattern (`demo-*`).

        A pattern is a shell's, and matches the normalised names of projects and the names of files.

        Raises:
            SelectionError: it is none of these.

        """
        if "://" in text or text.startswith("/"):
            return cls(text, _at(text))
        if _GLOB.search(text):
            pattern = text.lower()
            return cls(text, lambda key: any(fnmatchcase(n, pattern) for n in _names(key)))
        if is_filename(text):
            return cls(text, lambda key: key.filename == text)
        if is_valid(text):
            project = normalise(text)
            return cls(text, lambda key: project in key.projects)
        raise SelectionError(
            f"'{one_line(text)}' is no name of a project or of a file, no path and no pattern."
        )

    def matches(self, key: Key) -> bool:
        """Tell whether a key is meant."""
        return self._matches(key)


def _names(key: Key) -> tuple[str, ...]:
    filename = key.filename.lower()
    return (filename, *key.projects) if filename else key.projects


def _at(text: str) -> Callable[[Key], bool]:
    parts = urlsplit(text)
    path = unquote(parts.path)
    page = _PROJECT_PAGE.fullmatch(path)
    if page is not None and is_valid(page[1]):
        project = normalise(page[1])
        return lambda key: project in key.projects
    if not path.rpartition("/")[2]:
        raise SelectionError(f"'{one_line(text)}' is no path of a file or of a project's page.")
    whole = Key(Kind.FILE, path)
    beside = len(path.rpartition("/")[2]) - len(whole.filename)
    path = path[: len(path) - beside]

    def is_at(key: Key) -> bool:
        if not key.filename or key.filename != whole.filename:
            return False
        is_own = not key.origin and _file_of(key.path, key) == path
        return is_own or _is_from(key, parts.netloc, path)

    return is_at


def _file_of(path: str, key: Key) -> str:
    return path[: len(path) - len(path.rpartition("/")[2])] + key.filename


def _is_from(key: Key, host: str, path: str) -> bool:
    """Tell whether a file of another index, or its length, comes from a URL."""
    if key.origin:
        return key.origin == host and _file_of(key.path, key) == path
    root, _, rest = key.path.removeprefix("/files/").partition("/")
    return root == host and "/" + _file_of(rest, key).partition("/")[2] == path
