"""JSON as text: a value comes or goes, and every other character stays."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from cellar_runner.edits.brackets import Brackets, Span, with_item, without_item

if TYPE_CHECKING:
    from cellar_runner.edits.entries import Addition, Place

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_OTHER = re.compile(r"[^\s,:\[\]{}]+")
_INDENT = re.compile(r"[{\[]\r?\n([ \t]+)")


def parsed(text: str) -> Any:
    """Return the document. Raises ValueError, which says what is wrong with the text and where."""
    try:
        document = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise ValueError(f", line {error.lineno}, is not JSON: {error.msg}") from error
    if not isinstance(document, dict):
        raise ValueError(" holds no JSON object")  # noqa: TRY004 # as above
    return document


def added(text: str, addition: Addition) -> str:
    """Return a document's text with a value added; what is above it and missing is made."""
    document = parsed(text)
    depth = _depth_there(document, addition.place)
    here, below = addition.place[:depth], addition.place[depth:]
    value: Any = addition.value
    if addition.as_item:
        value = [value] if below else value
    for key in reversed(below[1:]):
        value = {key: value}
    brackets = _Scan(text).at(here)
    if not below:
        return with_item(text, brackets, json.dumps(value, ensure_ascii=False))
    unit = found.group(1) if (found := _INDENT.search(text)) else ""
    spread = bool(unit) or document == {}
    unit = unit or "    "
    newline = "\r\n" if "\r\n" in text else "\n"
    indent = newline + unit * (len(here) + 1)
    shown = json.dumps(value, ensure_ascii=False, indent=unit if spread else None)
    item = f"{json.dumps(below[0])}: {shown.replace(chr(10), indent)}"
    alone = f"{indent}{item}{newline}{unit * len(here)}" if spread else item
    return with_item(text, brackets, item, alone)


def removed(text: str, place: Place) -> str:
    """Return a document's text without what is at a place: a key with its value, or an item."""
    document = parsed(text)
    above = document
    for step in place[:-1]:
        above = above[step]
    last = place[-1]
    number = last if isinstance(last, int) else list(above).index(last)
    return without_item(text, _Scan(text).at(place[:-1]), number)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f" has the key {twice!r} twice in one object")
    return found


def _depth_there(document: Any, place: Place) -> int:
    depth = 0
    for step in place:
        if isinstance(step, int) or (isinstance(document, dict) and step in document):
            document = document[step]
            depth += 1
        else:
            break
    return depth


class _Scan:
    """Finds where the items of an object or of an array are, in a text that json has read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: dict[Place, Brackets] = {}
        self._value(self._space(0), ())

    def at(self, place: Place) -> Brackets:
        return self._found[place]

    def _space(self, at: int) -> int:
        return self._end(_SPACE, at)

    def _end(self, pattern: re.Pattern[str], at: int) -> int:
        found = pattern.match(self._text, at)
        return found.end() if found else at

    def _value(self, at: int, place: Place) -> int:
        """Return where the value ends that begins at `at`."""
        if self._text[at] in "{[":
            return self._brackets(at, place)
        return self._end(_STRING if self._text[at] == '"' else _OTHER, at)

    def _brackets(self, opening: int, place: Place) -> int:
        closes = "}" if self._text[opening] == "{" else "]"
        items: list[Span] = []
        at = self._space(opening + 1)
        while self._text[at] != closes:
            if self._text[at] == ",":
                at = self._space(at + 1)
            start = at
            step: str | int = len(items)
            if closes == "}":
                at = self._end(_STRING, at)
                step = json.loads(self._text[start:at])
                at = self._space(self._space(at) + 1)  # over the colon
            at = self._value(at, (*place, step))
            items.append(Span(start, at))
            at = self._space(at)
        self._found[place] = Brackets(Span(opening + 1, at), items)
        return at + 1
