"""Whether an answer came from the cache."""

from enum import StrEnum

from cellar.traffic.reasons import Why
from cellar.traffic.subjects import CACHED_KINDS

# The engine's words. With the last one it has asked whether what it has is still right.
_HITS = {"hit", "stale", "updating", "revalidated"}
_GIVEN = {"2xx", "3xx"}


class Outcome(StrEnum):
    """
    What an answer counts as in a hit ratio.

    NEITHER is what the cache can have no part in: errors, names that nobody has, what is not
    cached by its nature; and the ends of files, of which the log does not say where they came from.
    """

    HIT = "hit"
    MISS = "miss"
    NEITHER = "neither"


def outcome(kind: str, cache: str, status: str, why: str) -> Outcome:
    """Return what answers count as that have all this in common, in the words of `Traffic`."""
    if kind not in CACHED_KINDS or status not in _GIVEN:
        return Outcome.NEITHER
    if cache in _HITS:
        return Outcome.HIT
    return Outcome.MISS if cache or why != Why.NOT else Outcome.NEITHER
