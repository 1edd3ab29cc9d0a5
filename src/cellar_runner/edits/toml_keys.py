"""Entries in a TOML file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cellar_runner.edits import toml_text
from cellar_runner.edits.syntax import groups_left_out, with_groups, without_groups

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cellar_runner.edits.entries import Group


@dataclass(frozen=True, slots=True)
class TomlKeys:
    """
    Adds groups of entries to a TOML file.

    Comments, order, spaces and line ends of others stay. A file that does not exist is made.
    """

    path: Path
    groups: tuple[Group, ...]
    mode: int = 0o644

    def apply(self, base: bytes | None) -> bytes:
        """Return the file with the entries. Raises Refusal where it is no TOML."""
        return with_groups(toml_text, self.path, base or b"", self.groups, "")

    def undo(self, current: bytes, base: bytes | None) -> bytes | None:
        """Return the file without the entries; None where it was not there and no more is in it."""
        if base is not None and current == self.apply(base):
            return base
        return without_groups(toml_text, self.path, current, base, self.groups)

    def remarks(self, base: bytes | None) -> Sequence[str]:
        """Return which tables get no entries, and by which key. Raises what `apply` raises."""
        return groups_left_out(toml_text, self.path, base or b"", self.groups, "")
