"""
GitLab Runner: each runner of its config.toml that starts jobs on this host.

It reads the file again by itself within seconds, so that variables follow the guard. Jobs' own
variables beat these. Sources: docs/configuration/advanced-configuration.md and
executors/docker/ of gitlab-runner.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cellar_runner.edits.entries import Append, Group
from cellar_runner.edits.toml_keys import TomlKeys
from cellar_runner.files import read
from cellar_runner.plan import Mode
from cellar_runner.targets.carrying import MOUNTS, assignments, container_variables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cellar_runner.edits.edit import Edit
    from cellar_runner.host import Host
    from cellar_runner.plan import Plan
    from cellar_runner.targets.target import Command

# Of the package, and where the container of GitLab's documentation keeps it on the host.
_OF_HOST = "/etc/gitlab-runner/config.toml"
_OF_CONTAINER = "/srv/gitlab-runner/config/config.toml"

# Other places than these are other machines, on which the payload is not.
_HERE = (None, "", "unix:///var/run/docker.sock", "unix:///run/docker.sock")
_PODMAN_HERE = ("unix:///run/podman/podman.sock", "unix:///var/run/podman/podman.sock")


class GitLab:
    """
    Variables for executors `docker` and `shell`; for the first also the payload.

    Executors that start jobs on other machines (kubernetes, docker+machine, docker-autoscaler,
    instance, ssh and so on) get nothing, since the payload is not there.
    """

    name = "gitlab"

    def found(self, host: Host) -> bool:
        """Tell whether there is a config.toml."""
        return host.has(_OF_HOST) or host.has(_OF_CONTAINER)

    def edits(self, host: Host, plan: Plan) -> Sequence[Edit]:
        """Return what each runner gets, unless it sets one of the variables itself."""
        found = []
        for absolute in (_OF_HOST, _OF_CONTAINER):
            path = host.path(absolute)
            if path.exists():
                variables = assignments(container_variables(plan, _servers(path)))
                groups = [_docker(plan, variables)]
                if absolute == _OF_HOST:
                    groups.append(_shell(variables))
                found.append(TomlKeys(path, tuple(groups), mode=0o600))
        return found

    def reload(self, host: Host) -> Sequence[Command]:  # noqa: ARG002 # reads it by itself
        """Return nothing."""
        return ()


def _docker(plan: Plan, variables: tuple[str, ...]) -> Group:
    entries = [
        Append(("environment",), variables, named="="),
        Append(("docker", "volumes"), MOUNTS),
    ]
    if plan.mode is Mode.INTERCEPT and plan.routed:
        hosts = tuple(f"{name}:{plan.address}" for name in plan.names)
        entries.append(Append(("docker", "extra_hosts"), hosts, named=":"))
    where = ((("executor",), ("docker",)), (("docker", "host"), (*_HERE, *_PODMAN_HERE)))
    return Group(tuple(entries), each=("runners",), where=where, known_by="token")


def _shell(variables: tuple[str, ...]) -> Group:
    where = ((("executor",), ("shell",)),)
    entries = (Append(("environment",), variables, named="="),)
    return Group(entries, each=("runners",), where=where, known_by="token")


def _servers(path: Path) -> list[str]:
    """Return the hosts of the GitLab servers, which jobs clone from."""
    try:
        runners = tomllib.loads((read(path) or b"").decode()).get("runners", [])
        urls = [runner.get(key, "") for runner in runners for key in ("url", "clone_url")]
    except (ValueError, AttributeError):
        return []  # what is wrong with the file is said when it is edited
    return [urlsplit(url).hostname or "" for url in urls if isinstance(url, str)]
