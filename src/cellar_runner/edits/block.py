"""Lines between two marks in a text file of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cellar_runner.edits.text import decode, ended, lines_of, restored

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = "# BEGIN cellar-runner"
END = "# END cellar-runner"


@dataclass(frozen=True, slots=True)
class Block:
    """The file ends with these lines, between marks; `lines` have no ends."""

    path: Path
    lines: tuple[str, ...]
    mode: int = 0o644

    def apply(self, base: bytes | None) -> bytes:
        """Return the file with the block as its last lines, in place of one that it may have."""
        text = ended(without_block(decode(self.path, base or b"")))
        return (text + "".join(f"{line}\n" for line in (BEGIN, *self.lines, END))).encode()

    def undo(self, current: bytes, base: bytes | None) -> bytes | None:
        """Return the file without the block."""
        return restored(without_block(decode(self.path, current)), base)


def without_block(text: str) -> str:
    """Return the text without our block; a mark without its other one is a line like any."""
    lines = lines_of(text)
    bare = [line.strip() for line in lines]
    while BEGIN in bare:
        start = bare.index(BEGIN)
        try:
            end = bare.index(END, start)
        except ValueError:
            break
        del lines[start : end + 1], bare[start : end + 1]
    return "".join(lines)
