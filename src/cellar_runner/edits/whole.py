"""A file that is ours from its first byte to its last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Whole:
    """The file has this content, whatever it was before."""

    path: Path
    content: bytes
    mode: int = 0o644

    def apply(self, base: bytes | None) -> bytes:  # noqa: ARG002 # the shape of all edits
        """Return our content."""
        return self.content

    def undo(self, current: bytes, base: bytes | None) -> bytes | None:  # noqa: ARG002 # likewise
        """Return what was there before: changes of a file of ours are no one's to keep."""
        return base
