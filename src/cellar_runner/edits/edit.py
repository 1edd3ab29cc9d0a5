"""The shape of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class Edit(Protocol):
    """
    A change of one file.

    Several edits of one file are applied in their order and undone in the opposite one.
    """

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def mode(self) -> int:
        """The mode of a file that did not exist."""

    def apply(self, base: bytes | None) -> bytes:
        """
        Return the file with our entries, from the file without them.

        `base` is None where there is no file. Raises Refusal where `base` cannot be read.
        """

    def undo(self, current: bytes, base: bytes | None) -> bytes | None:
        """
        Return the file without our entries, for a file that others have changed since.

        `base` is what it was before us. None means that the file goes. Raises Refusal where
        `current` cannot be read.
        """
