"""The host, or in tests a folder that looks like one."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Host:
    """A host whose files are below `root`."""

    root: Path = Path("/")

    def path(self, absolute: str) -> Path:
        """Return where the file of that absolute path is."""
        return self.root / absolute.lstrip("/")

    def has(self, absolute: str) -> bool:
        """Tell whether something is at that absolute path."""
        return self.path(absolute).exists()

    def has_program(self, name: str) -> bool:
        """Tell whether a program of that name is where programs are."""
        places = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")
        search = ":".join(str(self.root / place) for place in places)
        return shutil.which(name, path=search) is not None
