"""What is put on, and what came of it: the generator's command line, and what it prints."""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Load:
    """
    Who is asked for what, by how many, and for how long.

    address, port: where all clients connect; `name` is who they ask, `path` what for.
    elsewhere: the address of whoever a redirect leads to, whatever its name.
    within: seconds after which whoever is not done is given up.
    seconds: ask again and again on each connection for so long; 0: once.
    """

    address: str
    port: int
    name: str
    path: str
    clients: int
    tls: bool = True
    elsewhere: str = ""
    within: float = 60.0
    seconds: float = 0.0

    def command(self) -> list[str]:
        """Return the command line that puts this load on."""
        return [sys.executable, "-m", "bench.downloads", json.dumps(asdict(self))]


@dataclass
class Download:
    """One client: the last status, its body bytes, and seconds from asking to first and last."""

    status: int = 0
    bytes: int = 0
    first: float | None = None
    last: float | None = None
    redirects: int = 0
    failure: str = ""


@dataclass(frozen=True)
class Downloads:
    """What came of a load; `processor` is the generator's own processor time in seconds."""

    clients: tuple[Download, ...]
    seconds: float
    processor: float

    @classmethod
    def read(cls, output: str) -> Downloads:
        """
        Read what the generator printed.

        Raises:
            ValueError: it did not come to its end.

        """
        lines = [line for line in output.splitlines() if line.startswith("{")]
        if not lines:
            raise ValueError(f"the downloads said nothing that can be read: {output.strip()}")
        said = json.loads(lines[-1])
        clients = tuple(Download(**client) for client in said.pop("clients"))
        return cls(clients=clients, **said)

    def errors(self, size: int) -> int:
        """Return how many have not got a whole file of that size."""
        right = ((c.status, c.bytes) == (200, size) for c in self.clients)
        return len(self.clients) - sum(right)

    @property
    def refused(self) -> int:
        """How many have got something else, though perhaps not all of anything yet."""
        return sum(bool(client.failure) or client.status != 200 for client in self.clients)

    @property
    def bytes(self) -> int:
        """The body bytes of all clients."""
        return sum(client.bytes for client in self.clients)

    @property
    def first(self) -> tuple[float, float]:
        """Median and worst time to the first byte of a body, in seconds; a failure counts whole."""
        times = [self.seconds if c.first is None else c.first for c in self.clients]
        return statistics.median(times), max(times)
