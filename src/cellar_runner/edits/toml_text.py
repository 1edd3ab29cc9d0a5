"""
TOML 1.0 as text: a value comes or goes, and every other character stays.

tomllib says what a document means and this finds where that is written; it is for texts that
tomllib has read.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cellar_runner.edits.brackets import Brackets, Span, with_item, without_item
from cellar_runner.edits.syntax import Unsupported

if TYPE_CHECKING:
    from cellar_runner.edits.entries import Addition, Place, Value

_SPACE = re.compile(r"[ \t]*")
_SPACE_AND_LINES = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+|[ \t]*\.[ \t]*)+""")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""+|' + r"'''.*?'''+|" + r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'", re.DOTALL
)
_OTHER_VALUE = re.compile(r"[^,\]}#\r\n]*")
_REST_OF_LINE = re.compile(r"[^\n]*\n?")
_POSITION = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(slots=True)
class _Section:
    """A header's lines: where its keys end, how they are indented, and where it all is."""

    keys_end: int
    indent: str
    own: Span


@dataclass(slots=True)
class _Written:
    """Where things are in a text."""

    brackets: dict[Place, Brackets] = field(default_factory=dict)
    sections: dict[Place, _Section] = field(default_factory=dict)
    lines: dict[Place, Span] = field(default_factory=dict)  # of whole `key = value` lines


def parsed(text: str) -> Any:
    """Return the document. Raises ValueError, which says what is wrong with the text and where."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _POSITION.fullmatch(str(error))
        if found is None or found["line"] is None:
            line = text.count("\n", 0, len(text.rstrip())) + 1
            raise ValueError(f", line {line}, is not TOML: {str(error).lower()}") from error
        raise ValueError(f", line {found['line']}, is not TOML: {found['what']}") from error


def added(text: str, addition: Addition) -> str:
    """
    Return a document's text with a value added; tables above it that are missing are made.

    Raises Unsupported where that cannot be written.
    """
    document = tomllib.loads(text)
    written = _Scan(text).written
    place = addition.place
    if addition.as_item and _at(document, place) is not None:
        if place not in written.brackets:
            raise Unsupported
        return with_item(text, written.brackets[place], _shown(addition.value))
    value = f"[{_shown(addition.value)}]" if addition.as_item else _shown(addition.value)
    line = f"{_key(place[-1])} = {value}"
    table = place[:-1]
    if table in written.sections:
        section = written.sections[table]
        return _with_line(text, section.keys_end, section.indent + line)
    if table in written.brackets:
        return with_item(text, written.brackets[table], line, f" {line} ")
    if any(isinstance(step, int) for step in table):
        raise Unsupported  # a new table in one of an array
    header = ".".join(_key(step) for step in table)
    newline = _newline(text)
    gap = newline if text.strip() else ""
    return f"{_ended(text)}{gap}[{header}]{newline}{line}{newline}"


def line_of(text: str, place: Place) -> Span | None:
    """Return where the line is that gives a key its value; None where it is not one of its own."""
    return _Scan(text).written.lines.get(place)


def removed(text: str, place: Place) -> str:
    """
    Return a document's text without what is at a place.

    That is an item of a list of values, a key with its value, or a table with its keys. Raises
    Unsupported where it is written in a way that is not known here.
    """
    written = _Scan(text).written
    if place in written.lines:
        span = written.lines[place]
        return text[: span.start] + text[span.end :]
    above, last = place[:-1], place[-1]
    if above in written.brackets:
        number = last if isinstance(last, int) else _number(text, above, last)
        return without_item(text, written.brackets[above], number)
    sections = [
        section.own for other, section in written.sections.items() if other[: len(place)] == place
    ]
    if not sections:
        raise Unsupported
    for span in sorted(sections, key=lambda span: span.start, reverse=True):
        before = text[: span.start]
        if before.endswith(_newline(text) * 2):
            before = before[: -len(_newline(text))]  # the empty line that was put before it
        text = before + text[span.end :]
    return text


def _number(text: str, table: Place, key: str) -> int:
    found = _at(tomllib.loads(text), table)
    return list(found).index(key)


def _with_line(text: str, at: int, line: str) -> str:
    before = text[:at]
    newline = _newline(text)
    if before and not before.endswith("\n"):
        return before + newline + line + text[at:]
    return before + line + newline + text[at:]


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + _newline(text)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _at(document: Any, place: Place) -> Any:
    for step in place:
        if isinstance(document, dict) and step not in document:
            return None
        document = document[step]
    return document


def _key(step: str | int) -> str:
    text = str(step)
    return text if _BARE_KEY.fullmatch(text) else _shown(text)


def _shown(value: Value) -> str:
    # What JSON escapes TOML reads alike; DEL is the one that JSON leaves.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


class _Scan:
    """Reads a text statement by statement."""

    def __init__(self, text: str) -> None:
        self.written = _Written()
        self._text = text
        self._arrays: dict[tuple[str, ...], int] = {}
        section = _Section(0, "", Span(0, 0))
        self.written.sections[()] = section
        table: Place = ()
        at = 0
        while (start := self._end(_SPACE_AND_LINES, at)) < len(text):
            line = text.rfind("\n", 0, start) + 1
            indent = text[line:start]
            if text[start] == "[":
                table, at = self._header(start)
                section = _Section(at, indent, Span(line, at))
                self.written.sections[table] = section
            else:
                at = self._statement(start, line, table)
                section.keys_end = at
                section.indent = indent
                section.own = Span(section.own.start, at)
        if not self.written.lines and len(self.written.sections) == 1:
            section.keys_end = len(text)  # nothing but comments

    def _end(self, pattern: re.Pattern[str], at: int) -> int:
        found = pattern.match(self._text, at)
        return found.end() if found else at

    def _keys(self, start: int) -> tuple[tuple[str, ...], int]:
        end = self._end(_KEY, start)
        document = tomllib.loads(f"{self._text[start:end]} = 0")
        keys: list[str] = []
        while isinstance(document, dict):
            (key,) = document
            keys.append(key)
            document = document[key]
        return tuple(keys), end

    def _header(self, start: int) -> tuple[Place, int]:
        array = self._text.startswith("[[", start)
        at = self._end(_SPACE, start + (2 if array else 1))
        keys, at = self._keys(at)
        if array:
            self._arrays[keys] = self._arrays.get(keys, -1) + 1
            for other in [name for name in self._arrays if name[: len(keys)] == keys != name]:
                del self._arrays[other]
        place: list[str | int] = []
        for depth, key in enumerate(keys, 1):
            place.append(key)
            if keys[:depth] in self._arrays:
                place.append(self._arrays[keys[:depth]])
        return tuple(place), self._end(_REST_OF_LINE, at)

    def _statement(self, start: int, line: int, table: Place) -> int:
        keys, at = self._keys(start)
        place = (*table, *keys)
        at = self._value(self._end(_SPACE, self._end(_SPACE, at) + 1), place)
        end = self._end(_REST_OF_LINE, at)
        self.written.lines[place] = Span(line, end)
        return end

    def _value(self, at: int, place: Place) -> int:
        """Return where the value ends that begins at `at`."""
        first = self._text[at]
        if first in "\"'":
            return self._end(_STRING, at)
        if first == "[":
            return self._array(at, place)
        if first == "{":
            return self._inline_table(at, place)
        end = self._end(_OTHER_VALUE, at)
        return len(self._text[:end].rstrip(" \t"))

    def _array(self, opening: int, place: Place) -> int:
        items: list[Span] = []
        at = self._end(_SPACE_AND_LINES, opening + 1)
        while self._text[at] != "]":
            end = self._value(at, (*place, len(items)))
            items.append(Span(at, end))
            at = self._end(_SPACE_AND_LINES, end)
            if self._text[at] == ",":
                at = self._end(_SPACE_AND_LINES, at + 1)
        self.written.brackets[place] = Brackets(Span(opening + 1, at), items)
        return at + 1

    def _inline_table(self, opening: int, place: Place) -> int:
        items: list[Span] = []
        at = self._end(_SPACE_AND_LINES, opening + 1)
        while self._text[at] != "}":
            start = at
            keys, at = self._keys(at)
            at = self._end(_SPACE, self._end(_SPACE, at) + 1)
            end = self._value(at, (*place, *keys))
            items.append(Span(start, end))
            at = self._end(_SPACE_AND_LINES, end)
            if self._text[at] == ",":
                at = self._end(_SPACE_AND_LINES, at + 1)
        self.written.brackets[place] = Brackets(Span(opening + 1, at), items)
        return at + 1
