"""The `cellar` command."""

from importlib import import_module

import click

from cellar import __version__

# The commands as the help shows them; each has the module of its name.
_SECTIONS = {
    "See how it is": ("status", "selftest", "explain", "report"),
    "Fill and clean it": ("warm", "verify", "purge"),
    "Run by units of systemd": ("resolve", "metrics", "rewriter", "check-settings"),
}


class _Sections(click.Group):
    """
    A group whose help has its commands in sections.

    A command is imported when it is wanted: timers run some every minute, and all together take
    three times as long to import as one.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        """Return the names of all commands."""
        return [name for names in _SECTIONS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name, if there is one."""
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"cellar.cli.{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        longest = max(len(name) for name in self.list_commands(ctx))
        for title, names in _SECTIONS.items():
            rows = [
                (f"{name:<{longest}}", command.get_short_help_str(formatter.width))
                for name in names
                if (command := self.get_command(ctx, name))
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
