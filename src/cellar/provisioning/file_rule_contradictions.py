"""File rules and zones that are sound one by one and cannot be true together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cellar.provisioning.patterns import covers
from cellar.provisioning.problem import Problem, show
from cellar.provisioning.shapes import size_in_bytes
from cellar.settings import STORAGE_ANSWERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    Entries = list[dict[str, Any]]

_CONDITIONS = ("versions", "kinds", "filenames", "younger_than_days", "larger_than")


def names(*, file_rules: Entries) -> Iterator[Problem]:
    """Yield the names that two rules have."""
    yield from _names_twice("cellar_file_rules", file_rules)


def zone_names(*, file_zones: Entries) -> Iterator[Problem]:
    """Yield the names that two zones have."""
    yield from _names_twice("cellar_file_zones", file_zones)


def _names_twice(variable: str, entries: Entries) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for number, entry in enumerate(entries):
        first = seen.setdefault(entry["name"], number)
        if first != number:
            yield Problem(
                f"{variable}[{number}].name",
                f"is the same as that of {variable}[{first}] ({show(entry['name'])})",
                "choose another name",
            )


def zones(*, file_rules: Entries, file_zones: Entries) -> Iterator[Problem]:
    """Yield the zones that rules name and nobody has, and those that no rule names."""
    known = {zone["name"] for zone in file_zones}
    named = {rule.get("zone") for rule in file_rules}
    for number, rule in enumerate(file_rules):
        zone = rule.get("zone")
        if zone and zone not in known:
            yield Problem(
                f"cellar_file_rules[{number}].zone",
                f"is none of cellar_file_zones ({show(zone)})",
                "add it there, or name another one",
            )
    for number, entry in enumerate(file_zones):
        if entry["name"] not in named:
            yield Problem(
                f"cellar_file_zones[{number}]",
                f"is named by no rule ({show(entry['name'])}), so nothing is ever kept in it",
                "name it as the zone of a rule of cellar_file_rules, or remove it",
            )


def size_limit(*, file_size_limit: str, files_max_size: str) -> Iterator[Problem]:
    """Yield a limit that lets one file evict all others and itself."""
    if file_size_limit and size_in_bytes(file_size_limit) > size_in_bytes(files_max_size):
        yield Problem(
            "cellar_file_size_limit",
            f"is more ({file_size_limit}) than cellar_files_max_size ({files_max_size})",
            "lower it, or give the files more room",
        )


def over_limit(*, file_size_limit: str, file_over_limit: str) -> Iterator[Problem]:
    """Yield an answer to files over a limit that there is not."""
    if not file_size_limit and file_over_limit != "stream":
        yield Problem(
            "cellar_file_over_limit",
            f"is set ({show(file_over_limit)}), and cellar_file_size_limit is empty",
            "set that limit, or remove this",
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
        if rule.get("reason") and rule["answer"] not in ("hide", "refuse"):
            yield Problem(
                f"{subject}.reason",
                f"is set, and nobody is told the reason of an answer {rule['answer']}",
                "remove it",
            )
        if rule.get("younger_than_days") and rule["answer"] in STORAGE_ANSWERS:
            yield Problem(
                f"{subject}.younger_than_days",
                f"is set, and an answer {rule['answer']} does not change with time",
                "remove it",
            )
        if rule.get("zone") and rule["answer"] != "store":
            yield Problem(
                f"{subject}.zone",
                f"is set, and nothing is stored by an answer {rule['answer']}",
                "remove it, or answer store",
            )


def order(*, file_rules: Entries) -> Iterator[Problem]:
    """Yield the rules that never decide, because one before them decides for all their files."""
    for number, rule in enumerate(file_rules):
        for first, earlier in enumerate(file_rules[:number]):
            if _question(earlier) != _question(rule):
                continue
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


def _question(rule: dict[str, Any]) -> bool:
    """Return which of the two questions a rule answers: whether that of storage."""
    return rule["answer"] in STORAGE_ANSWERS


def _projects(rule: dict[str, Any]) -> list[str]:
    projects: list[str] = rule.get("projects", ["*"])
    return projects


RULES = (names, zone_names, zones, size_limit, over_limit, without_effect, order)
