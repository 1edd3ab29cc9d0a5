"""Removing from the cache what an operator names, so that it is fetched anew."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cellar.store import Folder, Selection, search


@dataclass(slots=True)
class Purged:
    """What was removed of one path in one zone: how many records, and their bytes on disk."""

    kind: str
    path: str
    zone: str
    records: int = 0
    bytes: int = 0


def purge(
    cache_dir: Path,
    selections: Sequence[Selection],
    *,
    dry_run: bool = False,
    progress: Callable[[Iterable[Folder]], Iterable[Folder]] = iter,
) -> list[Purged]:
    """
    Remove every record that one of the selections means; return what that was, sorted by path.

    All are found before the first one is removed, so that no slice of a file outlives the others
    for longer than removing takes. With `dry_run` nothing is removed. `progress` may watch the
    folders that are read.

    Raises:
        OSError: the disk does not give a record, or does not let go of one.

    """
    found = list(search(cache_dir, selections, progress))
    purged: dict[tuple[str, str, str], Purged] = {}
    for each in found:
        if not dry_run:
            each.place.unlink(missing_ok=True)
        path = f"{each.key.origin}{each.key.path}"
        name = path, str(each.key.kind), each.zone.name
        of = purged.setdefault(name, Purged(str(each.key.kind), path, each.zone.name))
        of.records += 1
        of.bytes += each.size
    return [purged[name] for name in sorted(purged)]
