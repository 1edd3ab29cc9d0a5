"""Ansible's door to `cellar.provisioning`: names, variables and errors; the checks are there."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible.errors import (  # type: ignore[import-untyped] # Ansible ships no types
    AnsibleError,
    AnsibleFilterError,
)
from jinja2 import pass_context
from jinja2.exceptions import TemplateError

# A checkout and an installed collection both carry their own src; an installed package of the same
# name could be of another version.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from cellar.provisioning import (
    Found,
    authority_problems,
    completed_settings,
    host_problems,
    path_and_parents,
    read_options,
    setting_problems,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jinja2.runtime import Context


_SPECIFICATION = Path(__file__).resolve().parents[2] / "roles/settings/meta/argument_specs.yml"


def _plain(value: Any) -> Any:
    """Return Ansible's lazy containers as plain ones; nested templates are evaluated by this."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


@pass_context
def cellar_setting_problems(
    context: Context, names: Sequence[str], spec_file: str, *, of_runner: bool = False
) -> list[str]:
    """Return one line for each problem of the variables `names`; see plugin documentation."""
    values: dict[str, Any] = {}
    unresolved: dict[str, str] = {}
    for name in names:
        try:
            values[name] = _plain(context.resolve(name))
        except (AnsibleError, TemplateError) as error:
            reason = str(error).removeprefix("A captured exception marker was tripped: ")
            unresolved[name] = " ".join(reason.split()).rstrip(".")
    try:
        options = read_options(Path(spec_file))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise AnsibleFilterError(f"cellar_setting_problems: {spec_file}: {error}") from error
    now = datetime.now(UTC)
    problems = setting_problems(values, unresolved, options, now, of_runner=of_runner)
    return [str(problem) for problem in problems]


def cellar_platform_problems(
    facts: Mapping[str, Any],
    listening: Mapping[str, Any],
    df_lines: Sequence[str],
    settings: Mapping[str, Any],
) -> list[str]:
    """Return one line for each reason that the host cannot become an appliance."""
    try:
        return [str(problem) for problem in host_problems(facts, listening, df_lines, settings)]
    except (KeyError, ValueError) as error:
        raise AnsibleFilterError(f"cellar_platform_problems: {error}") from error


def cellar_authority_problems(found: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """Return one line if clients could not go on with the CA certificate that they trust."""
    try:
        return [str(problem) for problem in authority_problems(Found(**found), settings)]
    except (KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"cellar_authority_problems: {error}") from error


def cellar_completed_settings(
    values: Mapping[str, Any], upstream_ca: str, index_ca_dir: str
) -> dict[str, Any]:
    """Return indexes, routes and file rules with everything that they leave unsaid."""
    # Its own path and not a parameter: other roles evaluate this too, where `role_path` is theirs.
    options = read_options(_SPECIFICATION)
    try:
        return completed_settings(_plain(values), options, upstream_ca, index_ca_dir)
    except (KeyError, ValueError) as error:
        # Not `from error`: a value that is no URL may be a secret.
        reason = type(error).__name__
        raise AnsibleFilterError(f"cellar_completed_settings: {reason}: not checked") from None


class FilterModule:
    """What Ansible's plugin loader asks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "cellar_authority_problems": cellar_authority_problems,
            "cellar_completed_settings": cellar_completed_settings,
            "cellar_path_and_parents": path_and_parents,
            "cellar_platform_problems": cellar_platform_problems,
            "cellar_setting_problems": cellar_setting_problems,
        }
