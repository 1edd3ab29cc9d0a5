"""File URLs: which of them the appliance caches, and under which path of its own."""

import re
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Self
from urllib.parse import quote, unquote

from cellar.settings import PYPI, IndexSettings

# What the engine caches of PyPI's: the hashed path of a file (blake2b-256 of its content, cut
# 2/2/60) and a name in the characters that file names of distributions have. The escapes are those
# characters again, percent-encoded (RFC 3986 section 2.1). Possessive, so that a long run of plain
# characters is one step, and never tried again in pieces.
HASHED_PATH = (
    r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/[A-Za-z0-9](?:[A-Za-z0-9._+!~-]++|%2[1Bb]|%7[Ee])*+"
)
_HASHED_PATH = re.compile(HASHED_PATH, re.ASCII)
# The parts of that for a look at many paths together: where its slashes are, and its characters.
_FOLDERS, _SLASHES = 67, (2, 5, 66)
_HEX = b"0123456789abcdef"
_NAME = (string.ascii_letters + string.digits + "._+!~-").encode()
# What the engine caches of other indexes', decoded: parts of the same characters, none of them a
# step to the folder itself or to the one above.
_PART = r"(?!\.\.?(?:/|\Z))[A-Za-z0-9._+!~-]+"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*", re.ASCII)
_ORIGIN = re.compile(r"[a-z0-9.-]+(?::[0-9]+)?", re.ASCII)
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
_UNHASHED = "-"
_DIGEST = re.compile(r"[0-9a-f]{64}|-", re.ASCII)

PACKAGES = "packages/"
# What an index serves beside a file, under the file's URL with this behind it.
SIBLINGS = (".metadata", ".metadata.json", ".asc")
_FILES = "files/"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file of the appliance comes from: an origin's host (and port), and a decoded path."""

    origin: str
    path: str

    @property
    def target(self) -> str:
        """The path as the origin is asked for it; a plus is a space to some object stores."""
        return quote(self.path, safe="/!~")


@dataclass(frozen=True, slots=True)
class Links:
    """
    Which file URLs are cached.

    `pypi` are the prefixes of PyPI's files, whose paths prove their content: behind the index door
    they are found below `packages/`. `others` are prefixes of other indexes' files, which are found
    below `files/` at both doors, so that their credentials stay on the appliance. All prefixes end
    with a slash. `closed` are origins that want a credential, which no client has.
    """

    pypi: tuple[str, ...]
    others: tuple[str, ...]
    closed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, indexes: Iterable[IndexSettings]) -> Self:
        """Return the links of an appliance, of whose indexes one is PyPI."""
        every = list(indexes)
        prefixes = {index.name: index.files for index in every}
        pypi = prefixes.pop(PYPI)
        closed = frozenset(
            source_of(prefix).origin
            for index in every
            if index.credential
            for prefix in index.files
        )
        return cls(pypi, tuple(prefix for files in prefixes.values() for prefix in files), closed)

    def rewritten(self, files: Sequence[Mapping[str, Any]], root: str, *, pypi: bool) -> list[str]:
        """
        Return the URLs of `files` (of a page), those of cached files relative, the others as is.

        `root` leads from the page to the appliance's root, such as `../../`. Without `pypi` the
        URLs of PyPI's files stay.
        """
        if not pypi:
            return [self._relative(file, root) for file in files]
        hashed = _hashed(self.pypi).fullmatch
        packages = root + PACKAGES
        return [
            packages + found[1] if (found := hashed(file["url"])) else self._relative(file, root)
            for file in files
        ]

    def cached_path(self, file: Mapping[str, Any]) -> str | None:
        """
        Return the appliance's path (without its first slash) of an entry of `files`, None for none.

        The path of the URL is kept byte for byte. A URL with a query is of no cached file.
        """
        if found := _hashed(self.pypi).fullmatch(file["url"]):
            return PACKAGES + found[1]
        return self._other(file)

    def _relative(self, file: Mapping[str, Any], root: str) -> str:
        path = self._other(file)
        return file["url"] if path is None else root + path

    def _other(self, file: Mapping[str, Any]) -> str | None:
        """Return the path of a file of another index than PyPI, None for all other files."""
        url: str = file["url"]
        if url.startswith(self.pypi):
            return None
        for prefix in self.others:
            if url.startswith(prefix):
                origin, _, rest = url.partition("://")[2].partition("/")
                path, separator, fragment = rest.partition("#")
                if not _ORIGIN.fullmatch(origin) or not _is_cacheable(path):
                    return None
                return f"{_FILES}{origin}/{_digest(file)}/{path}{separator}{fragment}"
        return None

    def cached_source(self, file: Mapping[str, Any]) -> Source | None:
        """Return where the appliance gets an entry of `files` from; None if it is not cached."""
        path = self.cached_path(file)
        return None if path is None else self.source("/" + unquote(path.partition("#")[0]))

    def source(self, path: str) -> Source | None:
        """
        Return where the file at the appliance's own (decoded) `path` comes from.

        The inverse of `cached_path`: None for everything that no page could link to.
        """
        root, _, rest = path.removeprefix("/").partition("/")
        if root == "packages" and _HASHED_PATH.fullmatch(rest):
            return source_of(self.pypi[0] + rest)
        if root != "files":
            return None
        origin, _, rest = rest.partition("/")
        digest, _, rest = rest.partition("/")
        if not _DIGEST.fullmatch(digest) or not _PATH.fullmatch(rest):
            return None
        source = Source(origin, f"/{rest}")
        below = (source_of(prefix) for prefix in self.others)
        return source if any(_is_below(source, prefix) for prefix in below) else None


def all_hashed(texts: Sequence[bytes]) -> bool:
    """
    Tell whether every text is, up to its first quote, a `HASHED_PATH` without escapes.

    Each text has a quote. A look at all texts together takes a third of the time of one at each.
    """
    folders = b"".join([text[:_FOLDERS] for text in texts])
    slashes = b"/" * len(texts)
    names = [text[_FOLDERS : text.find(b'"', _FOLDERS)] for text in texts]
    first = b"".join([name[:1] for name in names])
    return (
        len(first) == len(texts)
        and all(folders[at::_FOLDERS] == slashes for at in _SLASHES)
        and len(folders.translate(None, _HEX)) == len(_SLASHES) * len(texts)
        and (first.isalnum() or not texts)
        and not b"".join(names).translate(None, _NAME)
    )


@cache
def _hashed(prefixes: tuple[str, ...]) -> re.Pattern[str]:
    # In a group that is never tried again: the first prefix that a URL has is the one that counts.
    prefix = "|".join(map(re.escape, prefixes))
    return re.compile(f"(?>{prefix})({HASHED_PATH})", re.ASCII)


def source_of(url: str) -> Source:
    """Return where the file at an absolute URL comes from."""
    origin, _, path = url.partition("://")[2].partition("/")
    return Source(origin, "/" + unquote(path.partition("#")[0]))


def _is_below(source: Source, prefix: Source) -> bool:
    return source.origin == prefix.origin and source.path.startswith(prefix.path)


def _is_cacheable(path: str) -> bool:
    # An escaped slash is no slash: decoded it would be one, and lead elsewhere.
    return "%2f" not in path.lower() and _PATH.fullmatch(unquote(path)) is not None


def _digest(file: Mapping[str, Any]) -> str:
    hashes = file.get("hashes")
    digest = hashes.get("sha256") if isinstance(hashes, dict) else None
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        return _UNHASHED
    return digest.lower()
