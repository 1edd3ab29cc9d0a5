"""What the commands share that read what the engine has stored, and remove it where it must go."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cellar.cli.common import UNUSABLE, complain
from cellar.store import SelectionError
from cellar.verifying import LedgerError


@contextmanager
def failures_told() -> Iterator[None]:
    """Tell a failure in one sentence, and exit."""
    try:
        yield
    except (SelectionError, LedgerError) as error:
        complain(str(error))
        sys.exit(UNUSABLE)
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}; nothing was left half-done.")
        sys.exit(UNUSABLE)


def become_owner_of(path: Path) -> None:
    """
    Go on as the user that the engine runs as, if root asks.

    What root wrote, the next run by the timer could not.
    """
    owner = path.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
