"""A line NAME=a,b,c of a file of others, to which items are added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cellar_runner.edits.env_lines import assignments, last_assignment
from cellar_runner.edits.text import decode, ended, lines_of, restored

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class EnvList:
    """
    The file assigns to `name` a list with commas that has these items.

    With `named`, a character, an item is a name, that character and a value: where the list has
    one of the names with another value, none of the items is added.
    """

    path: Path
    name: str
    items: tuple[str, ...]
    named: str = ""
    mode: int = 0o644

    def note(self, base: bytes | None) -> str:
        """Return which name of ours the list has with another value."""
        if self.named:
            ours = {item.partition(self.named)[0]: item for item in self.items}
            for item in self._items(decode(self.path, base or b"")):
                key = item.partition(self.named)[0]
                if ours.get(key, item) != item:
                    return f"{self.path} sets {key} in {self.name} itself, and is left alone"
        return ""

    def apply(self, base: bytes | None) -> bytes:
        """Return the file with our items at the end of the list."""
        text = decode(self.path, base or b"")
        theirs = self._items(text)
        missing = [item for item in self.items if item not in theirs]
        if not missing:
            return text.encode()
        lines = lines_of(ended(text))
        place = last_assignment(lines, self.name)
        if place is None:
            lines.append(f"{self.name}={','.join(missing)}\n")
        else:
            lines[place] = _assigned(lines[place], [*theirs, *missing])
        return "".join(lines).encode()

    def undo(self, current: bytes, base: bytes | None) -> bytes | None:
        """Return the file without the items that `base` did not have."""
        text = decode(self.path, current)
        before = decode(self.path, base or b"")
        ours = set(self.items) - set(self._items(before))
        items = self._items(text)
        left = [item for item in items if item not in ours]
        lines = lines_of(text)
        place = last_assignment(lines, self.name)
        if place is not None and left != items:
            line = _assigned(lines[place], left)
            there_before = last_assignment(lines_of(before), self.name) is not None
            lines[place : place + 1] = [line] if left or there_before else []
        return restored("".join(lines), base)

    def _items(self, text: str) -> list[str]:
        value = assignments(text).get(self.name, "")
        return value.split(",") if value else []


def _assigned(line: str, items: list[str]) -> str:
    """Return the line with another list, in the quotes that it has."""
    name, _, value = line.partition("=")
    bare = value.strip()
    quote = bare[0] if bare[:1] in {'"', "'"} and bare[-1:] == bare[:1] and len(bare) > 1 else ""
    end = value[len(value.rstrip("\r\n")) :]
    return f"{name}={quote}{','.join(items)}{quote}{end}"
