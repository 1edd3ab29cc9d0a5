"""The command that proves that the cache is right."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cellar.cli.cache import become_owner_of, failures_told
from cellar.cli.common import FOUND, json_option, settings_option, settings_or_exit, watched
from cellar.store import Selection, Zone, search, zones
from cellar.units import count_of, size
from cellar.verifying import (
    COUNTED,
    DATABASE,
    SUMMARY,
    Counted,
    Ledger,
    Listed,
    Pace,
    Prover,
    Summary,
)
from cellar.verifying import verify as verify_all

if TYPE_CHECKING:
    from collections.abc import Iterable

_DAY = 86400


@click.command(short_help="Prove that the cache is right, and remove what is not.")
@click.argument("what", metavar="[WHAT]...", nargs=-1)
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
    with failures_told():
        selections = [Selection.parse(text) for text in what]
        become_owner_of(directory)
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


def _told(summary: Summary) -> str:
    lines = [f"removed {each['path']}: {each['why']}" for each in summary.removed]
    outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(summary.records.items()))
    looked = sum(summary.records.values())
    lines.append(
        f"Looked at {count_of(looked, 'record')}, {size(summary.bytes)} of content"
        f"{f': {outcomes}' if outcomes else ''}. {summary.due:,} more are due."
    )
    return "\n".join(lines)
