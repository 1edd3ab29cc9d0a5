"""How much space the disk of the cache has left, and that the engine is told of it in time."""

import asyncio
import logging
import os
from pathlib import Path

from cellar.settings import ApplianceSettings

# Seconds. In a quarter of what must stay free there is room for what can come in so short a time.
_INTERVAL = 0.5

logger = logging.getLogger("cellar.web")


class Space:
    """
    The disk of the cache, measured by what must stay free on it (`min_free` of the settings).

    With less than that the engine makes room, but it looks only every ten seconds or so, and what
    it cannot write ends a client's transfer. So with less than a half of it large files are not
    stored, and with less than a quarter nothing is.
    """

    def __init__(self, appliance: ApplianceSettings) -> None:
        """Prepare to look."""
        self._directory = appliance.cache_dir
        self._must_be_free = appliance.min_free
        self._mark = Path(appliance.no_space_file)
        self._marked: bool | None = None

    def is_for_large_files(self) -> bool:
        """Tell whether large files are stored."""
        return self._is_free(self._must_be_free // 2)

    async def watch(self) -> None:
        """Keep the engine's file in step with the disk; never returns."""
        while True:
            self.tell()
            await asyncio.sleep(_INTERVAL)

    def tell(self) -> None:
        """Make the file that tells the engine to store nothing, or remove it."""
        marked = not self._is_free(self._must_be_free // 4)
        if marked is self._marked:
            return
        self._marked = marked
        try:
            if marked:
                self._mark.touch()
                logger.warning("The disk of the cache is full: nothing is stored.")
            else:
                self._mark.unlink(missing_ok=True)
        except OSError as error:
            logger.error("The engine cannot be told of the space on the disk: %s", error)  # noqa: TRY400 a sentence says it all

    def _is_free(self, size: int) -> bool:
        try:
            system = os.statvfs(self._directory)
        except OSError:
            return True  # the directory is made later
        return system.f_bavail * system.f_frsize >= size
