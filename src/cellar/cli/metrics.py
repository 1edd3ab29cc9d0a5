"""The command that writes the metrics."""

import sys
import time
from pathlib import Path

import click

from cellar.cli.common import UNUSABLE, complain, settings_option, settings_or_exit
from cellar.metrics import exposition
from cellar.replacing import replace_file
from cellar.status import ask_units, take


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
