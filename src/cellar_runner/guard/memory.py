"""
What the guard knows, for the one that follows it and for whoever asks.

It is written at each turn into memory that a boot clears: nothing of before holds after that, and
no disk is kept busy.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from cellar_runner.guard.breaker import Breaker

if TYPE_CHECKING:
    from pathlib import Path

    from cellar_runner.host import Host

FOLDER = "/run/cellar-runner"
FILE = f"{FOLDER}/guard.json"


@dataclass(frozen=True, slots=True)
class Memory:
    """
    What is known after a turn. Times are seconds since 1970.

    `at` is when the turn ended, and `probed` when the last probe did, 0 for never; `trouble` is
    what that found, `seconds` what it took and `certificate_end` when the certificate ends, 0 if
    it saw none. `comes_back` is when jobs come back if all goes well, None if they need not.
    `withdrawals` and `failed_probes` are counted since the start of the host. `ended` is when the
    guard was stopped for good, None while it runs or is to come back.
    """

    breaker: Breaker = field(default_factory=Breaker)
    at: float = 0.0
    probed: float = 0.0
    trouble: str = ""
    seconds: float = 0.0
    certificate_end: float = 0.0
    comes_back: float | None = None
    withdrawals: int = 0
    failed_probes: int = 0
    ended: float | None = None


def read_memory(host: Host) -> Memory | None:
    """Return what was known last; None if nothing was since the host started."""
    try:
        document = json.loads(host.path(FILE).read_bytes())
        breaker = Breaker(**_known(document.pop("breaker"), Breaker))
        return Memory(breaker=breaker, **_known(document, Memory))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_memory(host: Host, memory: Memory) -> None:
    """Write what is known; raises OSError."""
    path = host.path(FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_quickly(path, json.dumps(asdict(memory), indent=1), 0o600)


def write_quickly(path: Path, text: str, mode: int) -> None:
    """
    Write a file that readers see whole, before or after. A loss of power may lose it.

    Raises:
        OSError: it cannot be written; the old one stays.

    """
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(text)
        new.chmod(mode)
        new.replace(path)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise


def _known(document: dict[str, Any], kind: type) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {key: value for key, value in document.items() if key in names}
