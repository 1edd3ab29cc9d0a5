"""
What is added to a file of settings, whatever its syntax.

Nothing that others wrote is replaced. A group of entries is added whole or not at all: where others
have given one of its keys, or one of its names in a list, another value, the group stays out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Value = str | bool | int
Place = tuple[str | int, ...]  # keys of tables and numbers of items, from the top


@dataclass(frozen=True, slots=True)
class Put:
    """A key and its value."""

    key: tuple[str, ...]
    value: Value


@dataclass(frozen=True, slots=True)
class Append:
    """
    Items for a list of texts.

    With `named`, a character, an item is a name, that character and a value; a name is in the list
    at most once.
    """

    key: tuple[str, ...]
    items: tuple[str, ...]
    named: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """
    Entries that are of use together only.

    With `each`, the key of an array of tables, they are for each of its tables, and their keys are
    seen from there. `where` names keys of such a table with the values that they may have; None
    among the values stands for a key that is not there. `known_by` is the key that tells such
    a table from the others; where it has none, its number does.
    """

    entries: tuple[Put | Append, ...]
    each: tuple[str, ...] = ()
    where: tuple[tuple[tuple[str, ...], tuple[Value | None, ...]], ...] = ()
    known_by: str = ""


@dataclass(frozen=True, slots=True)
class Addition:
    """A value that is to be at a place: as the value of its key, or as an item of its list."""

    place: Place
    value: Value
    as_item: bool


def additions(document: Any, groups: Sequence[Group]) -> list[Addition]:
    """Return what of the groups is missing in a document and can be added."""
    found: list[Addition] = []
    for group in groups:
        for place, table in _tables(document, group):
            if not any(True for _ in _contradictions(table, group)):
                found += [one for one in _wanted(place, group) if not _there(document, one)]
    return found


def left_out(document: Any, groups: Sequence[Group]) -> list[tuple[Place, str]]:
    """Return the places of tables that stay without a group, each with the key that forbids it."""
    return [
        (place, reason)
        for group in groups
        for place, table in _tables(document, group)
        for reason in list(_contradictions(table, group))[:1]
    ]


def ours(current: Any, base: Any, groups: Sequence[Group]) -> list[tuple[Addition, Place | None]]:
    """
    Return what of the groups is in `current` and was not in `base` before us.

    Each with its place in `base`; None where its table was not there.
    """
    found: list[tuple[Addition, Place | None]] = []
    for group in groups:
        for place, _ in _tables(current, group, everywhere=True):
            before = _same_table(current, base, place, group)
            for one in _wanted(place, group):
                if not _there(current, one):
                    continue
                moved = None if before is None else (*before, *one.place[len(place) :])
                if moved is None or not _there(base, replace(one, place=moved)):
                    found.append((one, moved))
    return found


def put(document: Any, addition: Addition) -> None:
    """Add to a document; tables and the list that are missing are made."""
    *way, last = addition.place
    here = document
    for step in way:
        here = here.setdefault(step, {}) if isinstance(here, dict) else here[step]
    if addition.as_item:
        here.setdefault(last, []).append(addition.value)
    else:
        here[last] = addition.value


def get(document: Any, place: Place, missing: Any = None) -> Any:
    """Return what is at a place, or `missing`."""
    here = document
    for step in place:
        if isinstance(step, int):
            if not isinstance(here, list) or step >= len(here):
                return missing
        elif not isinstance(here, dict) or step not in here:
            return missing
        here = here[step]
    return here


def _tables(
    document: Any, group: Group, *, everywhere: bool = False
) -> Iterator[tuple[Place, Any]]:
    """Yield the tables that a group is for; `everywhere`, also those that it is for no more."""
    if not group.each:
        yield (), document
        return
    tables = get(document, group.each)
    for number, table in enumerate(tables if isinstance(tables, list) else []):
        if everywhere or all(get(table, key) in values for key, values in group.where):
            yield (*group.each, number), table


def _wanted(place: Place, group: Group) -> Iterator[Addition]:
    for entry in group.entries:
        if isinstance(entry, Put):
            yield Addition((*place, *entry.key), entry.value, as_item=False)
        else:
            for item in entry.items:
                yield Addition((*place, *entry.key), item, as_item=True)


def _there(document: Any, addition: Addition) -> bool:
    value = get(document, addition.place)
    if addition.as_item:
        return isinstance(value, list) and addition.value in value
    return _same(value, addition.value)


def _contradictions(table: Any, group: Group) -> Iterator[str]:
    """Yield what others have given another value than the group does."""
    for entry in group.entries:
        for depth in range(1, len(entry.key)):
            if not isinstance(get(table, entry.key[:depth], {}), dict):
                yield ".".join(entry.key[:depth])
        if isinstance(entry, Put):
            value = get(table, entry.key, entry.value)
            fits = _same(value, entry.value)
        else:
            value = get(table, entry.key, [])
            fits = isinstance(value, list)
        if not fits:
            yield ".".join(entry.key)
        elif isinstance(entry, Append) and entry.named:
            yield from _other_values(value, entry)


def _same(one: Any, other: Any) -> bool:
    """Tell whether values are equal; to Python 1 and True are."""
    return type(one) is type(other) and bool(one == other)


def _other_values(items: list[Any], entry: Append) -> Iterator[str]:
    names = {item.partition(entry.named)[0]: item for item in entry.items}
    for item in items:
        name = str(item).partition(entry.named)[0]
        if item != names.get(name, item):
            yield name


def _same_table(current: Any, base: Any, place: Place, group: Group) -> Place | None:
    """Return where the table at `place` of `current` is in `base`."""
    if not group.each:
        return ()
    name = get(current, (*place, group.known_by))
    if name is None:
        return place
    before = get(base, group.each)
    for number in range(len(before) if isinstance(before, list) else 0):
        if get(base, (*group.each, number, group.known_by)) == name:
            return (*group.each, number)
    return None
