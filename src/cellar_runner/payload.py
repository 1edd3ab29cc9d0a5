"""
The payload: the one folder that job containers see too, at the same path.

It holds what anybody may read: certificates to trust, settings of pip, variables. Files that come
and go with the routes are rewritten in place, in one step each, so that who reads them at the start
of a job follows the guard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellar_runner import certificates
from cellar_runner.edits.whole import Whole
from cellar_runner.plan import BUNDLE, ENVIRONMENT, PIP_CONF, Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellar_runner.edits.edit import Edit
    from cellar_runner.host import Host
    from cellar_runner.plan import Plan


def edits(host: Host, plan: Plan) -> Sequence[Edit]:
    """
    Return the files of the payload: the bundle, pip.conf, the variables as lines NAME=value.

    The bundle is there also where the appliance's certificate needs none, since containers that
    mount the folder may have no certificates at all.

    Raises:
        Refusal: the system has no certificates.

    """
    bundle = certificates.bundle(certificates.system_roots(host), plan.authorities)
    environment = "".join(f"{name}={value}\n" for name, value in plan.variables.items())
    return (
        Whole(host.path(BUNDLE), bundle),
        Whole(host.path(PIP_CONF), pip_conf(plan).encode()),
        Whole(host.path(ENVIRONMENT), environment.encode()),
    )


def pip_conf(plan: Plan) -> str:
    """
    Return settings of pip that do no harm while the appliance is away.

    Never a proxy: pip then ignores NO_PROXY, and indexes of the house would be asked through it.
    """
    lines = pip_settings(plan)
    return "".join(["[global]\n", *(f"{key} = {value}\n" for key, value in lines.items())])


def pip_settings(plan: Plan) -> dict[str, str]:
    """Return what section `global` says: the index where it is the way, and the certificates."""
    index = {"index-url": plan.index_url} if plan.mode is Mode.INDEX and plan.routed else {}
    return {**index, **({"cert": BUNDLE} if plan.trust else {})}
