"""
Edits as JSON, so that a later run of another version can undo what an earlier one did.

An edit is a frozen dataclass of this package whose fields are text, bytes, numbers, switches, None,
paths, tuples, lists, mappings, and dataclasses of this package. That is all that it takes: edits
need no code for this.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellar_runner.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from cellar_runner.edits.edit import Edit

_PACKAGE = "cellar_runner.edits"


def encode(value: object, keep: Callable[[bytes], str]) -> Any:
    """Return `value` as JSON has it; `keep` puts bytes elsewhere and returns their name."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, bytes):
        return {"bytes": keep(value)}
    if isinstance(value, Path):
        return {"path": str(value)}
    if isinstance(value, Mapping):
        return {"mapping": [[key, encode(item, keep)] for key, item in value.items()]}
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [encode(item, keep) for item in value]}
    if dataclasses.is_dataclass(value) and type(value).__module__.startswith(f"{_PACKAGE}."):
        module = type(value).__module__.removeprefix(f"{_PACKAGE}.")
        fields = {
            field.name: encode(getattr(value, field.name), keep)
            for field in dataclasses.fields(value)
        }
        return {"edit": f"{module}.{type(value).__name__}", "fields": fields}
    raise TypeError(f"{type(value).__name__} cannot be a field of an edit")


def decode(document: Any, take: Callable[[str], bytes]) -> Any:
    """
    Return what was encoded.

    Raises:
        Refusal: it is of a version that had another kind of edit.

    """
    match document:
        case {"bytes": name}:
            found: Any = take(name)
        case {"path": path}:
            found = Path(path)
        case {"mapping": items}:
            found = {key: decode(item, take) for key, item in items}
        case {"tuple": items}:
            found = tuple(decode(item, take) for item in items)
        case {"list": items}:
            found = [decode(item, take) for item in items]
        case {"edit": name, "fields": fields}:
            found = _made(name, {key: decode(item, take) for key, item in fields.items()})
        case _:
            found = document
    return found


def _made(name: str, fields: Mapping[str, Any]) -> Any:
    module, _, kind = name.rpartition(".")
    try:
        return getattr(importlib.import_module(f"{_PACKAGE}.{module}"), kind)(**fields)
    except (ImportError, AttributeError, TypeError) as error:
        raise Refusal(
            f"the journal has a change ({name}) that this version of cellar-runner does not know: "
            "undo it by the version that made it"
        ) from error


def decode_edit(document: Any, take: Callable[[str], bytes]) -> Edit:
    """Return an edit that was encoded; what is raised is what `decode` raises."""
    edit: Edit = decode(document, take)
    return edit
