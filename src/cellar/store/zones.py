"""Zones of the engine's cache: folders with records, named by the MD5 of their keys."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path

# In the cache's folder, but no zones: what is being written, and answers on their way.
_NO_ZONES = {"temp", "renewals", "lost+found"}
_OPERATORS = "zone-"
_NAME = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone: its folder, and the name by which operators know it."""

    folder: Path

    @property
    def name(self) -> str:
        """The name; a zone of cellar_file_zones has the one that it has there."""
        return self.folder.name.removeprefix(_OPERATORS)

    def folders(self) -> Iterator[Path]:
        """Yield the folders that hold records (levels=1:2), those of this moment."""
        for first in _subfolders(self.folder):
            yield from _subfolders(first)

    def place(self, name: str) -> Path:
        """Return where the record of this name is."""
        return self.folder / name[-1] / name[-3:-1] / name


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as its folder shows it: its name, and what changes when nginx replaces it."""

    name: str
    inode: int
    changed: int
    size: int


def zones(cache_dir: Path) -> list[Zone]:
    """Return the zones of a cache, sorted by their names; none if there is no cache yet."""
    return [Zone(folder) for folder in _subfolders(cache_dir) if folder.name not in _NO_ZONES]


def entries(folder: Path) -> Iterator[Entry]:
    """Yield the records in one of a zone's folders; what vanishes meanwhile is left out."""
    try:
        with os.scandir(folder) as listing:
            for each in listing:
                if not _NAME.fullmatch(each.name):
                    continue
                try:
                    found = each.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                yield Entry(each.name, found.st_ino, found.st_mtime_ns, found.st_size)
    except FileNotFoundError:
        return


def place_of(zone: Zone, key: str) -> Path:
    """Return where a zone has the record of a key, if it has one."""
    raw = key.encode("utf-8", "surrogateescape")
    return zone.place(md5(raw, usedforsecurity=False).hexdigest())


def _subfolders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as listing:
            return sorted(Path(each.path) for each in listing if each.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
