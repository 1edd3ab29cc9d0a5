"""The command that asks as a client does, step by step."""

import sys
from pathlib import Path

import click

from cellar.cli.common import FOUND, json_option, settings_option, settings_or_exit
from cellar.selftest.checks import checks
from cellar.selftest.report import Status, as_json, run_checks


@click.command()
@settings_option
@json_option
def selftest(settings_path: Path, json_output: bool) -> None:  # noqa: FBT001 click passes flags so
    """
    Check that this appliance works, through its own doors.

    One line for each check: "ok" and what was found, "FAIL" with what to do, or "skip" for a check
    that says nothing because another one failed. Exits with 0 if nothing failed, 1 if something
    did, and 2 if the settings cannot be used.
    """
    settings = settings_or_exit(settings_path)
    results = []
    for result in run_checks(checks(settings)):
        results.append(result)
        if not json_output:
            click.echo(str(result))
    if json_output:
        click.echo(as_json(results))
    if any(result.status is Status.FAIL for result in results):
        sys.exit(FOUND)
