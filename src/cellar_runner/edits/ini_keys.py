"""Keys of a file such as pip.conf; comments, order and all other lines stay."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cellar_runner.edits.text import decode, ended, lines_of, restored
from cellar_runner.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_HEADER = re.compile(r"\[(?P<name>.+)\]")  # as configparser has it
_KEY = re.compile(r"(?P<key>.*?)\s*(?:[=:]|$)")  # likewise
_COMMENTS = ("#", ";")


@dataclass(frozen=True, slots=True)
class IniKeys:
    """
    A section of the file gives these keys, in small letters with hyphens, these values.

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
        if _find(lines, self.section) is None:
            lines += (["\n"] if lines else []) + [f"[{self.section}]\n"]
        for key, value in self.values.items():
            section = _find(lines, self.section) or _Section("", 0, 0)
            option = section.options.get(key)
            at = option.lines if option else slice(section.end, section.end)
            lines[at] = [f"{option.indent if option else section.indent}{key} = {value}\n"]
        return "".join(lines).encode()

    def undo(self, current: bytes, base: bytes | None) -> bytes | None:
        """Return the file with the lines of `base` in place of ours; changed values stay."""
        lines = lines_of(self._checked(current))
        before = lines_of(ended(self._checked(base or b"")))
        old = _find(before, self.section)
        for key, value in self.values.items():
            section = _find(lines, self.section)
            option = section.options.get(key) if section else None
            if option is None or "".join(lines[option.lines]).strip() != f"{key} = {value}":
                continue
            theirs = old.options.get(key) if old else None
            lines[option.lines] = before[theirs.lines] if theirs else []
        if old is None:
            _drop_if_empty(lines, self.section)
        return restored("".join(lines), base)

    def note(self, base: bytes | None) -> str:
        """Return why a file gets nothing of ours, in a sentence; "" if it does."""
        if not self.yielding:
            return ""
        parser = _parse(self._checked(base or b""))
        said = dict(parser.items(self.section)) if parser.has_section(self.section) else {}
        for key, value in said.items():
            if self.values.get(_plain(key), value) != value:
                return f"{self.path} has {_plain(key)} already, so nothing is written there"
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


def _plain(key: str) -> str:
    """Return a key as pip compares it."""
    return key.strip().lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class _Option:
    """Where an option is, with the lines that go on with its value."""

    lines: slice
    indent: str


@dataclass(slots=True)
class _Section:
    """
    Where a section begins, with its header, and where its last line with something ends.

    An option that is written there needs `indent`, else it or what follows would be read as the
    rest of the value before.
    """

    name: str
    start: int
    end: int
    indent: str = ""
    options: dict[str, _Option] = field(default_factory=dict)


def _sections(lines: list[str]) -> list[_Section]:
    """Return the sections of a file that configparser can read, by its rules for lines."""
    found: list[_Section] = []
    option = None  # the name of the one whose value may go on
    level = 0
    for number, line in enumerate(lines):
        bare = line.strip()
        if found and bare:
            found[-1].end = number + 1
        if not bare or bare.startswith(_COMMENTS):
            continue
        indent = line[: len(line) - len(line.lstrip())]
        if found and option is not None and len(indent) > level:
            old = found[-1].options[option]
            found[-1].options[option] = _Option(slice(old.lines.start, number + 1), old.indent)
            continue
        level = len(indent)
        header = _HEADER.match(bare)
        if header:
            if found:
                found[-1].end = _last_line(lines, found[-1].start, number)
                found[-1].indent = found[-1].indent if option is not None else indent
            found.append(_Section(header["name"], number, number + 1))
            option = None
        elif found:
            option = _plain(_KEY.match(bare)["key"])  # type: ignore[index] # it was read
            found[-1].options[option] = _Option(slice(number, number + 1), indent)
            found[-1].indent = indent
    return found


def _last_line(lines: list[str], start: int, end: int) -> int:
    while end > start + 1 and not lines[end - 1].strip():
        end -= 1
    return end


def _find(lines: list[str], name: str) -> _Section | None:
    return next((section for section in _sections(lines) if section.name == name), None)


def _drop_if_empty(lines: list[str], name: str) -> None:
    section = _find(lines, name)
    if section and section.end == section.start + 1:
        above = section.start - 1
        start = above if section.start and not lines[above].strip() else section.start
        del lines[start : section.end]
