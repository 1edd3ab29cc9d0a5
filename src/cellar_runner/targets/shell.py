"""Shells and sessions of the host, and in mode `intercept` the names that it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellar_runner.edits.block import without_block
from cellar_runner.edits.environment_block import OURS, EnvironmentBlock, foreign
from cellar_runner.edits.hosts_block import HostsBlock
from cellar_runner.edits.text import decode
from cellar_runner.edits.whole import Whole
from cellar_runner.files import read
from cellar_runner.plan import ENVIRONMENT, Mode
from cellar_runner.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellar_runner.edits.edit import Edit
    from cellar_runner.host import Host
    from cellar_runner.plan import Plan
    from cellar_runner.targets.target import Command

PROFILE = f"""\
# Written by cellar-runner; `cellar-runner status` says what it is.
# Variables of {ENVIRONMENT}, all of them or none: where one of them is set to
# something else, by whoever it is, all stay as they are.
for cellar_runner_name in ${{{OURS}-}}; do
    unset "$cellar_runner_name"
done
unset {OURS}
if [ -r {ENVIRONMENT} ]; then
    cellar_runner_foreign=
    while IFS='=' read -r cellar_runner_name cellar_runner_value; do
        eval "cellar_runner_found=\\${{$cellar_runner_name-\\$cellar_runner_value}}"
        [ "$cellar_runner_found" = "$cellar_runner_value" ] || cellar_runner_foreign=yes
    done <{ENVIRONMENT}
    if [ -z "$cellar_runner_foreign" ]; then
        while IFS='=' read -r cellar_runner_name cellar_runner_value; do
            export "$cellar_runner_name=$cellar_runner_value"
            {OURS}="${{{OURS}-}}${{{OURS}:+ }}$cellar_runner_name"
        done <{ENVIRONMENT}
        export {OURS}
    fi
fi
unset cellar_runner_name cellar_runner_value cellar_runner_found cellar_runner_foreign
"""


class Shell:
    """
    Variables for login shells and sessions, and in mode `intercept` addresses for all.

    Sessions get trust alone: one may last for weeks, as those by which Jenkins starts its agents,
    and keeps what it began with. A login shell begins with each job, and may be led.
    """

    name = "shell"

    def found(self, host: Host) -> bool:  # noqa: ARG002 # every host has them
        """Return that it is on any host."""
        return True

    def edits(self, host: Host, plan: Plan) -> Sequence[Edit]:
        """
        Return profile, /etc/environment and hosts file, in this order.

        Raises:
            Refusal: sessions trust other certificates, and would be led to the appliance.

        """
        edits: list[Edit] = []
        environment = host.path("/etc/environment")
        if plan.variables:
            edits.append(Whole(host.path("/etc/profile.d/cellar-runner.sh"), PROFILE.encode()))
        if plan.trust:
            edits.append(EnvironmentBlock(environment, plan.trust))
        if plan.mode is Mode.INTERCEPT and plan.routed:
            text = without_block(decode(environment, read(environment) or b""))
            names = foreign(text, plan.trust)
            if names:
                raise Refusal(
                    f"{environment} sets {' and '.join(names)} to other certificates, by which no "
                    "job would trust the appliance: remove that, or choose another "
                    "cellar_runner_mode"
                )
            edits.append(HostsBlock(host.path("/etc/hosts"), plan.address, plan.names))
        return edits

    def reload(self, host: Host) -> Sequence[Command]:  # noqa: ARG002 # read at each start
        """Return nothing."""
        return ()
