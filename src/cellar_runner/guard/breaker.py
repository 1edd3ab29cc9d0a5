"""
When the routes go, and when they come back.

Two failures in a row withdraw them, three successes in a row bring them back: with a probe every
two seconds, each within ten. What fails again and again must be well for longer each time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

#: Seconds from one probe to the next.
INTERVAL = 2.0
#: What is enough to withdraw the routes, and to restore them: probes in a row.
FAILURES = 2
SUCCESSES = 3
#: For how many seconds an appliance must be well after the second withdrawal; each further one
#: doubles that, up to the longest.
FIRST_WAIT = 10.0
LONGEST_WAIT = 300.0
#: A withdrawal so many seconds after the last one is no flapping, and lets one be forgotten.
MEMORY = 600.0

# The least number of withdrawals that has the longest wait: more need not be remembered.
_MOST = 7


@dataclass(frozen=True, slots=True)
class Breaker:
    """
    What the guard holds of the appliance. Times are seconds of a clock that never goes back.

    `decided` is false until the first probe after a start has ended. `failures` and `successes` are
    the latest probes in a row, `well_since` the time of the first of those successes.
    `withdrawals` are those that are not forgotten, `withdrawn_at` is the time of the last.
    """

    routed: bool = False
    decided: bool = False
    failures: int = 0
    successes: int = 0
    well_since: float = 0.0
    withdrawals: int = 0
    withdrawn_at: float = 0.0

    @property
    def wait(self) -> float:
        """For how many seconds without a break it must be well before the routes come back."""
        if self.withdrawals < 2:  # noqa: PLR2004 # the first one costs nothing
            return 0.0
        return float(min(FIRST_WAIT * 2 ** (self.withdrawals - 2), LONGEST_WAIT))

    def heard(self, *, well: bool, now: float) -> Breaker:
        """
        Return what is held after a probe that ended at `now`.

        A host that has just started has its routes after one good probe: the jobs that come first
        may be its only ones.
        """
        if well:
            return self._heard_good(now)
        failed = replace(self, decided=True, failures=self.failures + 1, successes=0)
        if not failed.routed or failed.failures < FAILURES:
            return failed
        return replace(failed, routed=False, withdrawals=self._withdrawals(now), withdrawn_at=now)

    def restarted(self) -> Breaker:
        """Return what a guard that starts holds of what the one before it knew."""
        return replace(self, decided=False, failures=0, successes=0)

    def stopped(self) -> Breaker:
        """Return what is held once the routes are gone by somebody's hand, which is no failure."""
        return replace(self, routed=False, decided=False, failures=0, successes=0)

    def restored_at(self, now: float) -> float | None:
        """Return when the routes come back if all goes well, None if they are there."""
        if self.routed:
            return None
        if not self.decided and not self.wait:
            return now
        left = max(SUCCESSES - self.successes, 0) * INTERVAL
        begun = self.well_since if self.successes else now + INTERVAL
        return max(now + left, begun + self.wait)

    def _heard_good(self, now: float) -> Breaker:
        good = replace(
            self,
            decided=True,
            failures=0,
            successes=self.successes + 1,
            well_since=self.well_since if self.successes else now,
        )
        if good.routed:
            return good
        first = not self.decided and not self.wait
        lasting = good.successes >= SUCCESSES and now - good.well_since >= good.wait
        return replace(good, routed=True) if first or lasting else good

    def _withdrawals(self, now: float) -> int:
        """Return how many there are with the one of now."""
        forgotten = int((now - self.withdrawn_at) // MEMORY)
        return min(max(self.withdrawals - forgotten, 0) + 1, _MOST)
