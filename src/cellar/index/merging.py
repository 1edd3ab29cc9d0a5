"""One page from the pages that several indexes have of a project."""

import re
from collections.abc import Sequence
from typing import Any

from cellar.index.page import Page

_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})", re.ASCII)
_LOWEST_VERSION = "1.0"


def merge(pages: Sequence[Page]) -> Page:
    """
    Merge pages of one project, the one with priority first; a single page stays as it is.

    The first page is the base: its name, its status and all that it says beside files are kept,
    and what only a later page says of the project is not. Files of later pages follow in their
    order, without those whose file name an earlier page has. The page's version is the lowest of
    all, because it promises no more than all of them keep. `versions` are united in order, if
    every page has them: a list that lacks some would be worse than none.

    Serials of different indexes cannot be compared, so a merged page has none.
    """
    if len(pages) == 1:
        return pages[0]
    base = pages[0].document
    api_version = _lowest([page.document["meta"].get("api-version") for page in pages])
    meta = {**base["meta"], "api-version": api_version}
    meta.pop("_last-serial", None)
    document = {**base, "meta": meta, "files": _files(pages)}
    document.pop("versions", None)
    versions = [page.document.get("versions") for page in pages]
    if all(isinstance(listed, list) for listed in versions):
        document["versions"] = _united(versions)
    return Page(
        document=document,
        html_version=_lowest([page.html_version for page in pages]),
        serial=None,
        verbatim=None,
    )


def _files(pages: Sequence[Page]) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = []
    taken: set[str] = set()
    for page in pages:
        own = page.document["files"]
        files += [file for file in own if file["filename"] not in taken]
        taken.update(file["filename"] for file in own)
    return files


def _united(lists: Sequence[Any]) -> list[Any]:
    united: list[Any] = []
    for listed in lists:
        texts = {entry for entry in united if isinstance(entry, str)}
        united += [e for e in listed if not isinstance(e, str) or e not in texts]
    return united


def _lowest(versions: Sequence[Any]) -> str:
    found = [_VERSION.fullmatch(v) if isinstance(v, str) else None for v in versions]
    # What says no version it can be held to promises the least.
    if not all(found):
        return _LOWEST_VERSION
    return min((m for m in found if m), key=lambda m: (int(m[1]), int(m[2])))[0]
