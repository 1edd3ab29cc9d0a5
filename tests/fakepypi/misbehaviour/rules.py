"""The behaviours in force, and how often each has acted."""

import asyncio
from dataclasses import dataclass, field

from fakepypi.http.message import Request, Role
from fakepypi.misbehaviour.behaviour import Behaviour, Effects
from fakepypi.misbehaviour.pace import Pace


@dataclass
class _Rule:
    behaviour: Behaviour
    seen: int = 0
    acted: int = 0
    cleared: asyncio.Event = field(default_factory=asyncio.Event)
    shared: Pace | None = field(init=False)

    def __post_init__(self) -> None:
        rate = self.behaviour.shared_rate
        self.shared = None if rate is None else Pace(rate)

    def take(self) -> bool:
        """Count one match and tell whether it misbehaves."""
        self.seen += 1
        times = self.behaviour.times
        if self.seen <= self.behaviour.skip or (times is not None and self.acted >= times):
            return False
        self.acted += 1
        return True


@dataclass(frozen=True)
class Plan:
    """What will be done to one request's answer."""

    effects: Effects = field(default_factory=Effects)
    rules: tuple[_Rule, ...] = ()

    def paces(self) -> list[Pace]:
        """Return what the answer's body has to keep to: its own rate, and those it shares."""
        own = [] if self.effects.rate is None else [Pace(self.effects.rate)]
        return own + [rule.shared for rule in self.rules if rule.shared is not None]

    async def cleared(self) -> None:
        """Return when no behaviour of this plan that makes clients wait is in force any more."""
        for rule in self.rules:
            waits = rule.behaviour.hold or rule.behaviour.stall_after is not None
            if waits or rule.behaviour.connection == "silent":
                await rule.cleared.wait()


class Rules:
    """Behaviours by number, in the order they were added."""

    def __init__(self) -> None:
        self._rules: dict[int, _Rule] = {}
        self._last = 0

    def add(self, behaviour: Behaviour) -> int:
        """Put a behaviour in force and return its number."""
        self._last += 1
        self._rules[self._last] = _Rule(behaviour)
        return self._last

    def clear(self, number: int | None = None) -> None:
        """
        End one behaviour, or all; answers it holds back go on.

        Raises:
            ValueError: no such number.

        """
        if number is not None and number not in self._rules:
            raise ValueError(f"there is no behaviour {number}")
        for key in [number] if number is not None else list(self._rules):
            rule = self._rules.pop(key)
            rule.cleared.set()
            if rule.shared is not None:
                rule.shared.release()

    def listing(self) -> dict[str, dict[str, object]]:
        """Return each behaviour's fields and how often it has acted, by number."""
        return {
            str(number): {**rule.behaviour.set_fields(), "acted": rule.acted}
            for number, rule in self._rules.items()
        }

    def plan(self, role: Role, request: Request) -> Plan:
        """Count a request and return what will be done to its answer."""
        matching = [r for r in self._rules.values() if r.behaviour.matches(role, request)]
        return _plan([rule for rule in matching if rule.take()])

    def plan_connection(self) -> Plan:
        """Count a new connection and return what will be done to it before TLS."""
        about = [r for r in self._rules.values() if r.behaviour.connection is not None]
        return _plan([rule for rule in about if rule.take()])


def _plan(acting: list[_Rule]) -> Plan:
    effects = Effects()
    for rule in acting:
        effects = effects.plus(rule.behaviour)
    return Plan(effects, tuple(acting))
