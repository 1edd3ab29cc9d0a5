"""The `cellar` command."""

import click

from cellar import __version__
from cellar.cli.cache import purge, verify
from cellar.cli.questions import explain, selftest
from cellar.cli.services import check_settings, resolve, rewriter
from cellar.cli.traffic import report
from cellar.cli.warming import warm
from cellar.cli.watching import metrics, status

# The commands as the help shows them.
_SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "See how it is": (status, selftest, explain, report),
    "Fill and clean it": (warm, verify, purge),
    "Run by units of systemd": (resolve, metrics, rewriter, check_settings),
}


class _Sections(click.Group):
    """A group whose help has its commands in sections."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        longest = max(len(name) for name in self.list_commands(ctx))
        for title, commands in _SECTIONS.items():
            rows = [
                (f"{command.name:<{longest}}", command.get_short_help_str(formatter.width))
                for command in commands
            ]
            with formatter.section(title):
                formatter.write_dl(rows)


@click.group(cls=_Sections, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """
    Look after a Cellar appliance: a cache of PyPI for CI machines.

    Begin with `cellar status`, as root on the appliance: it shows how all is, and names what needs
    a hand. `cellar selftest` asks like a client does, step by step. If a client does not get a
    package, `cellar explain PACKAGE` says why. The settings file is written by the Ansible role, so
    there is nothing to edit here.

    Every command exits with 0 if all is well, 1 if it found something that is not, and 2 if it
    could not do its work; `cellar COMMAND --help` says what that means for it. With --json, where
    there is that option, programs get one JSON object.
    """


for _commands in _SECTIONS.values():
    for _command in _commands:
        main.add_command(_command)
