"""How much space the disk of the cache has left, and that the engine is told of it in time."""

import asyncio
import logging
import os
from pathlib import Path

from cellar.settings import ApplianceSettings

# Seconds. In a quarter of what must stay free there is room for what can come in so short a time.
_INTERVAL = 0.1

_FREE, _FULL = "free", "full"

logger = logging.getLogger("cellar.web")


def is_told_full(link: Path) -> bool:
    """Tell whether the engine is told to store nothing."""
    try:
        return link.readlink().name == _FULL
    except OSError:
        return False  # no rewriter, nothing said


class Space:
    """
    The disk of the cache, measured by what must stay free on it (`min_free` of the settings).

    With less than that the engine makes room, but it looks only every ten seconds or so, and what
    it cannot write ends a client's transfer. So with less than a half of it large files are not
    stored, and with less than a quarter nothing is.

    A symbolic link (`disk_link`) says so to the engine: where it leads is all that nginx looks up
    anew for each slice of a transfer.
    """

    def __init__(self, appliance: ApplianceSettings) -> None:
        """Prepare to look."""
        self._directory = appliance.cache_dir
        self._must_be_free = appliance.min_free
        self._link = Path(appliance.disk_link)
        self._told = ""

    def is_for_large_files(self) -> bool:
        """Tell whether large files are stored."""
        return self._is_free(self._must_be_free // 2)

    async def watch(self) -> None:
        """Keep the link in step with the disk; never returns."""
        while True:
            self.tell()
            await asyncio.sleep(_INTERVAL)

    def tell(self) -> None:
        """Let the link say whether anything is stored."""
        state = _FREE if self._is_free(self._must_be_free // 4) else _FULL
        if state == self._told:
            return
        self._told = state
        try:
            self._lead_to(state)
        except OSError as error:
            logger.error("The engine cannot be told of the space on the disk: %s", error)  # noqa: TRY400 a sentence says it all
            return
        if state == _FULL:
            logger.warning("The disk of the cache is full: nothing is stored.")

    def _lead_to(self, state: str) -> None:
        self._link.with_name(state).touch()  # nginx follows links only to what is there
        new = self._link.with_name(f".{self._link.name}.{os.getpid()}")  # one for each worker
        new.unlink(missing_ok=True)
        new.symlink_to(state)
        new.replace(self._link)

    def _is_free(self, size: int) -> bool:
        try:
            system = os.statvfs(self._directory)
        except OSError:
            return True  # the directory is made later
        return system.f_bavail * system.f_frsize >= size
