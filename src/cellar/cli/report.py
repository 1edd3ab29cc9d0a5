"""The command that counts what goes through the appliance, and says what it saves."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from os import geteuid
from pathlib import Path

import click

from cellar.cli.common import (
    UNUSABLE,
    complain,
    json_option,
    settings_option,
    settings_or_exit,
    watched,
)
from cellar.replacing import replace_file
from cellar.report import By, Span, Wanted, as_html, as_json, as_text, day_at, report_on
from cellar.report.page import TABLES
from cellar.settings import Settings
from cellar.traffic import Traffic, TrafficError, is_counted
from cellar.traffic import count as count_all

_DAYS = 30
_TOP = 20

_day = click.DateTime(formats=["%Y-%m-%d"])


@click.command(short_help="Say what was served, what that saved, and what was not cached.")
@settings_option
@json_option
@click.option("--days", type=click.IntRange(1, 3650), help=f"The last days, {_DAYS} unless given.")
@click.option("--since", type=_day, help="The first day.", metavar="YYYY-MM-DD")
@click.option("--until", type=_day, help="The last day; today unless given.", metavar="YYYY-MM-DD")
@click.option(
    "--by",
    type=click.Choice([each.value for each in By]),
    default=[By.DAY.value],
    multiple=True,
    show_default=True,
    help="What rows are for; more than once for several tables.",
)
@click.option(
    "--top",
    type=click.IntRange(1, 100_000),
    default=_TOP,
    show_default=True,
    help="How many rows there are, those with the most bytes; days have all.",
)
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write one page with charts to FILE instead.",
)
def report(  # noqa: PLR0913, PLR0917 click passes each option so
    settings_path: Path,
    json_output: bool,  # noqa: FBT001 click passes flags so
    days: int | None,
    since: datetime | None,
    until: datetime | None,
    by: tuple[str, ...],
    top: int,
    page: Path | None,
) -> None:
    """
    Say what was served, what was fetched for it, what that saved, and why something was not cached.

    First the engine's logs are counted to their ends, if you may do that; a timer does so every
    minute, and writes the page for browsers. Days are UTC. Bytes are those of bodies: served to
    clients, fetched from upstream; saved is the difference. `cellar_report_days` says for how long
    that is known.

    It may be interrupted at any moment. Exits with 0, or with 2 if the logs, their sums or FILE
    cannot be read or written.
    """
    settings = settings_or_exit(settings_path)
    span = _span(days, since, until, day_at(time.time()))
    directory = Path(settings.traffic.directory)
    try:
        if may_count(directory):
            _count(settings)
        tables = TABLES if page else [By(each) for each in dict.fromkeys(by)]
        with Traffic.opened(directory) as traffic:
            found = report_on(traffic, settings, Wanted(span, tables, top), _tables)
    except TrafficError as error:
        complain(str(error))
        sys.exit(UNUSABLE)
    if page is None:
        click.echo(as_json(found) if json_output else as_text(found))
        return
    try:
        replace_file(page, as_html(found))
    except OSError as error:
        complain(f"{page}: {error.strerror}; what was there before still is.")
        sys.exit(UNUSABLE)
    click.echo(f"{page}: the report from {span.first} to {span.last}.")


def may_count(directory: Path) -> bool:
    """Tell whether whoever runs this may write to the database; root makes none that is its own."""
    return os.access(directory, os.W_OK) and (geteuid() != 0 or is_counted(directory))


def _span(days: int | None, since: datetime | None, until: datetime | None, today: date) -> Span:
    last = until.date() if until else today
    if since is None:
        return Span.last_days(days or _DAYS, last)
    if days is not None:
        raise click.UsageError("--days and --since both say when to begin; give one of them.")
    if since.date() > last:
        raise click.UsageError(f"{since.date()} is after {last}.")
    return Span(since.date(), last)


def _count(settings: Settings) -> None:
    appliance = settings.appliance

    def has_space() -> bool:
        try:
            disk = os.statvfs(appliance.cache_dir)
        except OSError:
            return True  # there is no cache yet
        # Less, and files are not stored.
        return disk.f_bavail * disk.f_frsize >= appliance.min_free // 2

    def progress(steps: Iterable[None], count: int) -> Iterator[None]:
        return watched(steps, "Counting the logs", count)

    count_all(settings, has_space, now=time.time, progress=progress)


def _tables(tables: Iterable[By]) -> Iterator[By]:
    return watched(tables, "Adding up")
