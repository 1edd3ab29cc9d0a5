"""The command that checks a settings file."""

import sys
from pathlib import Path

import click

from cellar.cli.common import FOUND, SETTINGS_VARIABLE, complain
from cellar.settings import DEFAULT_PATH, SettingsError, read_settings


@click.command("check-settings", short_help="Check a settings file.")
@click.argument(
    "file",
    type=click.Path(path_type=Path),
    default=DEFAULT_PATH,
    envvar=SETTINGS_VARIABLE,
)
def check_settings(file: Path) -> None:
    """
    Check a settings file and list every problem in it.

    FILE is /etc/cellar/cellar.toml unless given here or in CELLAR_SETTINGS. Exits with 0 if the
    file can be used, else with 1.
    """
    try:
        read_settings(file)
    except SettingsError as error:
        complain(*error.problems)
        sys.exit(FOUND)
    click.echo(f"{file}: the settings can be used.")
