"""What adding to a file needs to know about its syntax."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Protocol

from cellar_runner.edits.entries import additions, get, left_out, ours, put
from cellar_runner.edits.removal import places_to_remove, take
from cellar_runner.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cellar_runner.edits.entries import Addition, Group, Place


class Unsupported(Exception):  # noqa: N818 # it is no error of ours
    """The text is written in a way that cannot be added to."""


class Syntax(Protocol):
    """A module that reads and changes a text."""

    def parsed(self, text: str) -> Any:
        """Return the document. Raises ValueError, whose text goes on after the file's name."""

    def added(self, text: str, addition: Addition) -> str:
        """
        Return the text with a value added.

        Raises Unsupported, or ValueError where what was added before makes it unreadable.
        """

    def removed(self, text: str, place: Place) -> str:
        """Return the text without what is at a place. Raises Unsupported."""


def with_groups(
    syntax: Syntax, path: Path, content: bytes, groups: Sequence[Group], empty: str
) -> bytes:
    """
    Return a file's content with groups of entries added; a blank one is taken for `empty`.

    Raises Refusal where it cannot be read, or where something of it would be lost.
    """
    text = _text(path, content)
    text = text if text.strip() else empty
    wanted = copy.deepcopy(_parsed(syntax, path, text))
    for addition in additions(wanted, groups):
        put(wanted, addition)
        try:
            text = syntax.added(text, addition)
        except (Unsupported, ValueError):
            raise _unsafe(path) from None
    return _checked(syntax, path, text, wanted)


def groups_left_out(
    syntax: Syntax, path: Path, content: bytes, groups: Sequence[Group], empty: str
) -> list[str]:
    """Return a sentence for each table that stays without a group. Raises as `with_groups` does."""
    document = _parsed(syntax, path, _text(path, content) or empty)
    sentences = []
    for place, key in left_out(document, groups):
        name = get(document, (*place, "name"))
        table = f", {'.'.join(map(str, place[:-1]))} {name or place[-1]!r}," if place else ""
        sentences.append(f"{path}{table} sets {key} itself and gets nothing of ours")
    return sentences


def without_groups(
    syntax: Syntax, path: Path, content: bytes, base: bytes | None, groups: Sequence[Group]
) -> bytes | None:
    """
    Return a file's content without what of the groups was not in `base`.

    None where there was no file and nothing is left. Raises Refusal as `with_groups` does.
    """
    text = _text(path, content)
    if not text.strip():
        return content
    wanted = copy.deepcopy(_parsed(syntax, path, text))
    before = None
    if base is not None and base.strip():
        before = _parsed(syntax, path, _text(path, base))
    for place in places_to_remove(wanted, before, ours(wanted, before, groups)):
        take(wanted, place)
        try:
            text = syntax.removed(text, place)
        except Unsupported:
            raise _unsafe(path) from None
    if base is None and not wanted:
        return None
    return _checked(syntax, path, text, wanted)


def _text(path: Path, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Refusal(f"{path}, line {line}, is not UTF-8.") from error


def _parsed(syntax: Syntax, path: Path, text: str) -> Any:
    try:
        return syntax.parsed(text)
    except ValueError as error:
        raise Refusal(f"{path}{error}.") from error


def _checked(syntax: Syntax, path: Path, text: str, wanted: Any) -> bytes:
    """Return the text's bytes if it says what is wanted, and so all that others wrote."""
    try:
        said = syntax.parsed(text)
    except ValueError:
        raise _unsafe(path) from None
    if said != wanted:
        raise _unsafe(path)
    return text.encode()


def _unsafe(path: Path) -> Refusal:
    return Refusal(
        f"{path} is written in a way that entries cannot be added to or taken out of it."
    )
