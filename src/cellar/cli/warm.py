"""The command that fills the cache."""

import sys
from collections import Counter
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
from cellar.units import size
from cellar.warming import (
    Doors,
    FilterError,
    Filters,
    LockError,
    Outcome,
    Result,
    WarmingError,
    as_json,
    is_all_there,
    read_lock,
)
from cellar.warming import warm as warm_all

_MOST = 64


@click.command(short_help="Fill the cache with what lock files name.")
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@settings_option
@json_option
@click.option(
    "--python",
    "pythons",
    metavar="VERSION",
    multiple=True,
    help="Only what this version of CPython can use, such as 3.12. May be repeated.",
)
@click.option(
    "--platform",
    "platforms",
    metavar="TAG",
    multiple=True,
    help="Only what this platform can use, such as manylinux_2_28_x86_64. May be repeated.",
)
@click.option("--no-sdists", is_flag=True, help="No source distributions.")
@click.option(
    "--parallel",
    metavar="N",
    type=click.IntRange(1, _MOST),
    default=4,
    show_default=True,
    help="How many files are fetched at once.",
)
def warm(  # noqa: PLR0913, PLR0917 its options
    files: tuple[Path, ...],
    settings_path: Path,
    json_output: bool,  # noqa: FBT001 click passes flags so
    pythons: tuple[str, ...],
    platforms: tuple[str, ...],
    no_sdists: bool,  # noqa: FBT001 likewise
    parallel: int,
) -> None:
    """
    Fill the cache with what lock files name, through this appliance's own doors.

    FILE is a requirements.txt (pinned with ==), uv.lock, poetry.lock, pdm.lock, Pipfile.lock or
    pylock.toml, or a list of projects, one a line, of which the newest releases are fetched.
    Without filters every file is fetched that a lock file names. One line for each item: "ok
    cached" if it was there, "ok fetched" if it is there now, "not stored" if the appliance passes
    it through, "left out" if nobody needs it here, or "refused", "missing" or "failed" with the
    reason.

    It may be interrupted at any moment; what is there already is fetched from nobody the next time.
    Exits with 0 if all is there, 1 if something was refused, is missing or failed, and 2 if a file,
    a filter or the settings cannot be used.
    """
    settings = settings_or_exit(settings_path)
    try:
        filters = Filters(pythons, platforms, sdists=not no_sdists)
        locks = [read_lock(file) for file in files]
        doors = Doors(settings, parallel)
    except (FilterError, LockError, WarmingError) as error:
        complain(str(error))
        sys.exit(UNUSABLE)
    notices = list(dict.fromkeys(notice for lock in locks for notice in lock.notices))
    complain(*notices)
    wanted = [each for lock in locks for each in lock.wanted]
    results: list[Result] = []
    # Lines would break the bar up.
    at_once = not json_output and not sys.stderr.isatty()
    interrupted = False
    try:
        with doors:
            for result in warm_all(settings, doors, wanted, filters, parallel, watched):
                results.append(result)
                if at_once:
                    click.echo(str(result))
    except KeyboardInterrupt:
        interrupted = True
    if json_output:
        click.echo(as_json(results, notices, interrupted=interrupted))
    else:
        if not at_once:
            click.echo("".join(f"{result}\n" for result in results), nl=False)
        click.echo(_summary(results))
    if interrupted:
        complain("Interrupted; the same command goes on there.")
    if interrupted or not is_all_there(results):
        sys.exit(FOUND)


def _summary(results: list[Result]) -> str:
    counts = Counter(result.outcome for result in results)
    told = [f"{counts[each]:,} {each.removeprefix('ok ')}" for each in Outcome if counts[each]]
    read = size(sum(result.bytes for result in results))
    items = f"{len(results):,} item{'' if len(results) == 1 else 's'}"
    return f"{items}, {read}: {', '.join(told) or 'nothing is wanted'}."
