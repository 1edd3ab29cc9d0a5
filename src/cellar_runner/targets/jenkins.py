"""
Jenkins: the variables that name the certificates, for the service of an agent or controller.

It starts after the guard, so that its first job finds what the guard has decided. The variables are
read when the service starts, and so are constant; the routes of jobs on the host are the hosts file
of mode `intercept`. Containers of `docker.inside` and docker agents get variables from Jenkins
itself alone, which an operator sets there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellar_runner.targets.services import READ_AGAIN, drop_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellar_runner.edits.edit import Edit
    from cellar_runner.host import Host
    from cellar_runner.plan import Plan
    from cellar_runner.targets.target import Command

_PLACES = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
_PATTERNS = ("jenkins.service", "jenkins-agent.service", "jenkins-agent@*.service")


class Jenkins:
    """A drop-in for each service of Jenkins."""

    name = "jenkins"

    def found(self, host: Host) -> bool:
        """Tell whether there is such a service."""
        return bool(_services(host))

    def edits(self, host: Host, plan: Plan) -> Sequence[Edit]:
        """Return the drop-ins; without variables where the certificate is publicly trusted."""
        variables = [f'Environment="{name}={value}"' for name, value in plan.trust.items()]
        return [drop_in(host, service, variables) for service in _services(host)]

    def reload(self, host: Host) -> Sequence[Command]:  # noqa: ARG002 # the same on each host
        """Return that systemd reads its files; the service has them from its next start."""
        return (READ_AGAIN,)


def _services(host: Host) -> list[str]:
    return sorted(
        {
            unit.name
            for place in _PLACES
            for pattern in _PATTERNS
            for unit in (host.root / place).glob(pattern)
        }
    )
