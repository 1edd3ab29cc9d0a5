"""What the timers of an appliance leave behind, of one that is well until a test changes it."""

import json
import os
import time
from pathlib import Path
from typing import Any

from unit.cellar.appliance import World
from unit.traffic.logs import Logs, answer

DAY = 86400.0


class Left:
    """The files of all timers, as of one minute ago."""

    def __init__(self, world: World) -> None:
        self._directory = world.directory
        self.now = time.time()
        self.written("resolver/addresses.json", 60, "{}")
        self.written("metrics/metrics", 60, "")
        self.verified()
        self.counted(files={"records": 3, "bytes": 3_000_000})
        self.logs = Logs(world.directory / "traffic")
        self.traffic(60, answer(at=int(self.now), bytes=700))

    def written(self, name: str, ago: float, text: str | None = None) -> None:
        """Write a file so many seconds ago; without a text only the time of it changes."""
        path = self.path(name)
        if text is not None:
            path.write_text(text)
        os.utime(path, (self.now - ago, self.now - ago))

    def verified(self, ago: float = 60, **changes: Any) -> None:
        """Let the verifier have ended a run so many seconds ago."""
        summary = {
            "started": self.now - ago - 1,
            "ended": self.now - ago,
            "records": {"proven": 3},
            "bytes": 3000,
            "due": 0,
            "removed": [],
            "removed_total": 0,
            "last_removed": 0.0,
        }
        self.path("verifier/summary.json").write_text(json.dumps({**summary, **changes}))

    def counted(self, **zones: dict[str, int]) -> None:
        """Let the verifier have counted zones a minute ago."""
        text = json.dumps({"when": self.now - 60, "zones": zones})
        self.path("verifier/zones.json").write_text(text)

    def traffic(self, ago: float, *answers: bytes, fetches: tuple[bytes, ...] = ()) -> None:
        """Let lines have been logged, and counted so many seconds ago."""
        self.logs.now = int(self.now - ago)
        self.logs.answered(*answers)
        self.logs.fetched(*fetches)
        self.logs.count()

    def path(self, name: str) -> Path:
        """Return where a file is."""
        return self._directory / name
