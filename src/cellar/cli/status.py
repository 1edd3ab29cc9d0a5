"""The command that shows on one screen how all is."""

import sys
import time
from pathlib import Path

import click

from cellar.cli.common import FOUND, json_option, settings_option, settings_or_exit
from cellar.status import as_json, as_text, ask_units, problems, take


@click.command(short_help="Show how all is; what needs a hand comes first.")
@settings_option
@json_option
def status(settings_path: Path, json_output: bool) -> None:  # noqa: FBT001 click passes flags so
    """
    Show on one screen how this appliance is; what needs a hand comes first.

    Each thing that needs a hand is a sentence that says what to do; after an empty line follows how
    everything is: the doors, asked for real, certificates, upstream, traffic, zones, the disk. Run
    it as root, to whom systemd tells the state of its units.

    Exits with 0 if nothing needs a hand, 1 if something does, and 2 if the settings cannot be used.
    """
    settings = settings_or_exit(settings_path)
    found = take(settings, settings_path, time.time(), ask_units)
    click.echo(as_json(found) if json_output else as_text(found))
    if problems(found):
        sys.exit(FOUND)
