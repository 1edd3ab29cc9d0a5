"""What becomes of a file that clients ask for: stored or not, and what says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cellar.index.links import Links
from cellar.policy import Storage, StoragePolicy, Storing
from cellar.policy.storage import SIZE_LIMIT

RULES = "cellar_file_rules"
_OVER_LIMIT = "cellar_file_over_limit"


class Outcome(StrEnum):
    """
    What becomes of a file.

    UNDECIDED is one whose size counts and is not on its page. ELSEWHERE is one whose URL stays as
    its index wrote it, so that clients do not ask the appliance.
    """

    STORED = "stored"
    STREAMED = "streamed"
    REDIRECTED = "redirected"
    REFUSED = "refused"
    UNDECIDED = "undecided"
    ELSEWHERE = "elsewhere"


_OUTCOMES = {
    Storing.STORE: Outcome.STORED,
    Storing.STREAM: Outcome.STREAMED,
    Storing.REDIRECT: Outcome.REDIRECTED,
    Storing.REFUSE: Outcome.REFUSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """
    What becomes of one file.

    `zone` is where it is stored, None for the common one. `rule` and `setting` name the rule and
    the operator's setting that decide, None where nothing is set. `size` is that of the page. The
    file had to be larger than `larger_than` for this, and may not be larger than `limit`: bytes,
    None where there is no such bound.
    """

    answer: Outcome
    zone: str | None = None
    rule: str | None = None
    setting: str | None = None
    size: int | None = None
    larger_than: int | None = None
    limit: int | None = None
    why: str

    @property
    def place(self) -> str:
        """What becomes of the file, and in which zone."""
        return _place(self.answer, self.zone)

    @property
    def by(self) -> str | None:
        """The rule that decides, else the setting."""
        return self.rule or self.setting


def fate_of(storage: StoragePolicy, links: Links, file: Mapping[str, Any]) -> Fate:
    """
    Return what becomes of an entry of a page's `files` (PEP 691) when clients ask for it.

    The appliance itself asks the file's host for the size (PEP 700's `size` may be missing); here
    the page is believed.
    """
    told = file.get("size")
    size = told if type(told) is int and told >= 0 else None
    source = links.cached_source(file)
    if source is None:
        return Fate(
            answer=Outcome.ELSEWHERE, size=size, why="the appliance does not cache files at its URL"
        )
    filename = source.path.rpartition("/")[2]
    found = storage.named(filename, size)
    if found.limit is None:
        return _fate(found, size, _found(found, size), _setting(found))
    above = storage.named(filename, found.limit + 1)
    # What decides at one byte more is what sets the limit.
    limit = f"{found.limit} of {above.setting if above.rule is None else f'rule {above.rule}'}"
    if size is not None:
        why = f"{_found(found, size)}, and its {size} bytes are not more than the {limit}"
        is_limited = found.rule is None and above.rule is None
        return _fate(found, size, why, above.setting if is_limited else _setting(found))
    place = _place(_OUTCOMES[found.answer], found.zone)
    return Fate(
        answer=Outcome.UNDECIDED,
        rule=above.rule,
        setting=RULES if above.rule else above.setting,
        limit=found.limit,
        why="its page does not say its size, so that its host decides when it is asked: "
        f"{place} if its bytes are not more than the {limit}",
    )


def _fate(found: Storage, size: int | None, why: str, setting: str | None) -> Fate:
    return Fate(
        answer=_OUTCOMES[found.answer],
        zone=found.zone or None,
        rule=found.rule,
        setting=setting,
        size=size,
        larger_than=found.larger_than or None,
        limit=found.limit,
        why=why,
    )


def _setting(found: Storage) -> str | None:
    if found.rule is not None:
        return RULES
    return _OVER_LIMIT if found.setting == SIZE_LIMIT else found.setting


def _found(found: Storage, size: int | None) -> str:
    if found.rule is None:
        return found.words or "no rule matches"
    return f"{found.words} (its size is {size})" if found.larger_than else found.words


def _place(outcome: Outcome, zone: str | None) -> str:
    return f"{outcome} in {zone}" if zone else str(outcome)
