"""
Podman and buildah, as root and without: job containers, and what can be done for image builds.

Containers get variables by containers.conf and the payload by mounts.conf, whose entries are copied
into each container, so that neither SELinux nor a user namespace is in the way. Image builds get
the second only (buildah takes no variables from containers.conf), and so must be kept away from the
appliance, which uv and Poetry would not trust there: a proxy that a shell has would be handed on to
them whatever containers.conf says, and so would the names in the host's /etc/hosts.

Sources: containers.conf(5), containers-mounts.conf(5); Podman 4.3 and buildah 1.28 were run.
"""

from __future__ import annotations

import json
import socket
import tomllib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cellar_runner.edits.block import Block, without_block
from cellar_runner.edits.text import decode
from cellar_runner.edits.whole import Whole
from cellar_runner.files import read
from cellar_runner.plan import PAYLOAD, PIP_CONF, Mode
from cellar_runner.refusal import Refusal
from cellar_runner.targets.carrying import BUILD_PIP_CONF, assignments, container_variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cellar_runner.edits.edit import Edit
    from cellar_runner.host import Host
    from cellar_runner.plan import Plan
    from cellar_runner.targets.target import Command

HOSTS = f"{PAYLOAD}/hosts"

_DROP_IN = "/etc/containers/containers.conf.d/50-cellar-runner.conf"
_MOUNTS = "/etc/containers/mounts.conf"
_MOUNTS_OF_VENDOR = "/usr/share/containers/mounts.conf"
_MOUNT_LINES = (f"{PAYLOAD}:{PAYLOAD}", f"{BUILD_PIP_CONF}:/etc/xdg/pip/pip.conf")
# Jobs find the appliance by variables. An index in their settings would get into what pip-compile
# writes, so they see another file than builds: buildah takes no volumes from containers.conf.
_PIP_CONF_OF_JOBS = f"{PIP_CONF}:/etc/xdg/pip/pip.conf:ro"
_PROGRAMS = ("podman", "buildah")

_WRAPPER = """\
#!/bin/sh
# Written by cellar-runner; `cellar-runner status` says what it is.
# A proxy that leads to the appliance is not handed on to image builds, which have
# no certificates for it. Containers get theirs by {drop_in}.
[ "${{HTTPS_PROXY-}}" != "{proxy}" ] || unset HTTPS_PROXY NO_PROXY
[ "${{https_proxy-}}" != "{proxy}" ] || unset https_proxy no_proxy
exec {program} "$@"
"""


class Podman:
    """Variables and payload for containers; for builds the payload, and nothing that misleads."""

    name = "podman"

    def found(self, host: Host) -> bool:
        """Tell whether one of the two programs is there."""
        return any(host.has_program(program) for program in _PROGRAMS)

    def edits(self, host: Host, plan: Plan) -> Sequence[Edit]:
        """
        Return the mounts, then the variables, then what keeps builds from being misled.

        Raises:
            Refusal: a file of settings of containers cannot be read.

        """
        edits: list[Edit] = [
            Whole(host.path(BUILD_PIP_CONF), _pip_conf(plan).encode()),
            Block(host.path(_MOUNTS), (*_vendor_lines(host), *_MOUNT_LINES)),
        ]
        edits += [Block(file, _MOUNT_LINES) for file in _mounts_of_users(host)]
        if plan.mode is Mode.INTERCEPT:
            text = without_block(
                decode(host.path("/etc/hosts"), read(host.path("/etc/hosts")) or b"")
            )
            edits.append(Whole(host.path(HOSTS), text.encode()))
        if plan.mode is Mode.PROXY:
            edits += _wrappers(host, plan)
        edits.append(Whole(host.path(_DROP_IN), _drop_in(host, plan).encode()))
        return edits

    def reload(self, host: Host) -> Sequence[Command]:  # noqa: ARG002 # read at each start
        """Return nothing."""
        return ()


def resolves(url: str) -> bool:
    """Tell whether the host of a URL has an address; what the host resolves its builds do too."""
    try:
        return bool(socket.getaddrinfo(urlsplit(url).hostname, None))
    except OSError:
        return False


def _pip_conf(plan: Plan) -> str:
    """Return what pip in an image build goes by: it has no variables there."""
    lines = [f"index-url = {plan.index_url}"] if plan.routed and resolves(plan.index_url) else []
    lines += [f"cert = {path}" for path in list(plan.trust.values())[:1]]
    return "".join(f"{line}\n" for line in ["[global]", *lines])


def _vendor_lines(host: Host) -> tuple[str, ...]:
    """Return the vendor's mounts, which a file of the host replaces, if it has none of its own."""
    own = host.path(_MOUNTS)
    if without_block(decode(own, read(own) or b"")).strip():
        return ()
    vendor = host.path(_MOUNTS_OF_VENDOR)
    lines = decode(vendor, read(vendor) or b"").splitlines()
    return tuple(line for line in lines if line.startswith("/"))


def _mounts_of_users(host: Host) -> Iterator[Path]:
    """Yield the files of users that replace the host's in containers without root."""
    passwd = host.path("/etc/passwd")
    homes = [line.split(":")[5:6] for line in decode(passwd, read(passwd) or b"").splitlines()]
    for home in dict.fromkeys(home[0] for home in homes if home and home[0].startswith("/")):
        file = host.path(f"{home}/.config/containers/mounts.conf")
        if home != "/" and file.is_file():
            yield file


def _wrappers(host: Host, plan: Plan) -> Iterator[Edit]:
    """Yield programs that stand before the real ones, unless something stands there already."""
    for program in _PROGRAMS:
        real = f"/usr/bin/{program}"
        text = _WRAPPER.format(drop_in=_DROP_IN, proxy=plan.proxy_url, program=real)
        ahead = host.path(f"/usr/local/bin/{program}")
        free = not ahead.exists() or b"Written by cellar-runner" in (read(ahead) or b"")
        if host.has(real) and free:
            yield Whole(ahead, text.encode(), mode=0o755)


def _drop_in(host: Host, plan: Plan) -> str:
    """
    Return our file of settings.

    A list in one file replaces that of another, so ours repeat what was there. Where one of our
    variables has another value there, ours stay out, all of them.
    """
    settings = _settings_before_ours(host)
    lines = [_list("volumes", settings, (_PIP_CONF_OF_JOBS,))]
    variables = container_variables(plan)
    theirs = dict(item.partition("=")[::2] for item in _texts(settings, "env"))
    if all(theirs.get(name, value) == value for name, value in variables.items()):
        lines.append(_list("env", settings, assignments(variables)))
    if plan.mode is Mode.INTERCEPT and "base_hosts_file" not in settings:
        lines.append(f"base_hosts_file = {json.dumps(HOSTS)}")
    return "".join(f"{line}\n" for line in ["# Written by cellar-runner.", "[containers]", *lines])


def _list(key: str, settings: dict[str, Any], ours: tuple[str, ...]) -> str:
    theirs = _texts(settings, key)
    items = [*theirs, *(item for item in ours if item not in theirs)]
    return f"{key} = {json.dumps(items, indent=2, ensure_ascii=False)}"


def _texts(settings: dict[str, Any], key: str) -> list[str]:
    return [item for item in settings.get(key, []) if isinstance(item, str)]


def _settings_before_ours(host: Host) -> dict[str, Any]:
    """Return table `containers` as the files say that are read before ours."""
    files = [
        host.path(f"{folder}/containers.conf")
        for folder in ("/usr/share/containers", "/etc/containers")
    ]
    ours = host.path(_DROP_IN)
    files += [file for file in sorted(ours.parent.glob("*.conf")) if file.name < ours.name]
    settings: dict[str, Any] = {}
    for file in files:
        try:
            table = tomllib.loads(decode(file, read(file) or b"")).get("containers", {})
        except tomllib.TOMLDecodeError as error:
            raise Refusal(f"{file} is not TOML: {error}") from error
        for key, value in table.items():
            earlier = settings.get(key)
            appends = isinstance(value, list) and {"append": True} in value
            if appends and isinstance(earlier, list):
                settings[key] = [*earlier, *value]
            else:
                settings[key] = value
    return settings
