"""How full the zones of the cache are, as the verifier counts it at the beginning of each run."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from cellar.replacing import replace_file


@dataclass(frozen=True, slots=True)
class Fill:
    """What a zone holds: records, and the bytes that they take on the disk."""

    records: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What each zone held, by its name, and when that was, in seconds since 1970."""

    when: float
    zones: Mapping[str, Fill]

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return what was counted last; None if nothing was, or it cannot be read."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            zones = {name: Fill(**fill) for name, fill in found["zones"].items()}
            return cls(float(found["when"]), zones)
        except (OSError, ValueError, TypeError, LookupError, AttributeError):
            return None

    def write(self, path: Path) -> None:
        """
        Replace the file that has what was counted last.

        Raises:
            OSError: it cannot be written; the old one stays.

        """
        replace_file(path, json.dumps(asdict(self)) + "\n")
