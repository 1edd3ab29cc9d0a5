"""When jobs are taken off an appliance and when they are brought back (promise 10)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cellar_runner.guard.breaker import Breaker

# What the operator is promised, in seconds.
SOON = 10.0
# From one probe to the next, and how long one takes at most.
INTERVAL = 2.0
# How many withdrawals there may be, however the appliance behaves.
IN_TEN_MINUTES = 7
IN_AN_HOUR = 18
# The longest that an appliance which is well again can be kept waiting.
LONGEST = 300.0 + SOON

WELL = Breaker(routed=True, decided=True)
AWAY = Breaker(routed=False, decided=True)


def after(breaker: Breaker, probes: str, now: float = 0.0) -> Breaker:
    """Hear probes: "+" is a good one, "-" a bad one; they end two seconds apart from each other."""
    for number, probe in enumerate(probes):
        breaker = breaker.heard(well=probe == "+", now=now + number * INTERVAL)
    return breaker


@pytest.mark.parametrize(
    ("probes", "routed"),
    [
        ("", True),
        ("-", True),
        ("--", False),
        ("-+-", True),
        ("-+-+-+-+", True),
        ("--+", False),
        ("--++", False),
        ("--+++", True),
        ("--++-+", False),
        ("--++-+++", True),
        ("+++++--", False),
    ],
)
def test_two_failures_withdraw_and_three_successes_restore(probes: str, *, routed: bool) -> None:
    assert after(WELL, probes).routed is routed


@pytest.mark.parametrize(
    ("probes", "routed"), [("+", True), ("-", False), ("-+", False), ("-++", False), ("-+++", True)]
)
def test_a_host_that_has_just_started_is_decided_by_its_first_probe(
    probes: str, *, routed: bool
) -> None:
    """The first job of a machine that lives for one job is its only one."""
    assert after(Breaker(), probes).routed is routed


# The second withdrawal within ten minutes, the third, and so on.
WAITS = [0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]


def withdrawn(breaker: Breaker, now: float) -> Breaker:
    return after(breaker, "--", now)


def brought_back(breaker: Breaker, now: float) -> tuple[Breaker, float]:
    """Let it be well until the routes are back; return how long that took."""
    begun = now
    while not breaker.routed:
        breaker = breaker.heard(well=True, now=now)
        now += INTERVAL
        assert now - begun < LONGEST + SOON
    return breaker, now - INTERVAL - begun


def test_each_withdrawal_soon_after_the_last_one_doubles_the_wait() -> None:
    breaker, now, waits = WELL, 0.0, []
    for _ in WAITS:
        breaker = withdrawn(breaker, now)
        waits.append(breaker.wait)
        now += 100
        breaker, took = brought_back(breaker, now)
        assert max(breaker.wait, 4.0) <= took < breaker.wait + SOON
        now += took + 100
    assert waits == WAITS


def test_a_single_failure_while_it_waits_starts_the_wait_again() -> None:
    breaker = withdrawn(after(withdrawn(WELL, 0), "+++", 4), 10)
    assert breaker.wait == 10
    assert not after(breaker, "+++++", 20).routed
    assert after(breaker, "++++++", 20).routed
    assert not after(breaker, "+++++-+", 20).routed
    assert not after(breaker, "+++++-+++++", 20).routed
    assert after(breaker, "+++++-++++++", 20).routed


@pytest.mark.parametrize(
    ("pause", "wait"), [(599, 20), (600, 10), (1199, 10), (1200, 0), (5000, 0)]
)
def test_what_flapped_is_forgotten_one_by_one_in_quiet_times(pause: float, wait: float) -> None:
    breaker = Breaker(routed=True, decided=True, withdrawals=2, withdrawn_at=1000)
    assert after(breaker, "--", 1000 + pause - INTERVAL).wait == wait


def test_a_guard_that_starts_anew_has_not_forgotten_what_flapped() -> None:
    """Else one that crashes again and again would damp nothing."""
    breaker = Breaker(routed=False, decided=True, withdrawals=4, withdrawn_at=0).restarted()
    assert not after(breaker, "+++", 100).routed
    assert breaker.wait == 40
    routed = Breaker(routed=True, decided=True, failures=1).restarted()
    assert after(routed, "-").routed
    assert not after(routed, "--").routed


def test_what_an_operator_does_is_no_failure() -> None:
    stopped = after(WELL, "+-").stopped()
    assert (stopped.routed, stopped.wait) == (False, 0)
    assert after(stopped, "+").routed


@pytest.mark.parametrize(
    ("breaker", "probes", "then"),
    [
        (WELL, "", None),
        (Breaker(), "", 0),
        (WELL, "--", 2 + 3 * INTERVAL),
        (WELL, "--+", 4 + 2 * INTERVAL),
        (WELL, "--++", 6 + INTERVAL),
        (Breaker(routed=True, decided=True, withdrawals=1), "--", 2 + INTERVAL + 10),
        (Breaker(routed=True, decided=True, withdrawals=1), "--++", 4 + 10),
    ],
)
def test_an_operator_is_told_when_jobs_can_come_back(
    breaker: Breaker, probes: str, then: float | None
) -> None:
    now = max(len(probes) - 1, 0) * INTERVAL
    assert after(breaker, probes).restored_at(now) == then


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 4)), max_size=60))
def test_the_time_that_is_told_is_never_too_late(probes: list[tuple[bool, float]]) -> None:
    """If all goes well from now on, the routes are there then, give or take a probe."""
    breaker, now = WELL, 0.0
    for well, seconds in probes:
        now += seconds
        breaker = breaker.heard(well=well, now=now)
    told = breaker.restored_at(now)
    if told is not None:
        while now < told + INTERVAL:
            now += INTERVAL
            breaker = breaker.heard(well=True, now=now)
        assert breaker.routed


class Flapping(RuleBasedStateMachine):
    """An appliance that behaves as badly as it can; each probe takes from nothing to 2 seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = Breaker()
        self.withdrawals: list[float] = []
        self.well_since: float | None = None
        self.ill_since: float | None = None

    @initialize(routed=st.booleans())
    def start(self, *, routed: bool) -> None:
        self.breaker = Breaker(routed=routed, decided=routed)

    def probe(self, *, well: bool, seconds: float) -> None:
        before = self.breaker
        begun = self.now
        # From start to start it is two seconds, unless a probe takes as long itself.
        self.now += seconds
        self.breaker = before.heard(well=well, now=self.now)
        if before.routed and not self.breaker.routed:
            self.withdrawals.append(self.now)
        if well:
            self.ill_since = None
            self.well_since = begun if self.well_since is None else self.well_since
        else:
            self.well_since = None
            self.ill_since = begun if self.ill_since is None else self.ill_since
        self.now = max(self.now, begun + INTERVAL)

    @rule(count=st.integers(1, 200), seconds=st.floats(0, 2))
    def is_well(self, count: int, seconds: float) -> None:
        for _ in range(count):
            self.probe(well=True, seconds=seconds)

    @rule(seconds=st.floats(0, 2))
    def is_well_for_as_long_as_it_takes(self, seconds: float) -> None:
        while not self.breaker.routed:
            self.probe(well=True, seconds=seconds)

    @rule(count=st.integers(1, 8), seconds=st.floats(0, 2))
    def is_ill(self, count: int, seconds: float) -> None:
        for _ in range(count):
            self.probe(well=False, seconds=seconds)

    @rule()
    def fails_as_soon_as_it_is_used(self) -> None:
        self.is_well_for_as_long_as_it_takes(seconds=0)
        self.is_ill(count=2, seconds=0)

    @rule()
    def guard_crashes(self) -> None:
        """Forget what was seen in a row: that begins anew."""
        self.breaker = self.breaker.restarted()
        self.well_since = self.ill_since = None
        self.now += 1

    @invariant()
    def jobs_leave_an_appliance_that_is_ill(self) -> None:
        if self.ill_since is not None and self.now - self.ill_since >= SOON:
            assert not self.breaker.routed

    @invariant()
    def jobs_come_back_to_one_that_is_well(self) -> None:
        if self.well_since is not None:
            flapped = len([w for w in self.withdrawals if w > self.now - 3 * 600]) > 1
            if self.now - self.well_since >= (LONGEST if flapped else SOON):
                assert self.breaker.routed

    @invariant()
    def it_is_never_given_up_and_taken_back_all_the_time(self) -> None:
        for first in self.withdrawals:
            later = [each - first for each in self.withdrawals if each >= first]
            assert sum(each < 600 for each in later) <= IN_TEN_MINUTES
            assert sum(each < 3600 for each in later) <= IN_AN_HOUR


TestFlapping = Flapping.TestCase
TestFlapping.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
