"""Finding the records that somebody means."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cellar.store.keys import Key, read_key
from cellar.store.records import ForeignRecordError, RecordError, open_record
from cellar.store.selection import Selection
from cellar.store.zones import Zone, entries, zones

Folder = tuple[Zone, Path]


@dataclass(frozen=True, slots=True)
class Found:
    """A record that is meant: where it is, what it is about, and its bytes on disk."""

    zone: Zone
    place: Path
    key: Key
    size: int


def search(
    cache_dir: Path,
    selections: Sequence[Selection],
    progress: Callable[[Iterable[Folder]], Iterable[Folder]] = iter,
) -> Iterator[Found]:
    """
    Yield the records that one of the selections means; `progress` may watch the folders go by.

    A damaged record does not say what it is about, and is left out.

    Raises:
        OSError: the disk does not give a record.

    """
    folders = [(zone, folder) for zone in zones(cache_dir) for folder in zone.folders()]
    for zone, folder in progress(folders):
        for entry in entries(folder):
            place = folder / entry.name
            try:
                with open_record(place) as record:
                    key = read_key(record.key)
            except (FileNotFoundError, RecordError, ForeignRecordError):
                continue
            if any(selection.matches(key) for selection in selections):
                yield Found(zone, place, key, entry.size)
