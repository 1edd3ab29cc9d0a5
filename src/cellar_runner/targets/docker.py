"""
Docker's command line: the proxies that it hands to containers and builds of listed users.

It hands on no certificates and no mounts, so that uv, Poetry and others would not trust the
appliance there. Therefore nobody is listed unless the operator does so: for users whose images
trust the appliance's CA of themselves. The daemon gets nothing: no key of daemon.json reaches
containers with variables and files both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellar_runner.edits.entries import Group, Put
from cellar_runner.edits.json_keys import JsonKeys
from cellar_runner.edits.text import decode
from cellar_runner.files import read
from cellar_runner.plan import Mode
from cellar_runner.refusal import Refusal
from cellar_runner.targets.carrying import container_variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellar_runner.edits.edit import Edit
    from cellar_runner.host import Host
    from cellar_runner.plan import Plan
    from cellar_runner.targets.target import Command


class Docker:
    """`proxies.default` in the config.json of the users that the settings list."""

    name = "docker"

    def found(self, host: Host) -> bool:
        """Tell whether Docker's command line or its daemon is there."""
        return host.has_program("docker") or host.has_program("dockerd")

    def edits(self, host: Host, plan: Plan) -> Sequence[Edit]:
        """
        Return the proxies while the routes are there; a user who has set some keeps them.

        Raises:
            Refusal: a listed user does not exist.

        """
        if plan.mode is not Mode.PROXY or not plan.routed:
            # Whoever has been deleted since does not keep the others from PyPI.
            return ()
        homes = _homes(host)
        for user in plan.docker_users:
            if user not in homes:
                raise Refusal(f"cellar_runner_docker_users names {user}, who is not on this host")
        proxies = {
            "httpsProxy": plan.proxy_url,
            "noProxy": container_variables(plan).get("NO_PROXY", ""),
        }
        group = Group(
            tuple(Put(("proxies", "default", key), value) for key, value in proxies.items())
        )
        return [
            JsonKeys(host.path(f"{homes[user]}/.docker/config.json"), (group,), mode=0o600)
            for user in plan.docker_users
        ]

    def reload(self, host: Host) -> Sequence[Command]:  # noqa: ARG002 # read at each start
        """Return nothing."""
        return ()


def _homes(host: Host) -> dict[str, str]:
    passwd = host.path("/etc/passwd")
    fields = [line.split(":") for line in decode(passwd, read(passwd) or b"").splitlines()]
    return {field[0]: field[5] for field in fields if len(field) > 5}  # noqa: PLR2004 # passwd(5)
