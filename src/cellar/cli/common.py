"""What commands share: where the settings are, and how a failure is told."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import click

from cellar.settings import DEFAULT_PATH, Settings, SettingsError, read_settings

T = TypeVar("T")

SETTINGS_VARIABLE = "CELLAR_SETTINGS"
# Exit statuses: something is not as it should be, and the command could not do its work.
FOUND = 1
UNUSABLE = 2

settings_option = click.option(
    "--settings",
    "settings_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default=DEFAULT_PATH,
    envvar=SETTINGS_VARIABLE,
    show_envvar=True,
    show_default=True,
    help="The settings file of the appliance.",
)
json_option = click.option(
    "--json", "json_output", is_flag=True, help="Print one JSON object instead of lines."
)


def settings_or_exit(path: Path) -> Settings:
    """Return the settings; with problems in them, tell all and exit."""
    try:
        return read_settings(path)
    except SettingsError as error:
        complain(*error.problems)
        sys.exit(UNUSABLE)


def complain(*sentences: str) -> None:
    """Print sentences where they are no part of the result."""
    for sentence in sentences:
        click.echo(sentence, err=True)


def watched(items: Iterable[T], label: str, length: int | None = None) -> Iterator[T]:
    """Pass items on, behind a bar that moves, if somebody looks."""
    if not sys.stderr.isatty():
        yield from items
        return
    with click.progressbar(items, length, label, file=sys.stderr) as bar:
        yield from bar
