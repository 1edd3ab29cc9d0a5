"""Pipfile.lock: has the hashes of the files, and no names."""

import json

from cellar.warming.lockfiles.tables import (
    ELSEWHERE,
    Table,
    filename_of,
    marker_of,
    not_of_an_index,
    optional_text_at,
    project_of,
    sha256_of,
    shown,
    table_at,
)
from cellar.warming.wanted import Lock, LockError, Named, Wanted

_KNOWN = 6
_META = "_meta"


def read_pipfile(text: str, name: str) -> Lock:
    """
    Read the text of a Pipfile.lock, specification 6; `name` is what errors call it.

    Raises:
        LockError: when it cannot be read.

    """
    document = json.loads(text)
    spec = table_at(document, _META, name).get("pipfile-spec")
    if spec != _KNOWN:
        raise LockError(
            f"{name}: pipfile-spec {shown(spec)} of Pipfile.lock is not known; known is {_KNOWN}."
        )
    wanted: list[Wanted] = []
    notices: list[str] = []
    # All others are categories of packages: default, develop, and those that the Pipfile names.
    for category in (key for key in document if key != _META):
        packages = table_at(document, category, name)
        for written in packages:
            place = f"{name}: {category}.{written}"
            package = table_at(packages, written, f"{name}: {category}")
            elsewhere = next((kind for kind in ELSEWHERE if kind in package), None)
            if elsewhere is not None:
                notices.append(not_of_an_index(elsewhere, place))
            else:
                wanted.append(_wanted(package, project_of(written, place), place))
    return Lock(tuple(dict.fromkeys(wanted)), tuple(notices))


def _wanted(package: Table, project: str, place: str) -> Wanted:
    hashes = package.get("hashes", [])
    if not isinstance(hashes, list) or not all(isinstance(each, str) for each in hashes):
        raise LockError(f"{place}: hashes is {shown(hashes)}; it must be a list of texts.")
    digests = frozenset(filter(None, (sha256_of(each, place) for each in hashes)))
    marker = marker_of(optional_text_at(package, "markers", place), place)
    url = optional_text_at(package, "file", place)
    if url is not None:
        digest = next(iter(digests)) if len(digests) == 1 else None
        return Wanted(project, None, (Named(filename_of(url, place), url, digest),), marker=marker)
    version = optional_text_at(package, "version", place) or ""
    if not version.startswith("=="):
        raise LockError(f"{place}: version is {shown(version)}; it must begin with ==.")
    return Wanted(project, version.lstrip("="), sha256=digests, marker=marker)
