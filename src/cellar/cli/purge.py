"""The command that removes what one names."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from cellar.cli.cache import become_owner_of, failures_told
from cellar.cli.common import FOUND, json_option, settings_option, settings_or_exit, watched
from cellar.purging import purge as purge_all
from cellar.store import Selection
from cellar.units import count_of, size


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
    with failures_told():
        selections = [Selection.parse(text) for text in what]
        become_owner_of(cache)
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
