"""One run of the verifier: what is due is looked at, and what is wrong is removed."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from cellar.replacing import replace_file
from cellar.store import Zone
from cellar.verifying.ledger import Ledger
from cellar.verifying.proofs import Outcome, Proof, Prover


@dataclass(slots=True)
class Summary:
    """
    What a run has found: counts of records, the bytes that were read, and what was removed.

    `due` is how many records are still to be looked at. Times are seconds since 1970.
    `removed_total` counts the records that this and all earlier runs have removed, and
    `last_removed` is when the last of them ended that removed one, 0 for never.
    """

    started: float
    ended: float = 0.0
    records: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    due: int = 0
    removed: list[dict[str, Any]] = field(default_factory=list)
    removed_total: int = 0
    last_removed: float = 0.0

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the summary of the last run; None if there is none that can be read."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def add(self, proof: Proof) -> None:
        """Count a proof."""
        outcome = str(proof.outcome)
        self.records[outcome] = self.records.get(outcome, 0) + len(proof.places)
        self.bytes += proof.bytes
        if proof.outcome is Outcome.WRONG:
            what = proof.path or str(proof.places[0])
            self.removed.append({"path": what, "records": len(proof.places), "why": proof.why})

    def as_json(self) -> str:
        """Return one JSON object."""
        return json.dumps(asdict(self))

    def write(self, path: Path) -> None:
        """
        Replace the file that has the summary of the last run, and go on with its totals.

        Raises:
            OSError: it cannot be written; the old one stays.

        """
        before = self.read(path) or Summary(0.0)
        self.removed_total = before.removed_total + sum(each["records"] for each in self.removed)
        self.last_removed = self.ended if self.removed else before.last_removed
        replace_file(path, self.as_json() + "\n")


class Pace:
    """Lets bytes through at a rate (bytes a second), 0 for any."""

    def __init__(
        self,
        rate: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._free = 0.0

    def take(self, count: int) -> None:
        """Wait until so many bytes are in time."""
        if not self._rate:
            return
        now = self._clock()
        # Time that was not used is lost: no burst follows a rest.
        self._free = max(self._free, now) + count / self._rate
        if self._free > now:
            self._sleep(self._free - now)


def verify(
    due: Iterable[tuple[Zone, Path]],
    prover: Prover,
    ledger: Ledger,
    *,
    now: Callable[[], float] = time.time,
) -> Summary:
    """
    Look at records, remove those that are wrong, and return what was found.

    Each record is noted as soon as it is done, so that a run may end at any moment.

    Raises:
        OSError: the disk does not give a record, or does not let go of one.

    """
    summary = Summary(now())
    for zone, place in due:
        if ledger.looked(place) >= summary.started:
            continue  # with another slice of its file
        proof = prover.prove(zone, place)
        summary.add(proof)
        if proof.outcome is Outcome.WRONG:
            for each in proof.places:
                each.unlink(missing_ok=True)
            ledger.forget(proof.places)
        elif proof.outcome is not Outcome.CHANGED:
            ledger.note(proof.places, now())
    summary.ended = now()
    return summary
