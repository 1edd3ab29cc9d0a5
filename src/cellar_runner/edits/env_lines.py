"""Lines NAME=value of a file of others, such as the `.env` of an agent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cellar_runner.edits.text import decode, ended, lines_of, restored

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class EnvLines:
    """
    The file assigns these values to these names.

    A name that is assigned already has its last line changed; others are lines at the end.
    """

    path: Path
    values: Mapping[str, str]
    mode: int = 0o644

    def apply(self, base: bytes | None) -> bytes:
        """Return the file with our assignments."""
        lines = lines_of(ended(decode(self.path, base or b"")))
        for name, value in self.values.items():
            place = last_assignment(lines, name)
            if place is None:
                lines.append(f"{name}={value}\n")
            else:
                lines[place] = f"{name}={value}\n"
        return "".join(lines).encode()

    def undo(self, current: bytes, base: bytes | None) -> bytes | None:
        """Return the file with the lines of `base` in place of ours; changed values stay."""
        lines = lines_of(decode(self.path, current))
        before = lines_of(ended(decode(self.path, base or b"")))
        for name, value in self.values.items():
            ours = next(
                (n for n in reversed(range(len(lines))) if lines[n].rstrip() == f"{name}={value}"),
                None,
            )
            if ours is None:
                continue
            theirs = last_assignment(before, name)
            lines[ours : ours + 1] = [] if theirs is None else [before[theirs]]
        return restored("".join(lines), base)


def assignments(text: str) -> dict[str, str]:
    """Return the values by name, as they are written but for the quotes around them."""
    found = {}
    for line in text.splitlines():
        match = _ASSIGNMENT.fullmatch(line)
        if match:
            value = match[2].strip()
            quoted = value[:1] == value[-1:] and value[:1] in {'"', "'"} and len(value) > 1
            found[match[1]] = value[1:-1] if quoted else value
    return found


def last_assignment(lines: list[str], name: str) -> int | None:
    """Return the number of the last line that assigns to a name."""
    for place in reversed(range(len(lines))):
        match = _ASSIGNMENT.fullmatch(lines[place])
        if match and match[1] == name:
            return place
    return None
