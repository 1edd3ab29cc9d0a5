"""File rules that are sound one by one and cannot be true together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cellar.provisioning.patterns import covers
from cellar.provisioning.problem import Problem, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    Entries = list[dict[str, Any]]

_CONDITIONS = ("versions", "kinds", "filenames", "younger_than_days", "larger_than")


def names(*, file_rules: Entries) -> Iterator[Problem]:
    """Yield the names that two rules have."""
    seen: dict[str, int] = {}
    for number, rule in enumerate(file_rules):
        first = seen.setdefault(rule["name"], number)
        if first != number:
            yield Problem(
                f"cellar_file_rules[{number}].name",
                f"is the same as that of cellar_file_rules[{first}] ({show(rule['name'])})",
                "choose another name",
            )


def without_effect(*, file_rules: Entries) -> Iterator[Problem]:
    """Yield the keys that change nothing."""
    for number, rule in enumerate(file_rules):
        subject = f"cellar_file_rules[{number}]"
        if "undated" in rule and not rule.get("younger_than_days"):
            yield Problem(
                f"{subject}.undated",
                "is set, and the rule asks for no age",
                "remove it, or set younger_than_days",
            )
        if rule.get("reason") and rule["answer"] == "allow":
            yield Problem(
                f"{subject}.reason",
                "is set, and nobody is told the reason of what is allowed",
                "remove it",
            )


def order(*, file_rules: Entries) -> Iterator[Problem]:
    """Yield the rules that never decide, because one before them decides for all their files."""
    for number, rule in enumerate(file_rules):
        for first, earlier in enumerate(file_rules[:number]):
            if not any(earlier.get(key) for key in _CONDITIONS) and all(
                any(covers(wide, narrow) for wide in _projects(earlier))
                for narrow in _projects(rule)
            ):
                yield Problem(
                    f"cellar_file_rules[{number}]",
                    f"never decides, since cellar_file_rules[{first}] ({show(earlier['name'])}) "
                    "decides for all files of its projects before it",
                    "move it up, or remove it",
                )
                break


def _projects(rule: dict[str, Any]) -> list[str]:
    projects: list[str] = rule.get("projects", ["*"])
    return projects


RULES = (names, without_effect, order)
