"""Dataclasses from JSON documents: wrong names and wrong types are told, not guessed."""

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def from_json(cls: type[T], document: Any) -> T:
    """
    Make a dataclass from a JSON object; lists become tuples.

    Raises:
        ValueError: not an object, an unknown or missing key, or a value of the wrong type.

    """
    kind = cls.__name__
    if not _fits(document, dict):
        raise ValueError(f"{kind} must be a JSON object, not {document!r}")
    known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(document) - set(known)):
        raise ValueError(f"{kind} has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    hints = get_type_hints(cls)
    for name, field in known.items():
        if name not in document:
            if field.default is MISSING and field.default_factory is MISSING:
                raise ValueError(f"{kind} needs {name}")
        elif not _fits(document[name], hints[name]):
            raise ValueError(f"{kind}: {name} cannot be {document[name]!r}")
    return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in document.items()})


def many_from_json(cls: type[T], document: Any) -> list[T]:
    """
    Make dataclasses from a JSON list of objects, or from one object.

    Raises:
        ValueError: as `from_json`.

    """
    return [
        from_json(cls, item) for item in (document if isinstance(document, list) else [document])
    ]


def _fits(value: Any, hint: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        fits = True
    elif origin is Literal:
        fits = value in arguments
    elif origin in (types.UnionType, Union):  # Literal | None makes the latter
        fits = any(_fits(value, argument) for argument in arguments)
    elif origin is Sequence:
        fits = isinstance(value, (list, tuple)) and all(_fits(v, arguments[0]) for v in value)
    elif origin is Mapping:
        fits = isinstance(value, dict) and all(_fits(v, arguments[1]) for v in value.values())
    elif hint is float:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    elif hint is int:
        fits = isinstance(value, int) and not isinstance(value, bool)
    else:
        fits = isinstance(value, hint)
    return fits
