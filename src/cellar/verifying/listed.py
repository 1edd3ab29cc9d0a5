"""What the pages in the store promise of the files that stand beside distributions."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellar.decoding import BoundedDecoder, DecodingError
from cellar.index.page import PageError
from cellar.index.views import read_page
from cellar.store import ForeignRecordError, Key, RecordError, Zone, open_record, place_of

_PAGES = "pages"
# Below this, paths tell whose files they are.
_OTHERS = "/files/"
# Where a page may be, the one that hides nothing first.
_DOORS = ("unfiltered", "intercept", "index")
# PEP 714's name first, then PEP 658's.
_KEYS = ("core-metadata", "dist-info-metadata")
# Pages whose promises are kept in memory.
_KEPT = 64
_LONGEST_PAGE = 2**27


@dataclass(frozen=True, slots=True)
class Promise:
    """The SHA-256 of a file and of its metadata, as its page has them."""

    file: str
    metadata: str


class Listed:
    """The promises of the pages that are stored; upstream is not asked for any."""

    def __init__(self, cache_dir: Path, revision: str) -> None:
        """Prepare to read; `revision` is that of the pages, a part of their keys."""
        self._zone = Zone(cache_dir / _PAGES)
        self._revision = revision
        self._known: OrderedDict[str, dict[str, list[Promise]]] = OrderedDict()

    def metadata(self, key: Key) -> str | None:
        """Return the SHA-256 of the metadata file that a key is about, None if no page says it."""
        for project in key.projects:
            for promise in self._promises(project).get(key.filename, ()):
                # An index may have had another file of this name.
                if not key.path.startswith(_OTHERS) or f"/{promise.file}/" in key.path:
                    return promise.metadata
        return None

    def _promises(self, project: str) -> dict[str, list[Promise]]:
        if project in self._known:
            self._known.move_to_end(project)
            return self._known[project]
        promises = self._read(project)
        self._known[project] = promises
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return promises

    def _read(self, project: str) -> dict[str, list[Promise]]:
        promises: dict[str, list[Promise]] = {}
        for door in _DOORS:
            key = f"p2:{door}:json:{self._revision}:/simple/{project}/"
            try:
                files = _files(place_of(self._zone, key), project)
            except (OSError, RecordError, ForeignRecordError, DecodingError, PageError):
                continue
            for file in files:
                metadata = _sha256(file)
                if metadata:
                    of = promises.setdefault(file["filename"], [])
                    of.append(Promise(str(file["hashes"].get("sha256", "")).lower(), metadata))
            break
        return promises


def _files(place: Path, project: str) -> list[Mapping[str, Any]]:
    with open_record(place) as record:
        decoder = BoundedDecoder(record.header.get("content-encoding", ""), _LONGEST_PAGE)
        for piece in record.body():
            decoder.feed(piece)
        body = decoder.finish()
    files: list[Mapping[str, Any]]
    files = read_page(body, project=project, url="http://engine/").document["files"]
    return files


def _sha256(file: Mapping[str, Any]) -> str | None:
    for key in _KEYS:
        hashes = file.get(key)
        if isinstance(hashes, dict) and isinstance(hashes.get("sha256"), str):
            return str(hashes["sha256"]).lower()
    return None
