"""Commands that tell how an appliance is, to people and to what watches it."""

import sys
import time
from pathlib import Path

import click

from cellar.cli.common import (
    FOUND,
    UNUSABLE,
    complain,
    json_option,
    settings_option,
    settings_or_exit,
)
from cellar.metrics import exposition
from cellar.replacing import replace_file
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


@click.command(short_help="Write the metrics that Prometheus reads.")
@settings_option
def metrics(settings_path: Path) -> None:
    """
    Write the metrics that Prometheus reads; a timer does this every minute.

    The engine serves the file at /metrics to the networks of cellar_metrics_networks. Exits with 0
    if it was written, and 2 if it could not be, or the settings cannot be used.
    """
    settings = settings_or_exit(settings_path)
    found = take(settings, settings_path, time.time(), ask_units)
    file = Path(settings.metrics.file)
    try:
        replace_file(file, exposition(found))
    except OSError as error:
        complain(f"{file} cannot be written: {error.strerror}.")
        sys.exit(UNUSABLE)
