"""Folders that stand in for hosts, and what is in them."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def snapshot(root: Path) -> dict[str, tuple[int, bytes | str | None]]:
    """Return the mode and the content of all below a folder: bytes, a link's target, or None."""
    found: dict[str, tuple[int, bytes | str | None]] = {}
    for path in sorted(root.rglob("*")):
        mode = path.lstat().st_mode
        content: bytes | str | None = None
        if stat.S_ISLNK(mode):
            content = str(path.readlink())
        elif stat.S_ISREG(mode):
            content = path.read_bytes()
        found[str(path.relative_to(root))] = (stat.S_IMODE(mode), content)
    return found


def write(path: Path, content: str, mode: int = 0o644) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)
    return path


def leaves(document: Any, place: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    """All values with the keys that lead to them; order and number of items do not count."""
    if isinstance(document, dict):
        return [leaf for key, value in document.items() for leaf in leaves(value, (*place, key))]
    if isinstance(document, list):
        return [leaf for value in document for leaf in leaves(value, (*place, "[]"))]
    return [(place, repr(document))]
