"""Keys of a file such as pip.conf; comments, order and all other lines stay."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cellar_runner.edits.text import decode, ended, lines_of, restored
from cellar_runner.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_HEADER = re.compile(r"\[(?P<name>.+)\]")  # as configparser has it
_KEY = re.compile(r"(?P<key>[^=:\s][^=:]*?)\s*(?:[=:]|$)")
_COMMENTS = ("#", ";")


@dataclass(frozen=True, slots=True)
class IniKeys:
    """
    A section of the file gives these keys these values.

    With `yielding`, a file that says something else about any of them keeps all that it says, and
    gets nothing of ours.
    """

    path: Path
    section: str
    values: Mapping[str, str]
    mode: int = 0o644
    yielding: bool = False

    def apply(self, base: bytes | None) -> bytes:
        """Return the file with our keys; Refusal where pip could not read it."""
        text = self._checked(base or b"")
        if self.note(base):
            return base or b""
        lines = lines_of(ended(text))
        if _section(lines, self.section) is None:
            lines += (["\n"] if lines else []) + [f"[{self.section}]\n"]
        for key, value in reversed([*self.values.items()]):
            start, end = _section(lines, self.section) or (0, 0)
            at = _key(lines, start, end, key) or (start + 1, start + 1)
            lines[slice(*at)] = [f"{key} = {value}\n"]
        return "".join(lines).encode()

    def undo(self, current: bytes, base: bytes | None) -> bytes | None:
        """Return the file with the lines of `base` in place of ours; changed values stay."""
        lines = lines_of(self._checked(current))
        before = lines_of(ended(self._checked(base or b"")))
        for key, value in self.values.items():
            section = _section(lines, self.section)
            at = _key(lines, *section, key) if section else None
            if at is None or "".join(lines[slice(*at)]).rstrip() != f"{key} = {value}":
                continue
            old = _section(before, self.section)
            there = _key(before, *old, key) if old else None
            lines[slice(*at)] = before[slice(*there)] if there else []
        if _section(before, self.section) is None:
            _drop_if_empty(lines, self.section)
        return restored("".join(lines), base)

    def note(self, base: bytes | None) -> str:
        """Return why a file gets nothing of ours, in a sentence; "" if it does."""
        if not self.yielding:
            return ""
        parser = _parse(self._checked(base or b""))
        for key, value in self.values.items():
            said = parser.get(self.section, key, fallback=None) if parser else None
            if said not in {None, value}:
                return f"{self.path} has a {key} of its own, so nothing is written there"
        return ""

    def _checked(self, content: bytes) -> str:
        text = decode(self.path, content)
        try:
            _parse(text)
        except configparser.Error as error:
            reason = " ".join(str(error).replace("'<string>'", "it").split()).rstrip(".")
            raise Refusal(f"{self.path} cannot be read as settings: {reason}") from error
        return text


def _parse(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()  # what pip reads its files with
    parser.read_string(text)
    return parser


def _section(lines: list[str], name: str) -> tuple[int, int] | None:
    """Return where a section begins, with its header, and where the next one does."""
    start = None
    for number, line in enumerate(lines):
        match = _HEADER.match(line)
        if match and start is not None:
            return start, number
        if match and match["name"] == name:
            start = number
    return None if start is None else (start, len(lines))


def _key(lines: list[str], start: int, end: int, key: str) -> tuple[int, int] | None:
    """Return the lines of a key in a section: the first one, and those that go on with it."""
    for number in range(start + 1, end):
        line = lines[number]
        match = _KEY.match(line)
        if line[:1].isspace() or line.startswith(_COMMENTS) or not match:
            continue
        if match["key"].strip().lower() == key:
            last = number + 1
            while last < end and lines[last][:1].isspace() and lines[last].strip():
                last += 1
            return number, last
    return None


def _drop_if_empty(lines: list[str], name: str) -> None:
    section = _section(lines, name)
    if section and not "".join(lines[section[0] + 1 : section[1]]).strip():
        start = section[0] - 1 if section[0] and not lines[section[0] - 1].strip() else section[0]
        del lines[start : section[1]]
