"""
Lists between brackets, in JSON and TOML alike: where their items are, and how one comes and goes.

All else in the text stays: spaces, line ends, comments, a comma after the last item.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPACE = re.compile(r"[ \t\r\n]*")
_SPACE_AND_COMMENTS = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_COMMENT_OF_THE_LINE = re.compile(r"(?:[ \t]*#[^\r\n]*)?")


@dataclass(frozen=True, slots=True)
class Span:
    """Where something is in a text, from its first character to the one after its last."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Brackets:
    """What is between two brackets, and the items there."""

    inside: Span
    items: Sequence[Span]


def with_item(text: str, brackets: Brackets, item: str, alone: str = "") -> str:
    """
    Return the text with one more item at the end of a list, written as the last one is.

    `alone` is what stands between the brackets where it is the only item; by default the item.
    """
    if not brackets.items:
        inside = brackets.inside
        if text[inside.start : inside.end].strip():  # a comment, which ends with its line
            return _spliced(text, (inside.start, inside.start, item))
        return _spliced(text, (inside.start, inside.end, alone or item))
    last = brackets.items[-1]
    before = text[_start_of_space(text, last.start) : last.start]
    between = before if "\n" in before else " "
    after = _end(_SPACE_AND_COMMENTS, text, last.end)
    if text[after] == ",":
        at = _end(_COMMENT_OF_THE_LINE, text, after + 1)
        return _spliced(text, (at, at, f"{between}{item},"))
    if "\n" not in between:
        return _spliced(text, (last.end, last.end, f",{between}{item}"))
    at = _end(_COMMENT_OF_THE_LINE, text, last.end)
    return _spliced(text, (last.end, last.end, ","), (at, at, between + item))


def without_item(text: str, brackets: Brackets, number: int) -> str:
    """Return the text without one item of a list."""
    item = brackets.items[number]
    start = max(_start_of_space(text, item.start), brackets.inside.start)
    comma = _end(_SPACE_AND_COMMENTS, text, item.end)
    if text[comma] == ",":
        end = comma + 1
        if number == 0 and "\n" not in text[start : item.start]:
            # What follows on the same line moves up to the bracket.
            start = item.start
            space = _end(_SPACE, text, end)
            end = end if "\n" in text[end:space] else space
        gone = [(start, item.end, ""), (comma, end, "")]
    else:
        gone = [(start, item.end, "")]
        if number > 0:
            before = _end(_SPACE_AND_COMMENTS, text, brackets.items[number - 1].end)
            gone.insert(0, (before, before + 1, ""))
    changed = _spliced(text, *gone)
    if len(brackets.items) == 1:
        end = brackets.inside.end - (len(text) - len(changed))
        if not changed[brackets.inside.start : end].strip():
            return _spliced(changed, (brackets.inside.start, end, ""))
    return changed


def _start_of_space(text: str, end: int) -> int:
    return len(text[:end].rstrip(" \t\r\n"))


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start


def _spliced(text: str, *changes: tuple[int, int, str]) -> str:
    """Return the text with spans replaced; those are in order and apart."""
    parts: list[str] = []
    at = 0
    for start, end, new in changes:
        parts += [text[at:start], new]
        at = end
    return "".join([*parts, text[at:]])
