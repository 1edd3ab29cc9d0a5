"""The base specification of containers in containerd's config.toml."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cellar_runner.edits import toml_text
from cellar_runner.edits.entries import Addition, Group, Put, get, put
from cellar_runner.edits.text import decode
from cellar_runner.edits.toml_keys import TomlKeys
from cellar_runner.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cellar_runner.edits.entries import Place

# What has the runtimes of pods, by the version of the file; containerd 1.x reads version 2 alone.
_OLD, _NEW = "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"
PLUGINS = {2: _OLD, 3: _NEW, 4: _NEW}

_KEY = "base_runtime_spec"
_MADE = 2  # the version of a file that was not there: all containerd since 1.3 read it
_EMPTY = re.compile(r"""=[ \t]*(""|'')""")


@dataclass(frozen=True, slots=True)
class ContainerdConfig:
    """
    Names a file as the base specification of each runtime of pods that has none.

    `containerd config default` writes the key with an empty text, which says the same as no key: it
    is filled. `elsewhere` is a file that containerd reads after this one and that has settings of
    the same plugin: up to 1.7 these are then as if they were not there; 2.x puts them together.
    """

    path: Path
    spec: str
    elsewhere: str = ""
    mode: int = 0o644

    def apply(self, base: bytes | None) -> bytes:
        """Return the file with the key. Raises Refusal where it would be of no use, or of harm."""
        text, document = self._checked(base)
        return self._keys(document).apply(self._filled(text, document).encode())

    def undo(self, current: bytes, base: bytes | None) -> bytes | None:
        """Return the file without the key; None where it was not there and no more is in it."""
        text, document = self._read(base)
        found, changed = self._read(current)
        for place, empty in _empty(text, document):
            if get(changed, place) == self.spec:
                found = _with_value(found, place, json.dumps(self.spec), empty)
        return self._keys(document).undo(found.encode(), base)

    def remarks(self, base: bytes | None) -> Sequence[str]:
        """Return which runtimes keep a base specification of their own. Raises as `apply` does."""
        text, document = self._checked(base)
        return self._keys(document).remarks(self._filled(text, document).encode())

    def _read(self, content: bytes | None) -> tuple[str, Any]:
        text = decode(self.path, content or b"")
        try:
            return text, toml_text.parsed(text)
        except ValueError as error:
            raise Refusal(f"{self.path}{error}") from error

    def _checked(self, content: bytes | None) -> tuple[str, Any]:
        text, document = self._read(content)
        why = self._obstacle(document)
        if why:
            raise Refusal(f"{why}, or set cellar_runner_containerd to false")
        return text, document

    def _obstacle(self, document: Any) -> str:
        """Return why the key would be of no use or of harm, and what to do; "" if it would not."""
        version = document.get("version", 1) if document else _MADE
        if type(version) is not int or version not in PLUGINS:
            known = ", ".join(map(str, PLUGINS))
            return (
                f"{self.path} is of version {version!r}, and versions {known} are known here: "
                "write it in one of them"
            )
        disabled = document.get("disabled_plugins", [])
        for name in ("cri", _OLD, _NEW):
            if name in disabled:
                return f"{self.path} disables {name}, by which pods are started: enable it"
        if self.elsewhere and version == _MADE:
            return (
                f"{self.elsewhere} has settings of pods, which replace those of {self.path}: move "
                "them there"
            )
        if get(document, ("plugins", PLUGINS[version], "enable_selinux")) is True:
            return (
                f"{self.path} sets enable_selinux, and pods could not read the certificates that "
                "their variables name: do without it"
            )
        return ""

    def _filled(self, text: str, document: Any) -> str:
        wanted = copy.deepcopy(document)
        for place, empty in _empty(text, document):
            put(wanted, Addition(place, self.spec, as_item=False))
            text = _with_value(text, place, empty, json.dumps(self.spec))
        if toml_text.parsed(text) != wanted:
            raise Refusal(f"{self.path} is written in a way that entries cannot be added to it")
        return text

    def _keys(self, document: Any) -> TomlKeys:
        """Return the key for each runtime of the file, or for the one that is built in."""
        runtimes = _runtimes(document)
        groups = [Group((Put((*place, _KEY), self.spec),)) for place in runtimes]
        if not runtimes:
            # A table in the file replaces the one that is built in, so it says the type as well.
            place = (*_place(document), "runc")
            version = () if document else (Put(("version",), _MADE),)
            kind = Put((*place, "runtime_type"), "io.containerd.runc.v2")
            groups = [Group((*version, kind, Put((*place, _KEY), self.spec)))]
        return TomlKeys(self.path, tuple(groups), self.mode)


def has_settings_of_pods(document: Any) -> bool:
    """Tell whether a document that was read has settings of what starts pods."""
    return any(get(document, ("plugins", plugin)) is not None for plugin in (_OLD, _NEW))


def _place(document: Any) -> tuple[str, ...]:
    return ("plugins", PLUGINS[document.get("version", _MADE)], "containerd", "runtimes")


def _runtimes(document: Any) -> list[tuple[str, ...]]:
    place = _place(document)
    tables = get(document, place)
    return [(*place, name) for name in tables] if isinstance(tables, dict) else []


def _empty(text: str, document: Any) -> list[tuple[Place, str]]:
    """Return the places of keys that say nothing, each with how that is written."""
    found: list[tuple[Place, str]] = []
    for place in ((*runtime, _KEY) for runtime in _runtimes(document)):
        line = toml_text.line_of(text, place) if get(document, place) == "" else None
        written = _EMPTY.search(text[line.start : line.end]) if line else None
        if written:
            found.append((place, written[1]))
    return found


def _with_value(text: str, place: Place, old: str, new: str) -> str:
    """Return a text with another value in the line of a key."""
    line = toml_text.line_of(text, place)
    if line is None:
        return text
    return text[: line.start] + text[line.start : line.end].replace(old, new, 1) + text[line.end :]
