"""All checks of the settings, each made only with what the ones before it found sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cellar.provisioning.certificates import certificate_problems
from cellar.provisioning.contradictions import contradictions
from cellar.provisioning.problem import Problem, show
from cellar.provisioning.shapes import SHAPES
from cellar.provisioning.specification import Options, type_problems, unknown_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime


def setting_problems(
    values: Mapping[str, Any], unresolved: Mapping[str, str], options: Options, now: datetime
) -> list[Problem]:
    """
    Return everything that is wrong with the settings; an empty list means all is well.

    Unknown variables come first, then the settings in the order of the specification.

    `values` are all visible `cellar_*` variables, `unresolved` those whose template failed, with
    the reason. `options` is the role's argument specification, `now` (aware) the time against
    which certificates are judged. A setting that is wrong by itself is left out of the checks that
    compare it with others, so nothing is reported twice.
    """
    problems = list(unknown_names([*values, *unresolved], options))
    problems += [
        Problem(name, f"cannot be evaluated: {reason}", "correct its template")
        for name, reason in unresolved.items()
        if name in options
    ]
    known = {name: option for name, option in options.items() if name not in unresolved}
    problems += type_problems(values, known)
    faulty = {problem.subject for problem in problems}
    sound = {name: values[name] for name in known if name not in faulty}
    problems += _shape_problems(sound)
    faulty = {problem.subject for problem in problems}
    sound = {name: value for name, value in sound.items() if name not in faulty}
    problems += contradictions(sound)
    # The files are judged for the doors that the other settings describe.
    if not {problem.subject for problem in problems} & set(options):
        problems += certificate_problems(sound, now)
    order = {name: position for position, name in enumerate(options)}
    return sorted(problems, key=lambda problem: order.get(problem.subject, -1))


def _shape_problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in values.items():
        if name not in SHAPES:
            continue
        shape = SHAPES[name]
        for item in value if isinstance(value, list) else [value]:
            fault = shape.fault(item)
            if fault:
                yield Problem(name, f"{fault} ({show(item)})", f"write {shape.expected}")
