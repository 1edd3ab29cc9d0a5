"""What a self-test finds, and the order in which its checks depend on each other."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """The outcome of a check, as it is printed."""

    OK = "ok"
    FAIL = "FAIL"
    SKIP = "skip"


class CheckError(Exception):
    """A check failed: what is wrong, and what to do about it."""

    def __init__(self, problem: str, remedy: str) -> None:
        """Take two halves of one sentence, without its full stop."""
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check that passed has found: in a few words, and what of it is a number."""

    words: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """
    One check.

    `run` returns what it found, or raises CheckError. `needs` names the checks without whose
    success this one says nothing, `door` the door that it goes through, if it is about one.
    """

    name: str
    run: Callable[[], Finding]
    needs: tuple[str, ...] = ()
    door: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one check; `remedy` is empty unless it failed, `numbers` are if it did."""

    check: str
    status: Status
    finding: str
    remedy: str = ""
    door: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the result as one line."""
        line = f"{self.status:<5} {self.check}: {self.finding}"
        return f"{line}; {self.remedy}" if self.remedy else line


def run_checks(checks: Iterable[Check]) -> Iterator[Result]:
    """Run checks in their order, each yielded as soon as it is done."""
    passed: set[str] = set()
    for check in checks:
        missing = next((name for name in check.needs if name not in passed), None)
        if missing is not None:
            yield Result(check.name, Status.SKIP, f"needs {missing}", door=check.door)
            continue
        try:
            finding = check.run()
        except CheckError as error:
            yield Result(check.name, Status.FAIL, error.problem, error.remedy, check.door)
        else:
            passed.add(check.name)
            yield Result(
                check.name, Status.OK, finding.words, door=check.door, numbers=finding.numbers
            )


def as_json(results: Iterable[Result]) -> str:
    """Return results as one JSON object: `ok`, and `checks` with the fields of each result."""
    checks = [asdict(result) for result in results]
    ok = all(check["status"] != Status.FAIL for check in checks)
    return json.dumps({"ok": ok, "checks": checks}, indent=2)
