"""What all systems that start containers have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cellar_runner.plan import PAYLOAD, PIP_CONF

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cellar_runner.plan import Plan

# As engines of containers write a mount: the payload at its own path, and the weakest settings file
# of pip, which whatever an image has overrules.
MOUNTS = (
    f"{PAYLOAD}:{PAYLOAD}:ro",
    f"{PIP_CONF}:/etc/xdg/pip/pip.conf:ro",
)

# What pip goes by in image builds of Podman and buildah, where variables do not reach it.
BUILD_PIP_CONF = f"{PAYLOAD}/build-pip.conf"


def container_variables(plan: Plan, direct: Iterable[str] = ()) -> dict[str, str]:
    """
    Return the variables of a container that sees the payload.

    The appliance's own name and the hosts `direct` are not asked through the proxy: where it only
    lets PyPI's names pass, jobs would not get there.
    """
    variables = plan.variables
    hosts = [urlsplit(plan.index_url).hostname or "", *direct]
    for name in ("NO_PROXY", "no_proxy"):
        if name in variables:
            listed = variables[name].split(",") if variables[name] else []
            variables[name] = ",".join(dict.fromkeys([*listed, *(h for h in hosts if h)]))
    return variables


def assignments(variables: dict[str, str]) -> tuple[str, ...]:
    """Return variables as items NAME=value."""
    return tuple(f"{name}={value}" for name, value in variables.items())
