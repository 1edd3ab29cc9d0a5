"""
Types: the settings compared with the role's argument specification.

Ansible's own validation of it converts silently (text to a switch, `a,b` to a list), and the roles
would then use what was not checked. Here a value has its type or is refused.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import yaml

from cellar.provisioning.problem import Problem, show
from cellar.provisioning.shapes import SHAPES

if TYPE_CHECKING:
    from pathlib import Path

Options = Mapping[str, Mapping[str, Any]]

_PYTHON_TYPES: Mapping[str, type] = {
    "bool": bool,
    "int": int,
    "list": list,
    "path": str,
    "str": str,
}
_WORDS: Mapping[str, str] = {
    "bool": "true or false",
    "int": "a whole number",
    "list": "a list",
    "path": "text",
    "str": "text",
}
_NUMBER = re.compile(r"0|[1-9][0-9]*")
_SWITCH_WORDS = {
    **dict.fromkeys(("true", "yes", "on"), "true"),
    **dict.fromkeys(("false", "no", "off"), "false"),
}


def read_options(path: Path) -> Options:
    """
    Return the options of the only entry point of a role's `meta/argument_specs.yml`.

    The mapping is variable to its `type`, `elements`, `choices` and `default`, in the file's order.
    Raises OSError or yaml.YAMLError when the file cannot be read, and ValueError when it has not
    exactly one entry point.
    """
    (entry_point,) = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values()
    options: Options = entry_point["options"]
    return options


def unknown_names(names: Collection[str], options: Options) -> Iterator[Problem]:
    """Yield a problem for every name that the product does not have; values are never shown."""
    for name in sorted(set(names) - set(options)):
        near = difflib.get_close_matches(name, options, n=1, cutoff=0.75)
        remedy = f"did you mean {near[0]}?" if near else "remove it"
        yield Problem(name, "is not a setting of Cellar", remedy)


def type_problems(values: Mapping[str, Any], options: Options) -> Iterator[Problem]:
    """Yield a problem for every setting that is missing, of the wrong type or not a choice."""
    for name, option in options.items():
        if name not in values:
            yield Problem(name, "is not set", "use the role `settings` with its defaults")
            continue
        value, kind = values[name], str(option["type"])
        if not _has_type(value, kind):
            yield _wrong_type(name, value, kind)
        elif kind == "list":
            for item in value:
                if not _has_type(item, str(option["elements"])):
                    yield _wrong_type(name, item, str(option["elements"]), whose="an item is")
        elif "choices" in option and value not in option["choices"]:
            near = difflib.get_close_matches(str(value), option["choices"], n=1)
            remedy = f"did you mean {near[0]}?" if near else "write one of them"
            choices = " or ".join(map(str, option["choices"]))
            yield Problem(name, f"is not {choices} ({show(value)})", remedy)


def _has_type(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        # bool is a subclass of int, and true is no port.
        return kind == "bool"
    return isinstance(value, _PYTHON_TYPES[kind])


def _wrong_type(name: str, value: object, kind: str, whose: str = "is") -> Problem:
    if value is None:
        return Problem(name, f"{whose} empty", "give it a value or remove the line")
    wrong = f"{whose} not {_WORDS[kind]} ({show(value)})"
    meant = _meant(value, kind) if isinstance(value, str) else None
    if meant:
        # `-e name=value` and quotes are how text comes in place of something else.
        remedy = f"write {name}: {meant}, or on the command line -e '{{\"{name}\": {meant}}}'"
    elif name in SHAPES:
        remedy = f"write {SHAPES[name].expected}"
    else:
        remedy = f"write {_WORDS[kind]}"
    return Problem(name, wrong, remedy)


def _meant(text: str, kind: str) -> str | None:
    """Return what the operator most likely meant, in a form that is YAML and JSON at once."""
    if kind == "int":
        return text if _NUMBER.fullmatch(text) else None
    if kind == "bool":
        return _SWITCH_WORDS.get(text.lower())
    if kind == "list":
        return f"[{show(text)}]" if text and show(text) == f'"{text}"' else None
    return None
