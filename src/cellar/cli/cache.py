"""Commands that read what the engine has stored, and remove it where it must go."""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from cellar.cli.common import (
    FOUND,
    UNUSABLE,
    complain,
    json_option,
    settings_option,
    settings_or_exit,
    watched,
)
from cellar.purging import purge as purge_all
from cellar.store import Selection, SelectionError, Zone, search, zones
from cellar.units import count_of, size
from cellar.verifying import (
    COUNTED,
    DATABASE,
    SUMMARY,
    Counted,
    Ledger,
    LedgerError,
    Listed,
    Pace,
    Prover,
    Summary,
)
from cellar.verifying import verify as verify_all

_DAY = 86400

_what = click.argument("what", metavar="[WHAT]...", nargs=-1)


@click.command(short_help="Prove that the cache is right, and remove what is not.")
@_what
@settings_option
@json_option
@click.option("--all", "everything", is_flag=True, help="Look at everything, due or not.")
def verify(
    what: tuple[str, ...],
    settings_path: Path,
    json_output: bool,  # noqa: FBT001 click passes flags so
    everything: bool,  # noqa: FBT001 likewise
) -> None:
    """
    Prove that the cache holds what upstream published, and remove what is wrong; a timer does this.

    A file of PyPI has to have the BLAKE2b-256 in its path, one of another index the SHA-256 in its
    path, and metadata the SHA-256 on the page of its project. Pages have to unpack. Everything that
    nobody has looked at for cellar_verify_days is looked at, first what came since the last run.
    WHAT is looked at in any case, and alone: a project (demo), the name, path or URL of a file, or
    a pattern ("demo-*"). What is removed is fetched anew when the next client asks for it.

    It may be interrupted at any moment, and goes on there the next time. Exits with 0 if nothing
    was wrong, 1 if something was removed, and 2 if the cache could not be read.
    """
    settings = settings_or_exit(settings_path)
    verifier = settings.verifier
    cache = Path(settings.appliance.cache_dir)
    directory = Path(verifier.directory)
    with _failures_told():
        selections = [Selection.parse(text) for text in what]
        _become_owner_of(directory)
        ledger = Ledger(directory / DATABASE)
        known = zones(cache)
        ledger.survey(known, time.time_ns())
        block = os.statvfs(cache).f_bsize
        fill = {zone.name: ledger.fill(zone, block) for zone in known}
        Counted(time.time(), fill).write(directory / COUNTED)
        before = time.time() - (0 if everything else verifier.days * _DAY)
        if selections:
            due: Iterable[tuple[Zone, Path]]
            due = [(found.zone, found.place) for found in search(cache, selections)]
            count = len(due)
        else:
            due, count = ledger.due(known, before), ledger.count_due(before)
        prover = Prover(cache, Listed(cache, settings.pages.revision), Pace(verifier.rate).take)
        summary = verify_all(watched(due, "Looking at records", count), prover, ledger)
        summary.due = ledger.count_due(time.time() - verifier.days * _DAY)
        ledger.close()
        if not selections:
            summary.write(directory / SUMMARY)
    click.echo(summary.as_json() if json_output else _told(summary))
    if summary.removed:
        sys.exit(FOUND)


@click.command(short_help="Remove something, so that the next client gets it fresh.")
@click.argument("what", metavar="WHAT...", nargs=-1, required=True)
@settings_option
@json_option
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
def purge(
    what: tuple[str, ...],
    settings_path: Path,
    json_output: bool,  # noqa: FBT001 click passes flags so
    dry_run: bool,  # noqa: FBT001 likewise
) -> None:
    """
    Remove something from the cache, so that the next client gets it fresh from upstream.

    WHAT is a project (demo), whose pages and files go, or a file, which goes with its metadata, by
    its name, its path or its URL, or a pattern of either ("demo-*", "*-win32.whl"). Exits with 0 if
    something was removed, 1 if nothing of it is in the cache, and 2 if that could not be done.
    """
    settings = settings_or_exit(settings_path)
    cache = Path(settings.appliance.cache_dir)
    with _failures_told():
        selections = [Selection.parse(text) for text in what]
        _become_owner_of(cache)
        purged = purge_all(
            cache,
            selections,
            dry_run=dry_run,
            progress=lambda folders: watched(folders, "Searching the cache"),
        )
    if json_output:
        click.echo(json.dumps([asdict(each) for each in purged]))
    else:
        for each in purged:
            click.echo(
                f"{each.path}: {each.kind}, {count_of(each.records, 'record')}, {size(each.bytes)}"
            )
        count, total = sum(each.records for each in purged), sum(each.bytes for each in purged)
        verb = "would be removed" if dry_run else "removed"
        click.echo(f"{count_of(count, 'record')} {verb}, {size(total)}.")
    if not purged:
        sys.exit(FOUND)


@contextmanager
def _failures_told() -> Iterator[None]:
    """Tell a failure in one sentence, and exit."""
    try:
        yield
    except (SelectionError, LedgerError) as error:
        complain(str(error))
        sys.exit(UNUSABLE)
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}; nothing was left half-done.")
        sys.exit(UNUSABLE)


def _become_owner_of(path: Path) -> None:
    """
    Go on as the user that the engine runs as, if root asks.

    What root wrote, the next run by the timer could not.
    """
    owner = path.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


def _told(summary: Summary) -> str:
    lines = [f"removed {each['path']}: {each['why']}" for each in summary.removed]
    outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(summary.records.items()))
    looked = sum(summary.records.values())
    lines.append(
        f"Looked at {count_of(looked, 'record')}, {size(summary.bytes)} of content"
        f"{f': {outcomes}' if outcomes else ''}. {summary.due:,} more are due."
    )
    return "\n".join(lines)
