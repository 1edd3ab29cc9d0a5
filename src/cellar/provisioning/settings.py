"""All checks of the settings, each made only with what the ones before it found sound."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cellar.provisioning.certificates import certificate_problems
from cellar.provisioning.contradictions import contradictions
from cellar.provisioning.problem import Problem
from cellar.provisioning.runner import PREFIX, concerns_runner, runner_problems
from cellar.provisioning.shapes import NEVER_EMPTY, SHAPES
from cellar.provisioning.specification import (
    Options,
    leaves,
    type_problems,
    unknown_names,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

_UNDEFINED = re.compile(r"'[A-Za-z_][A-Za-z0-9_]*' is undefined")


def setting_problems(
    values: Mapping[str, Any],
    unresolved: Mapping[str, str],
    options: Options,
    now: datetime,
    *,
    of_runner: bool = False,
) -> list[Problem]:
    """
    Return everything that is wrong with the settings; an empty list means all is well.

    Unknown variables come first, then the settings in the order of the specification.

    `values` are all visible `cellar_*` variables, `unresolved` those whose template failed, with
    the reason. `options` is the role's argument specification, `now` (aware) the time against
    which certificates are judged. Of an appliance those settings are left out that are of CI hosts,
    and the other way round with `of_runner`. A setting that is wrong by itself is left out of the
    checks that compare it with others, so nothing is reported twice.
    """
    problems = list(unknown_names([*values, *unresolved], options))
    options = {n: o for n, o in options.items() if _is_looked_at(n, of_runner=of_runner)}
    problems += [
        Problem(name, *_unresolved(reason, options[name]))
        for name, reason in unresolved.items()
        if name in options
    ]
    known = {name: option for name, option in options.items() if name not in unresolved}
    problems += type_problems(values, known)
    present = {name: values[name] for name in known if name in values}
    problems += _shape_problems(present, known, {problem.subject for problem in problems})
    faulty = {problem.setting for problem in problems}
    sound = {name: value for name, value in present.items() if name not in faulty}
    if of_runner:
        problems += runner_problems(sound, now)
    else:
        problems += contradictions(sound)
    # The files are judged for the doors that the other settings describe.
    if not of_runner and not {problem.setting for problem in problems} & set(options):
        problems += certificate_problems(sound, now)
    order = {name: position for position, name in enumerate(options)}
    return sorted(problems, key=lambda problem: order.get(problem.setting, -1))


def _is_looked_at(name: str, *, of_runner: bool) -> bool:
    return concerns_runner(name) if of_runner else not name.startswith(PREFIX)


def _unresolved(reason: str, option: Mapping[str, Any]) -> tuple[str, str]:
    """Return what is wrong with a setting whose template failed, and the remedy."""
    if "vault exception" in reason:
        return "cannot be decrypted", "give Ansible the vault password that it was encrypted with"
    secret = any(key.get("no_log") for key in option.get("options", {}).values())
    if secret and not _UNDEFINED.fullmatch(reason):
        # A password that looks like a template would be quoted in the reason.
        return (
            "cannot be evaluated, and the reason may hold a secret",
            "correct its template; a password with {{, {% or {# needs !unsafe before it",
        )
    return f"cannot be evaluated: {reason}", "correct its template"


def _shape_problems(
    values: Mapping[str, Any], options: Options, faulty: Collection[str]
) -> Iterator[Problem]:
    for place, value in leaves(values, options):
        shape = SHAPES.get(place.shape)
        if shape is None or place.subject in faulty:
            continue
        if value == [] and place.shape in NEVER_EMPTY:
            yield Problem(place.subject, "is an empty list", f"write {shape.expected}")
        for item in value if isinstance(value, list) else [value]:
            fault = shape.fault(item)
            if fault:
                yield place.wrong(fault, item, f"write {shape.expected}")
