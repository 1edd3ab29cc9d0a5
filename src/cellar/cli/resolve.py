"""The command that resolves the names of upstream hosts."""

import sys
from pathlib import Path

import click

from cellar.cli.common import FOUND, complain, settings_option, settings_or_exit
from cellar.resolving import resolve as resolve_all


@click.command(short_help="Resolve the names of upstream hosts.")
@settings_option
def resolve(settings_path: Path) -> None:
    """
    Resolve the names of upstream hosts; a timer does this every minute.

    What changed is written for the engine and the rewriter. A name that cannot be resolved keeps
    its last addresses. Exits with 0 if every name was resolved, 1 if one was not, and 2 if the
    settings cannot be used.
    """
    failures = list(resolve_all(settings_or_exit(settings_path)))
    complain(*failures)
    if failures:
        sys.exit(FOUND)
