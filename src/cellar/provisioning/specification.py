"""
Types: the settings compared with the role's argument specification.

Ansible's own validation of it converts silently (text to a switch, `a,b` to a list), and the roles
would then use what was not checked. Here a value has its type or is refused, at every depth.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from cellar.provisioning.problem import Problem, show
from cellar.provisioning.shapes import SHAPES

if TYPE_CHECKING:
    from pathlib import Path

Options = Mapping[str, Mapping[str, Any]]

_PYTHON_TYPES: Mapping[str, type] = {
    "bool": bool,
    "dict": dict,
    "int": int,
    "list": list,
    "path": str,
    "str": str,
}
_WORDS: Mapping[str, str] = {
    "bool": "true or false",
    "dict": "a mapping of keys to values",
    "int": "a whole number",
    "list": "a list",
    "path": "text",
    "str": "text",
}
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,31}")
_NUMBER = re.compile(r"0|[1-9][0-9]*")
_SWITCH_WORDS = {
    **dict.fromkeys(("true", "yes", "on"), "true"),
    **dict.fromkeys(("false", "no", "off"), "false"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a value stands.

    `subject` is its path as the operator reads it, such as `cellar_indexes[0].url`; `shape` is the
    same without positions, the key of `SHAPES`; `option` is its part of the specification.
    """

    subject: str
    shape: str
    option: Mapping[str, Any]

    @property
    def nested(self) -> bool:
        """Whether this is a key of an entry and not a variable."""
        return self.subject != self.shape

    @property
    def name(self) -> str:
        """What stands before the colon in the operator's file."""
        return self.shape.rpartition(".")[2]

    def wrong(self, wrong: str, value: object, remedy: str) -> Problem:
        """Return a problem that shows `value`, unless it is or may contain a secret."""
        hidden = self.option.get("no_log") or "options" in self.option
        return Problem(self.subject, wrong if hidden else f"{wrong} ({show(value)})", remedy)

    def keys(self, entry: Mapping[str, Any], position: int) -> Iterator[tuple[Place, Any]]:
        """Yield the keys that `entry`, at `position` of this list, gives a value."""
        for key, option in self.option["options"].items():
            if key in entry:
                yield self.key(key, option, position), entry[key]

    def key(self, key: str, option: Mapping[str, Any], position: int) -> Place:
        """Return the place of one key of the entry at `position`."""
        return Place(f"{self.subject}[{position}].{key}", f"{self.shape}.{key}", option)


def read_options(path: Path) -> Options:
    """
    Return the options of the only entry point of a role's `meta/argument_specs.yml`.

    The mapping is variable to its `type`, `elements`, `choices`, `default`, `no_log` and, for a
    list of entries, `options`, in the file's order. Raises OSError or yaml.YAMLError when the file
    cannot be read, and ValueError when it has not exactly one entry point.
    """
    (entry_point,) = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values()
    options: Options = entry_point["options"]
    return options


def unknown_names(names: Collection[str], options: Options) -> Iterator[Problem]:
    """Yield a problem for every name that the product does not have; values are never shown."""
    for name in sorted(set(names) - set(options)):
        yield Problem(name, "is not a setting of Cellar", _near(name, options))


def type_problems(values: Mapping[str, Any], options: Options) -> Iterator[Problem]:
    """Yield a problem for every setting that is missing, of the wrong type or not a choice."""
    for name, option in options.items():
        if name not in values:
            yield Problem(name, "is not set", "use the role `settings` with its defaults")
        else:
            yield from _value_problems(Place(name, name, option), values[name])


def leaves(values: Mapping[str, Any], options: Options) -> Iterator[tuple[Place, Any]]:
    """
    Yield every value that is a text, a number, a switch or a list of these, with its place.

    Entries that have not the type that they must have are passed over.
    """
    for name, value in values.items():
        place = Place(name, name, options[name])
        if "options" not in place.option:
            yield place, value
        elif isinstance(value, list):
            for position, entry in enumerate(value):
                if isinstance(entry, dict):
                    yield from place.keys(entry, position)


def _value_problems(place: Place, value: object) -> Iterator[Problem]:
    kind = str(place.option["type"])
    if not _has_type(value, kind):
        yield _wrong_type(place, value, kind)
    elif not isinstance(value, list):
        yield from _choice_problems(place, value)
    elif "options" in place.option:
        for position, entry in enumerate(value):
            yield from _entry_problems(place, entry, position)
    else:
        elements = str(place.option["elements"])
        for item in value:
            if not _has_type(item, elements):
                yield _wrong_type(place, item, elements, whose="an item is")
            else:
                yield from _choice_problems(place, item, whose="an item is")


def _entry_problems(place: Place, entry: object, position: int) -> Iterator[Problem]:
    subject = f"{place.subject}[{position}]"
    options: Options = place.option["options"]
    if not isinstance(entry, dict):
        # What it is stays unsaid: it may be an entry with its secrets, written in a wrong way.
        remedy = f"write {_WORDS['dict']}, such as {next(iter(options))}: …"
        yield Problem(subject, f"is not {_WORDS['dict']}", remedy)
        return
    for key in entry:
        if key in options:
            continue
        # `{password:secret}`, without a space, is a mapping whose key holds a secret.
        if isinstance(key, str) and _KEY.fullmatch(key):
            yield Problem(
                f"{subject}.{key}", f"is not a key of {place.subject}", _near(key, options)
            )
        else:
            yield Problem(subject, "has a key that is no word", "write `key: value`, with a space")
    for key, option in options.items():
        at = place.key(key, option, position)
        if key in entry:
            yield from _value_problems(at, entry[key])
        elif option.get("required"):
            yield Problem(at.subject, "is missing", _expected(at, str(option["type"])))


def _choice_problems(place: Place, value: object, whose: str = "is") -> Iterator[Problem]:
    choices = place.option.get("choices")
    if choices is not None and value not in choices:
        near = difflib.get_close_matches(str(value), choices, n=1)
        remedy = f"did you mean {near[0]}?" if near else "write one of them"
        yield place.wrong(f"{whose} not {' or '.join(map(str, choices))}", value, remedy)


def _has_type(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        # bool is a subclass of int, and true is no port.
        return kind == "bool"
    return isinstance(value, _PYTHON_TYPES[kind])


def _wrong_type(place: Place, value: object, kind: str, whose: str = "is") -> Problem:
    if value is None:
        return Problem(place.subject, f"{whose} empty", "give it a value or remove the line")
    wrong = f"{whose} not {_WORDS[kind]}"
    meant = (
        _meant(value, kind) if isinstance(value, str) and "options" not in place.option else None
    )
    if meant and place.nested:
        remedy = f"write {place.name}: {meant}"
    elif meant:
        # `-e name=value` and quotes are how text comes in place of something else.
        remedy = (
            f"write {place.name}: {meant}, "
            f"or on the command line -e '{{\"{place.name}\": {meant}}}'"
        )
    else:
        remedy = _expected(place, kind)
    return place.wrong(wrong, value, remedy)


def _expected(place: Place, kind: str) -> str:
    shape = SHAPES.get(place.shape)
    return f"write {shape.expected if shape else _WORDS[kind]}"


def _meant(text: str, kind: str) -> str | None:
    """Return what the operator most likely meant, in a form that is YAML and JSON at once."""
    if kind == "int":
        return text if _NUMBER.fullmatch(text) else None
    if kind == "bool":
        return _SWITCH_WORDS.get(text.lower())
    if kind == "list":
        return f"[{show(text)}]" if text and show(text) == f'"{text}"' else None
    return None


def _near(name: str, options: Options) -> str:
    near = difflib.get_close_matches(name, options, n=1, cutoff=0.75)
    return f"did you mean {near[0]}?" if near else "remove it"
