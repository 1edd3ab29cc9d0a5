"""What a path in the logs is about."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from cellar.index.links import SIBLINGS
from cellar.index.names import is_valid, normalise
from cellar.policy.distributions import project_candidates


class Kind(StrEnum):
    """
    The kinds of requests that are counted apart.

    PAGE is the page of a project, LIST the list of all projects, DOCUMENT the JSON API and
    provenance. METADATA is what stands beside a file (PEP 658). OTHER is all else, most of which
    the appliance passes through.
    """

    PAGE = "page"
    LIST = "list"
    DOCUMENT = "document"
    FILE = "file"
    METADATA = "metadata"
    OTHER = "other"


#: The kinds that the cache is for.
CACHED_KINDS = (Kind.PAGE, Kind.LIST, Kind.DOCUMENT, Kind.FILE, Kind.METADATA)

# Before the path of a page or of a document, where the rewriter is asked for it.
_OF_THE_REWRITER = re.compile(
    r"/(?:index|intercept|unfiltered)(?:/(?:json|html))?(?=/(?:simple|snapshot|pypi|integrity)/)",
    re.ASCII,
)
_PAGE = re.compile(r"(?:/snapshot/[0-9-]{10})?/simple/(?P<project>[^/]+)/?", re.ASCII)
_DOCUMENT = re.compile(
    r"/(?:pypi/(?P<of_pypi>[^/]+)(?:/[^/]+)?/json|"
    r"integrity/(?P<of_file>[^/]+)/[^/]+/[^/]+/provenance)/?",
    re.ASCII,
)
_LIST = re.compile(r"/simple/?", re.ASCII)
_FILE = re.compile(r"/(?:packages|files/[^/]+/[^/]+|heads/[^/]+)/(?:[^/]+/)*(?P<name>[^/]+)")


@dataclass(frozen=True, slots=True)
class Subject:
    """
    What a path is about.

    `project` is a normalised name, "" if the path tells none. `filename` is that of the file
    itself, "" if the path is not of one.
    """

    kind: Kind
    project: str = ""
    filename: str = ""


_OTHER = Subject(Kind.OTHER)


# The same few thousand paths make up most of a log.
@lru_cache(maxsize=16384)
def subject_of(path: str) -> Subject:
    """Return what a decoded path of a door, of the engine's own sockets or of the rewriter is."""
    prefix = _OF_THE_REWRITER.match(path)
    if prefix:
        path = path[prefix.end() :]
    if (page := _PAGE.fullmatch(path)) is not None:
        return _named(Kind.PAGE, page["project"])
    if (file := _FILE.fullmatch(path)) is not None:
        return _of_file(file["name"])
    if (document := _DOCUMENT.fullmatch(path)) is not None:
        return _named(Kind.DOCUMENT, document["of_pypi"] or document["of_file"])
    return Subject(Kind.LIST) if _LIST.fullmatch(path) else _OTHER


def _named(kind: Kind, name: str) -> Subject:
    return Subject(kind, normalise(name)) if is_valid(name) else _OTHER


def _of_file(name: str) -> Subject:
    kind = Kind.FILE
    for suffix in SIBLINGS:
        if name.endswith(suffix):
            kind, name = Kind.METADATA, name.removesuffix(suffix)
            break
    project = next(iter(project_candidates(name)), "")
    return Subject(kind, project, name if kind is Kind.FILE else "")
