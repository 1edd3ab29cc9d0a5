"""pdm.lock: names the files, with their URLs if it was locked with `static_urls`."""

import tomllib

from cellar.warming.lockfiles.tables import (
    ELSEWHERE,
    Table,
    file_at,
    filename_of,
    marker_of,
    not_of_an_index,
    optional_text_at,
    packages_at,
    shown,
    table_at,
    tables_at,
    text_at,
)
from cellar.warming.wanted import Lock, LockError, Named, Wanted

_KNOWN = "4."


def read_pdm(text: str, name: str) -> Lock:
    """
    Read the text of a pdm.lock, version 4; `name` is what errors call it.

    Raises:
        LockError: when it cannot be read.

    """
    document = tomllib.loads(text)
    metadata = table_at(document, "metadata", name)
    version = text_at(metadata, "lock_version", name)
    if not version.startswith(_KNOWN):
        raise LockError(
            f"{name}: lock_version {shown(version)} of pdm.lock is not known; known is 4."
        )
    # Before 4.2 they stand apart from their packages.
    apart = table_at(metadata, "files", name)
    # The same project again for each set of its extras.
    wanted: dict[Wanted, None] = {}
    notices: dict[str, None] = {}
    for package, place, project in packages_at(document, "package", name):
        elsewhere = next((kind for kind in ELSEWHERE if kind in package), None)
        if elsewhere is not None:
            notices[not_of_an_index(elsewhere, place)] = None
            continue
        released = text_at(package, "version", place)
        files = _files(package, apart, f"{package['name']} {released}", place)
        marker = marker_of(optional_text_at(package, "marker", place), place)
        wanted[Wanted(project, released, tuple(files), marker=marker)] = None
    return Lock(tuple(wanted), tuple(notices))


def _files(package: Table, apart: Table, key: str, place: str) -> list[Named]:
    if "files" in package:
        found = tables_at(package, "files", place)
    else:
        found = tables_at(apart, key, place)
    url = optional_text_at(package, "url", place)
    files = [file_at(file, place) for file in found]
    if url is not None:
        files = [Named(filename_of(url, place), url, file.sha256) for file in files]
    if not files:
        raise LockError(f"{place}: it has no files.")
    return files
