"""
What was changed on the host, and what was there before.

`journal.json` has an entry for each changed file, and during a run what the entries are to become:
that is written before the first file is touched. Contents are in `originals/`, named by their
SHA-256. Both are root's alone, since a file that was changed may have been so too.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from cellar_runner.files import flush_folder, read, replace
from cellar_runner.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """
    A changed file: digests of what was there before us and of what we wrote.

    `base` is None where there was no file. `edits` are as `edits.stored` encodes them, and
    `commands` as a list of [arguments, why].
    """

    base: str | None
    written: str
    targets: tuple[str, ...]
    edits: tuple[Any, ...]
    commands: tuple[Any, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the entry as JSON has it."""
        return {
            "base": self.base,
            "written": self.written,
            "targets": list(self.targets),
            "edits": list(self.edits),
            "commands": list(self.commands),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the entry that `to_json` gave; KeyError if it is none."""
        return cls(
            document["base"],
            document["written"],
            tuple(document["targets"]),
            tuple(document["edits"]),
            tuple(document["commands"]),
        )


@dataclass(frozen=True, slots=True)
class Step:
    """A file that is being changed: digests before and after, and the entry that it then has."""

    before: str | None
    after: str | None
    entry: Entry | None

    def to_json(self) -> dict[str, Any]:
        """Return the step as JSON has it."""
        entry = None if self.entry is None else self.entry.to_json()
        return {"before": self.before, "after": self.after, "entry": entry}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the step that `to_json` gave; KeyError if it is none."""
        entry = document["entry"]
        return cls(
            document["before"],
            document["after"],
            None if entry is None else Entry.from_json(entry),
        )


@dataclass(frozen=True, slots=True)
class Journal:
    """
    Entries by path in the order in which the files were changed, and steps that are under way.

    `folders` are those that we made, `due` the commands that have to be run.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    due: tuple[Any, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing on the host is ours."""
        return not (self.entries or self.steps or self.folders or self.due)


class Store:
    """The folder of the journal, which is made when something is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "journal.json"
        self._originals = folder / "originals"

    def load(self) -> Journal:
        """
        Return the journal.

        Raises:
            Refusal: it cannot be read, or is of a newer version.

        """
        content = read(self._file)
        if content is None:
            return Journal()
        try:
            document = json.loads(content)
            version = document["version"]
            if version > _VERSION:
                raise Refusal(f"{self._file} was written by a newer version of cellar-runner")
            return Journal(
                {path: Entry.from_json(entry) for path, entry in document["entries"].items()},
                {path: Step.from_json(step) for path, step in document["steps"].items()},
                tuple(document["folders"]),
                tuple(document["due"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refusal(f"{self._file} is damaged, so what it says cannot be undone") from error

    def save(self, journal: Journal) -> None:
        """Write the journal."""
        self._make(self._folder)
        document = {
            "version": _VERSION,
            "entries": {path: entry.to_json() for path, entry in journal.entries.items()},
            "steps": {path: step.to_json() for path, step in journal.steps.items()},
            "folders": list(journal.folders),
            "due": list(journal.due),
        }
        replace(self._file, json.dumps(document, indent=1).encode(), 0o600)

    def keep(self, content: bytes) -> str:
        """Keep a content, and return its name."""
        name = hashlib.sha256(content).hexdigest()
        path = self._originals / name
        if read(path) != content:
            self._make(self._folder)
            self._make(self._originals)
            replace(path, content, 0o600)
        return name

    def take(self, name: str) -> bytes:
        """
        Return a content that was kept.

        Raises:
            Refusal: it is gone, or is not what it was.

        """
        path = self._originals / name
        content = read(path)
        if content is None or hashlib.sha256(content).hexdigest() != name:
            raise Refusal(f"{path} is missing or damaged, so what it was of cannot be undone")
        return content

    def sweep(self, journal: Journal) -> None:
        """Remove the contents that the journal does not need."""
        if not self._originals.is_dir():
            return
        needed = set(_names(journal))
        for path in self._originals.iterdir():
            if path.name not in needed:
                path.unlink(missing_ok=True)

    @staticmethod
    def _make(folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
            flush_folder(folder.parent)
        folder.chmod(0o700)


def _names(journal: Journal) -> list[str]:
    entries = [*journal.entries.values(), *(s.entry for s in journal.steps.values() if s.entry)]
    steps = journal.steps.values()
    digests = [e.base for e in entries] + [d for s in steps for d in (s.before, s.after)]
    names = [name for name in digests if name]
    for entry in entries:
        names += _bytes_of(entry.edits)
    return names


def _bytes_of(document: Any) -> list[str]:
    if isinstance(document, dict):
        name = document.get("bytes")
        inner = [name] if isinstance(name, str) else []
        return inner + [n for item in document.values() for n in _bytes_of(item)]
    if isinstance(document, list | tuple):
        return [n for item in document for n in _bytes_of(item)]
    return []
