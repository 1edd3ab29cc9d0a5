"""Commands that count what goes through the appliance, and say what it saves."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from cellar.cli.common import UNUSABLE, complain, settings_option, settings_or_exit, watched
from cellar.settings import Settings
from cellar.traffic import Counted, TrafficError
from cellar.traffic import count as count_all


@click.command()
@settings_option
def count(settings_path: Path) -> None:
    """
    Count what is new in the engine's logs; a timer does this every minute.

    It may be interrupted at any moment, and goes on there the next time. Exits with 0, or with 2 if
    the logs could not be read or their sums not be written.
    """
    settings = settings_or_exit(settings_path)
    try:
        counted = _counted(settings)
    except TrafficError as error:
        complain(str(error))
        sys.exit(UNUSABLE)
    click.echo(f"{counted.lines:,} lines counted, {counted.unreadable:,} of them unreadable.")


def _counted(settings: Settings) -> Counted:
    appliance = settings.appliance

    def has_space() -> bool:
        try:
            disk = os.statvfs(appliance.cache_dir)
        except OSError:
            return True  # there is no cache yet
        return disk.f_bavail * disk.f_frsize >= appliance.min_free // 2

    def progress(files: Iterable[Path]) -> Iterator[Path]:
        return watched(files, "Counting log files")

    return count_all(settings, has_space, progress=progress)
