"""The command that runs the index rewriter."""

import sys
from pathlib import Path

import click

from cellar.cli.common import UNUSABLE, complain, settings_option
from cellar.server import RewriterApplication, has_systemd_socket
from cellar.settings import SettingsError
from cellar.upstream import AccessError


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
