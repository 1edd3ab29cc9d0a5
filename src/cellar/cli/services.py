"""Commands that units of systemd run, and the check of what they read."""

import sys
from pathlib import Path

import click

from cellar.cli.common import (
    FOUND,
    SETTINGS_VARIABLE,
    UNUSABLE,
    complain,
    settings_option,
    settings_or_exit,
)
from cellar.resolving import resolve as resolve_all
from cellar.server import RewriterApplication, has_systemd_socket
from cellar.settings import DEFAULT_PATH, SettingsError, read_settings
from cellar.upstream import AccessError


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


@click.command(short_help="Run the index rewriter.")
@settings_option
@click.option(
    "--bind",
    metavar="ADDRESS",
    help="Listen here (unix:/path, or host:port) instead of on systemd's socket: to try it out.",
)
def rewriter(settings_path: Path, bind: str | None) -> None:
    """
    Run the index rewriter; the service unit does this.

    It listens on the socket that systemd passes, reports readiness to systemd, reads its settings
    again on SIGHUP and finishes the requests it has begun on SIGTERM.
    """
    if bind is None and not has_systemd_socket():
        complain(
            "There is no socket to listen on: start cellar-rewriter.socket with systemctl, or give "
            "an address with --bind."
        )
        sys.exit(UNUSABLE)
    try:
        application = RewriterApplication(settings_path, bind)
    except SettingsError as error:
        complain(*error.problems)
        sys.exit(UNUSABLE)
    except AccessError as error:
        complain(str(error))
        sys.exit(UNUSABLE)
    application.run()


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
