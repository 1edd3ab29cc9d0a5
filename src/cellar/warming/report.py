"""What became of everything that was wanted."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of an item, as it is printed."""

    CACHED = "ok cached"
    FETCHED = "ok fetched"
    NOT_STORED = "not stored"
    LEFT_OUT = "left out"
    REFUSED = "refused"
    MISSING = "missing"
    FAILED = "failed"


# A build that wants one of these would fail.
_BAD = {Outcome.REFUSED, Outcome.MISSING, Outcome.FAILED}


class Kind(StrEnum):
    """What an item is."""

    PAGE = "page"
    FILE = "file"
    METADATA = "metadata"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Result:
    """
    The outcome of one item.

    `name` is what people know it by, `path` where the appliance has it ("" if it is not known), and
    `bytes` what was read of it.
    """

    kind: Kind
    name: str
    outcome: Outcome
    detail: str = ""
    path: str = ""
    bytes: int = 0

    def __str__(self) -> str:
        """Return the result as one line."""
        line = f"{self.outcome:<10}  {self.name}"
        return f"{line}: {self.detail}" if self.detail else line


def is_all_there(results: Iterable[Result]) -> bool:
    """Tell whether nothing was refused or missing, and nothing failed."""
    return all(result.outcome not in _BAD for result in results)


def as_json(results: Sequence[Result], notices: Sequence[str], *, interrupted: bool) -> str:
    """
    Return results as one JSON object.

    Its keys are `ok`, `interrupted`, `summary` (counts by outcome), `notices` and `items`.
    """
    counts = Counter(result.outcome for result in results)
    return json.dumps(
        {
            "ok": is_all_there(results) and not interrupted,
            "interrupted": interrupted,
            "summary": {outcome: counts[outcome] for outcome in Outcome},
            "notices": list(notices),
            "items": [asdict(result) for result in results],
        },
        indent=2,
    )
