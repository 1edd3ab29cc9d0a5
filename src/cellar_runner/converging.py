"""
Makes the files of the host what they are to be, and back what they were.

What is wanted is declared whole; the journal says what was done before. All new contents are
computed first, so that a refusal changes nothing; then the journal says what is about to happen,
then it happens, file by file, then the journal says that it has. A run that was killed in between
is taken up by the next one, whatever that one wants.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from cellar_runner import files
from cellar_runner.edits.stored import decode_edit, encode
from cellar_runner.journal import Entry, Journal, Step, Store
from cellar_runner.refusal import Refusal
from cellar_runner.targets.target import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from cellar_runner.edits.edit import Edit

    # Runs a command; returns what is wrong, "" if nothing is.
    Run = Callable[[Command], str]


@dataclass(frozen=True, slots=True)
class Part:
    """What one target wants, and what is run when a file of it has changed."""

    target: str
    edits: Sequence[Edit]
    commands: Sequence[Command] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What a run did, or would do.

    `notes` say what was left alone and why, `failures` what could not be done: the rest was.
    """

    changed: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


@runtime_checkable
class Noting(Protocol):
    """An edit that may leave a file as it is."""

    def note(self, base: bytes | None) -> str:
        """Return why the file gets nothing of ours, in a sentence; "" if it does."""


@runtime_checkable
class Remarking(Protocol):
    """An edit that may leave parts of a file as they are."""

    def remarks(self, base: bytes | None) -> Sequence[str]:
        """Return what of the file gets nothing of ours and why, in sentences."""


@dataclass(slots=True)
class _Wanted:
    """What all parts together want of one file."""

    edits: list[Edit] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)


@dataclass(slots=True)
class _Work:
    """What there is to do: steps in their order, with the contents; None removes the file."""

    steps: dict[str, Step] = field(default_factory=dict)
    contents: dict[str, bytes | None] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def keep(self, content: bytes) -> str:
        """Let a content be kept once the work begins; return its name."""
        name = files.digest(content) or ""
        self.kept[name] = content
        return name


def preview(
    store: Store,
    parts: Sequence[Part],
    *,
    lenient: bool = False,
    keep: AbstractSet[str] = frozenset(),
) -> Outcome:
    """
    Return what `converge` would do, and change nothing.

    Raises:
        Refusal: a file cannot be what it is to be.

    """
    journal = _recovered(store, store.load())
    work = _work(store, journal, parts, lenient=lenient, keep=keep)
    return Outcome(_changed(work), tuple(work.notes), tuple(work.failures))


def converge(
    store: Store,
    parts: Sequence[Part],
    run: Run,
    *,
    lenient: bool = False,
    keep: AbstractSet[str] = frozenset(),
) -> Outcome:
    """
    Make the files of the host what `parts` want, and nothing else of ours; then run commands.

    Files come in the order of the parts, and go in the opposite one, before the others come. With
    `lenient` a file that cannot be changed stays as it is and is one of the failures. What was done
    to files for targets in `keep` alone stays where no part wants anything of them.

    Raises:
        Refusal: a file cannot be what it is to be; nothing was changed.
        OSError: a file cannot be written; the next run takes it up.

    """
    journal = _recovered(store, store.load(), clean=True)
    work = _work(store, journal, parts, lenient=lenient, keep=keep)
    if work.steps or journal.steps or journal.due:
        journal = _carry_out(store, journal, work, lenient=lenient)
        work.failures += _run_due(store, journal, run)
    store.sweep(journal)
    return Outcome(_changed(work), tuple(work.notes), tuple(work.failures))


def _changed(work: _Work) -> tuple[Path, ...]:
    return tuple(Path(path) for path, step in work.steps.items() if step.before != step.after)


def _recovered(store: Store, journal: Journal, *, clean: bool = False) -> Journal:
    """
    Return the journal with the entries that a killed run left behind.

    A step that was done has its new entry, one that was not the old one. Who has changed a file
    since has changed the new one.
    """
    entries = dict(journal.entries)
    for path, step in journal.steps.items():
        found = files.read(Path(path))
        done = files.digest(found) != step.before
        if done and files.digest(found) != step.after and step.before and step.after:
            before, after = store.take(step.before), store.take(step.after)
            if files.torn(found, before, after):
                done = False
                if clean:
                    files.replace(Path(path), before, 0o644)
        if done:
            _set(entries, path, step.entry)
        if clean:
            files.remove(files.new_name(Path(path)))
    return replace(journal, entries=entries)


def _set(entries: dict[str, Entry], path: str, entry: Entry | None) -> None:
    if entry is None:
        entries.pop(path, None)
    else:
        entries[path] = entry


def _work(
    store: Store, journal: Journal, parts: Sequence[Part], *, lenient: bool, keep: AbstractSet[str]
) -> _Work:
    wanted = _wanted(parts)
    work = _Work()
    going = [
        path
        for path, entry in reversed([*journal.entries.items()])
        if path not in wanted and not keep >= set(entry.targets)
    ]
    for path in [*going, *wanted]:
        try:
            _plan(store, journal.entries.get(path), path, wanted.get(path), work)
        except Refusal as refusal:
            if not lenient:
                raise
            work.failures.append(str(refusal))
    return work


def _wanted(parts: Sequence[Part]) -> dict[str, _Wanted]:
    """Return what is wanted of each file, by the path that links lead to."""
    wanted: dict[str, _Wanted] = {}
    for part in parts:
        for edit in part.edits:
            of_file = wanted.setdefault(str(files.real_path(edit.path)), _Wanted())
            of_file.edits.append(edit)
            if part.target not in of_file.targets:
                of_file.targets.append(part.target)
                of_file.commands += part.commands
    return wanted


def _plan(
    store: Store, entry: Entry | None, path: str, wanted: _Wanted | None, work: _Work
) -> None:
    found = files.read(Path(path))
    base = _base(store, entry, found)
    new = base
    for edit in wanted.edits if wanted else ():
        note = edit.note(new) if isinstance(edit, Noting) else ""
        if note:
            work.notes.append(note)
        else:
            work.notes += edit.remarks(new) if isinstance(edit, Remarking) else ()
            new = edit.apply(new)
    after = _entry(wanted, base, new, work.keep)
    if after == entry and new == found:
        return
    # What a killed run needs to tell how far it came.
    for content in (base, found, new):
        if content is not None:
            work.keep(content)
    work.steps[path] = Step(files.digest(found), files.digest(new), after)
    work.contents[path] = new
    work.modes[path] = wanted.edits[-1].mode if wanted else 0o644
    if new != found:
        commands = dict.fromkeys((*(wanted.commands if wanted else ()), *_commands(entry)))
        work.commands += [c for c in commands if c not in work.commands]


def _entry(
    wanted: _Wanted | None, base: bytes | None, new: bytes | None, keep: Callable[[bytes], str]
) -> Entry | None:
    if wanted is None or new is None or new == base:
        return None
    return Entry(
        files.digest(base),
        files.digest(new) or "",
        tuple(wanted.targets),
        tuple(encode(edit, keep) for edit in wanted.edits),
        tuple([list(command.arguments), command.why] for command in wanted.commands),
    )


def _base(store: Store, entry: Entry | None, found: bytes | None) -> bytes | None:
    """Return the file without our entries."""
    if entry is None or found is None:
        return found
    base = None if entry.base is None else store.take(entry.base)
    if files.digest(found) == entry.written:
        return base
    # Somebody has changed it since: each edit is taken out of what it has become.
    edits = [decode_edit(document, store.take) for document in entry.edits]
    bases = [base]
    for edit in edits:
        bases.append(edit.apply(bases[-1]))
    current: bytes | None = found
    for edit, before in zip(reversed(edits), reversed(bases[:-1]), strict=True):
        current = None if current is None else edit.undo(current, before)
    return current


def _commands(entry: Entry | None) -> list[Command]:
    return [Command(tuple(a), why) for a, why in entry.commands] if entry else []


def _carry_out(store: Store, journal: Journal, work: _Work, *, lenient: bool) -> Journal:
    """Do the steps, and return the journal after them, which has the commands that are due."""
    folders = _folders_to_make(journal, work)
    commands: list[Any] = [[list(command.arguments), command.why] for command in work.commands]
    due = (*journal.due, *(command for command in commands if command not in journal.due))
    for content in work.kept.values():
        store.keep(content)
    journal = replace(journal, steps=work.steps, folders=folders, due=due)
    store.save(journal)
    entries = dict(journal.entries)
    for path, step in work.steps.items():
        try:
            if step.before != step.after:
                _write(Path(path), work.contents[path], work.modes[path])
            _set(entries, path, step.entry)
        except OSError as error:
            if not lenient:
                raise
            work.failures.append(f"{path} cannot be written: {error.strerror}")
    entries = _in_order(entries, work)
    journal = replace(journal, entries=entries, steps={}, folders=_keep_folders(folders, entries))
    store.save(journal)
    return journal


def _in_order(entries: Mapping[str, Entry], work: _Work) -> dict[str, Entry]:
    """Let what came last be the last one, also where an earlier run had it earlier."""
    ordered = {path: entry for path, entry in entries.items() if path not in work.steps}
    return {**ordered, **{path: entries[path] for path in work.steps if path in entries}}


def _write(path: Path, content: bytes | None, mode: int) -> None:
    if content is None:
        files.remove(path)
        return
    for folder in reversed([path.parent, *path.parent.parents]):
        if not folder.exists():
            files.make_folder(folder)
    files.replace(path, content, mode)


def _folders_to_make(journal: Journal, work: _Work) -> tuple[str, ...]:
    made = list(journal.folders)
    for path, content in work.contents.items():
        if content is not None:
            missing = [str(f) for f in Path(path).parents if not f.exists()]
            made += [folder for folder in reversed(missing) if folder not in made]
    return tuple(made)


def _keep_folders(folders: Sequence[str], entries: Mapping[str, Entry]) -> tuple[str, ...]:
    """Remove the folders that were made for files that have gone; return the others."""
    kept = []
    for folder in sorted(folders, reverse=True):
        if any(Path(folder) in Path(path).parents for path in entries):
            kept.append(folder)
        else:
            # Not empty: others have put something there, and it is theirs now.
            with suppress(OSError):
                Path(folder).rmdir()
    return tuple(sorted(kept))


def _run_due(store: Store, journal: Journal, run: Run) -> list[str]:
    failures = []
    for arguments, why in journal.due:
        wrong = run(Command(tuple(arguments), why))
        if wrong:
            failures.append(f"`{' '.join(arguments)}` failed ({wrong}): {why}")
    if journal.due:
        store.save(replace(journal, due=()))
    return failures
