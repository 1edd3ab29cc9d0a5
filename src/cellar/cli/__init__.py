"""The `cellar` command."""

import click

from cellar import __version__
from cellar.cli.cache import purge, verify
from cellar.cli.questions import explain, selftest
from cellar.cli.services import check_settings, resolve, rewriter
from cellar.cli.traffic import report
from cellar.cli.warming import warm


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """
    Look after a Cellar appliance: a cache of PyPI for CI machines.

    The settings file is written by the Ansible role, so there is nothing to edit here. To see
    whether an appliance works, run `cellar selftest` on it.
    """


for _command in (selftest, explain, warm, verify, purge, check_settings, resolve, rewriter, report):
    main.add_command(_command)
