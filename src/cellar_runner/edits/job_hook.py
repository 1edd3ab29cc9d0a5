"""The hook of an agent that takes one only: ours takes the place and calls the one before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cellar_runner.edits.env_lines import assignments, last_assignment
from cellar_runner.edits.text import decode, ended, lines_of, restored

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class JobHook:
    """
    The file assigns our hook to `name`, and what was assigned before to `earlier`.

    That other line stands below ours, so that it can be taken back whatever else has changed.
    """

    path: Path
    name: str
    earlier: str
    hook: str
    mode: int = 0o644

    def apply(self, base: bytes | None) -> bytes:
        """Return the file with our hook."""
        text = decode(self.path, base or b"")
        lines = lines_of(ended(text))
        place = last_assignment(lines, self.name)
        if place is None:
            return "".join([*lines, f"{self.name}={self.hook}\n"]).encode()
        before = lines[place].partition("=")[2]
        if assignments(lines[place]).get(self.name) == self.hook:
            return text.encode()
        lines[place : place + 1] = [f"{self.name}={self.hook}\n", f"{self.earlier}={before}"]
        return "".join(lines).encode()

    def undo(self, current: bytes, base: bytes | None) -> bytes | None:
        """Return the file with the hook before ours; one that others have set since stays."""
        lines = lines_of(decode(self.path, current))
        earlier = last_assignment(lines, self.earlier)
        before = None if earlier is None else lines.pop(earlier).partition("=")[2]
        ours = last_assignment(lines, self.name)
        if ours is not None and assignments(lines[ours])[self.name] == self.hook:
            lines[ours : ours + 1] = [] if before is None else [f"{self.name}={before}"]
        return restored("".join(lines), base)
