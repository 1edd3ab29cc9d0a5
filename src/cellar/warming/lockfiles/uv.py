"""uv.lock: names the files, with their URLs."""

import tomllib

from cellar.warming.lockfiles.tables import (
    Table,
    file_at,
    not_of_an_index,
    optional_text_at,
    packages_at,
    table_at,
    tables_at,
)
from cellar.warming.wanted import Lock, LockError, Named, Wanted

_VERSION = 1
# What a project consists of itself is no news.
_OWN = ("virtual", "editable")


def read_uv(text: str, name: str) -> Lock:
    """
    Read the text of a uv.lock, version 1; `name` is what errors call it.

    Raises:
        LockError: when it cannot be read.

    """
    document = tomllib.loads(text)
    version = document.get("version")
    if version != _VERSION:
        raise LockError(f"{name}: version {version} of uv.lock is not known; known is {_VERSION}.")
    wanted, notices = [], []
    for package, place, project in packages_at(document, "package", name):
        files = _files(package, place)
        source = table_at(package, "source", place)
        if files:
            released = optional_text_at(package, "version", place)
            wanted.append(Wanted(project, released, files))
        elif not any(kind in source for kind in _OWN):
            what = " ".join(f"{kind} {where}" for kind, where in source.items())
            notices.append(not_of_an_index(what or "nowhere", place))
    return Lock(tuple(wanted), tuple(notices))


def _files(package: Table, place: str) -> tuple[Named, ...]:
    sdist = table_at(package, "sdist", place)
    found = [*tables_at(package, "wheels", place), *([sdist] if sdist else [])]
    # Without a URL it is a file on a disk.
    return tuple(file_at(file, place) for file in found if "url" in file)
