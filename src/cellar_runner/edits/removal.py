"""In which order values leave a document, and what leaves with them because it is empty then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cellar_runner.edits.entries import get

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellar_runner.edits.entries import Addition, Place


def places_to_remove(
    document: Any, base: Any, additions: Sequence[tuple[Addition, Place | None]]
) -> list[Place]:
    """
    Return the places to empty one after the other, each seen in what the ones before have left.

    A list or table goes when the last that is in it goes, unless it was there before us.
    """
    rest = _copied(document)
    places: list[Place] = []
    for addition, before in additions:
        place = addition.place
        if addition.as_item:
            while isinstance(items := get(rest, place), list) and addition.value in items:
                places.append((*place, items.index(addition.value)))
                take(rest, places[-1])
        else:
            places.append(place)
            take(rest, place)
            place = place[:-1]
        while place and not isinstance(place[-1], int) and _empty(get(rest, place)):
            if before is not None and get(base, before[: len(place)]) is not None:
                break
            # Of what is below an emptied table nothing has to go by itself.
            places = [*_without_last_of(places, place), place]
            take(rest, place)
            place = place[:-1]
    return places


def take(document: Any, place: Place) -> None:
    """Take a value out of a document."""
    above = get(document, place[:-1])
    del above[place[-1]]


def _without_last_of(places: list[Place], place: Place) -> list[Place]:
    if places and places[-1][: len(place)] == place:
        return places[:-1]
    return places


def _empty(value: Any) -> bool:
    return isinstance(value, dict | list) and not value


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
