"""poetry.lock: names the files, without URLs."""

import tomllib

from cellar.warming.lockfiles.tables import (
    Table,
    file_at,
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

_KNOWN = ("1.1", "2")
_OF_INDEXES = (None, "legacy")
_OF_URLS = "url"


def read_poetry(text: str, name: str) -> Lock:
    """
    Read the text of a poetry.lock, of Poetry 1.1 or newer; `name` is what errors call it.

    Raises:
        LockError: when it cannot be read.

    """
    document = tomllib.loads(text)
    metadata = table_at(document, "metadata", name)
    form = text_at(metadata, "lock-version", name)
    if not form.startswith(_KNOWN):
        raise LockError(
            f"{name}: lock-version {shown(form)} of poetry.lock is not known; known are 1.1 and 2."
        )
    # Before 2.0 they stand apart from their packages.
    apart = table_at(metadata, "files", name)
    wanted, notices = [], []
    for package, place, project in packages_at(document, "package", name):
        source = table_at(package, "source", place)
        kind = optional_text_at(source, "type", place)
        if kind not in {*_OF_INDEXES, _OF_URLS}:
            notices.append(not_of_an_index(str(kind), place))
            continue
        key, holder = ("files", package) if "files" in package else (package["name"], apart)
        files = tuple(file_at(file, place) for file in tables_at(holder, key, place))
        if kind == _OF_URLS:
            url = text_at(source, "url", place)
            files = tuple(Named(file.filename, url, file.sha256) for file in files)
        if not files:
            raise LockError(f"{place}: it has no files.")
        marker = marker_of(_marker(package, place), place)
        version = text_at(package, "version", place)
        # What has no source is PyPI's, of which Poetry knows no other way than by its documents.
        is_pypi = kind is None
        wanted.append(Wanted(project, version, files, marker=marker, by_document=is_pypi))
    return Lock(tuple(wanted), tuple(notices))


def _marker(package: Table, place: str) -> str | None:
    """Return when a package is wanted, in one of its groups."""
    if isinstance(package.get("markers"), str | None):
        return optional_text_at(package, "markers", place)
    markers = table_at(package, "markers", place)
    # A group without a marker wants it always.
    if any(group not in markers for group in package.get("groups", [])):
        return None
    return " or ".join(f"({text_at(markers, group, place)})" for group in markers)
