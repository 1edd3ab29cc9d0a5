"""What this machine must offer before anything is made on it."""

import shutil
from pathlib import Path

from failure import Failure

# An image of 250 MB, its container, the cache of the trial, and the room that building takes.
_ROOM = 4_000_000_000


def require_machine() -> None:
    """
    Refuse a machine that cannot hold the trial.

    Raises:
        Failure: not Debian, or too little free disk space.

    """
    if shutil.which("apt-get") is None:
        raise Failure("this machine has no apt-get; the trial needs Debian 12 or newer")
    for place in (Path.cwd(), Path("/var")):
        free = shutil.disk_usage(place).free
        if free < _ROOM:
            raise Failure(
                f"only {free / 1e9:.1f} GB are free on the disk of {place}, and the trial needs "
                f"{_ROOM / 1e9:.0f} GB: make room and run this again"
            )
