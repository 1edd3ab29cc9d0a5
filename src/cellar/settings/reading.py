"""Reading the settings file, and saying in one go all that is wrong with it."""

import difflib
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellar.settings.schema import ARRAYS, PYPI, SECTIONS, IndexSettings, RouteSettings, Settings

if TYPE_CHECKING:
    from cellar.settings.rules import Rule

DEFAULT_PATH = Path("/etc/cellar/cellar.toml")


class SettingsError(Exception):
    """
    The settings cannot be used.

    `problems` holds one sentence each: the file, the key, what is wrong and what to write instead.
    """

    def __init__(self, problems: list[str]) -> None:
        """Keep the sentences in the order of the file's schema."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def read_settings(path: Path) -> Settings:
    """
    Read and check the settings file at `path`.

    Only the file itself is looked at: whether a CA bundle that it names can be loaded is found out
    by whoever needs it, because settings are also checked before such files are in place.

    Raises:
        SettingsError: with one sentence for every problem in the file.

    """
    document = _load(path)
    problems = _unknown(path, "section", "", document, [*SECTIONS, *ARRAYS])
    values: dict[str, Any] = {}
    for name, section in SECTIONS.items():
        table = document.get(name, {})
        if not isinstance(table, dict):
            problems.append(
                f"{path}: {name} is {_shown(table)}; it must be a section, written [{name}]."
            )
            continue
        found = _table_problems(path, name, section, table)
        problems += found
        if not found:
            values[name] = _built(section, table)
    for name, entry in ARRAYS.items():
        tables = document.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            problems.append(
                f"{path}: {name} is {_shown(tables)}; it must be tables, each written [[{name}]]."
            )
            continue
        found = []
        for number, table in enumerate(tables):
            found += _table_problems(path, f"{name}[{number}]", entry, table)
        problems += found
        if not found:
            values[name] = tuple(_built(entry, table) for table in tables)
    problems += [f"{path}: {problem}" for problem in _contradictions(values)]
    if problems:
        raise SettingsError(problems)
    return Settings(**values)


def _built(kind: type[Any], table: dict[str, Any]) -> Any:
    return kind(**{key: tuple(v) if isinstance(v, list) else v for key, v in table.items()})


def _contradictions(values: dict[str, Any]) -> Iterator[str]:
    """Yield what cannot be true together; an array that is wrong by itself is not in `values`."""
    indexes: tuple[IndexSettings, ...] | None = values.get("indexes")
    routes: tuple[RouteSettings, ...] | None = values.get("routes")
    if indexes is not None:
        if not indexes or indexes[0].name != PYPI:
            name = repr(indexes[0].name) if indexes else "missing"
            yield f"indexes[0].name is {name}; the first index must be {PYPI}."
        yield from _twice("indexes", [index.name for index in indexes])
    if routes is not None:
        if not routes or (routes[-1].projects, routes[-1].indexes) != (("*",), (PYPI,)):
            yield f'routes must end with projects = ["*"], indexes = ["{PYPI}"]; add that route.'
        if indexes:
            known = {index.name for index in indexes}
            for number, route in enumerate(routes):
                for name in dict.fromkeys(route.indexes):
                    if name not in known:
                        where = f"routes[{number}].indexes"
                        yield f"{where} names {name}, which is no index; add it or remove it."
    if "file_rules" in values:
        yield from _twice("file_rules", [rule.name for rule in values["file_rules"]])


def _twice(array: str, names: list[str]) -> Iterator[str]:
    for number, name in enumerate(names):
        if name in names[:number]:
            first = f"{array}[{names.index(name)}]"
            yield f"{array}[{number}].name is {name!r}, as that of {first}; rename one of them."


def _load(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        remedy = "write the file, or name another one with --settings or CELLAR_SETTINGS"
        raise SettingsError([f"{path}: cannot be read: {reason}; {remedy}."]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{path}: is not UTF-8 text; save it as UTF-8."]) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{path}: is not valid TOML: {error}; correct that place."]) from None


def _table_problems(path: Path, name: str, kind: type[Any], table: dict[str, Any]) -> list[str]:
    problems = []
    for key in fields(kind):
        rule: Rule = key.metadata["rule"]
        if key.name not in table:
            problems.append(f"{path}: {name}.{key.name} is missing; give it {rule.expected}.")
        elif not rule.accepts(table[key.name]):
            value = _shown(table[key.name])
            problems.append(f"{path}: {name}.{key.name} is {value}; it must be {rule.expected}.")
    known = [key.name for key in fields(kind)]
    return problems + _unknown(path, "key", f"{name}.", table, known)


def _unknown(
    path: Path, kind: str, prefix: str, table: dict[str, Any], known: list[str]
) -> list[str]:
    problems = []
    for key in table:
        if key in known:
            continue
        near = difflib.get_close_matches(key, known, n=1)
        remedy = f"did you mean {prefix}{near[0]}?" if near else "remove it."
        problems.append(f"{path}: {prefix}{key} is not a known {kind}; {remedy}")
    return problems


def _shown(value: object) -> str:
    """Write a wrong value on one line, short enough for a sentence."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    longest = 80
    return text if len(text) <= longest else f"{text[:longest]}…"
