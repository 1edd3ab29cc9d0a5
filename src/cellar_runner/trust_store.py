"""
The system's trust store.

In mode `intercept` every program of the host is led to the appliance, and in mode `index` uv is by
a file that is read where no variable may be: both need more than variables.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cellar_runner.edits.whole import Whole
from cellar_runner.plan import Mode
from cellar_runner.refusal import Refusal
from cellar_runner.targets.target import Command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cellar_runner.edits.edit import Edit
    from cellar_runner.host import Host
    from cellar_runner.plan import Plan

# Where administrators put certificates, by what reads them there: Debian, RHEL.
_STORES = {
    "update-ca-certificates": ("/usr/local/share/ca-certificates", ()),
    "update-ca-trust": ("/etc/pki/ca-trust/source/anchors", ("extract",)),
}
_FILE = "cellar-runner-"


def edits(host: Host, plan: Plan) -> Sequence[Edit]:
    """
    Return a file for each authority, since Debian's program takes one certificate of a file.

    Raises:
        Refusal: the host has no store that we know, and mode `intercept` needs one.

    """
    if plan.mode is Mode.PROXY or not plan.authorities:
        return ()
    program = _program(host)
    if program is None and plan.mode is Mode.INTERCEPT:
        raise Refusal(
            f"this host has neither {' nor '.join(_STORES)}, and mode intercept needs one: "
            "install the package ca-certificates, or choose another cellar_runner_mode"
        )
    if program is None:
        return ()
    folder = _STORES[program][0]
    return [
        Whole(host.path(f"{folder}/{_FILE}{_short_name(block)}.crt"), block.encode())
        for block in plan.authorities
    ]


def owns(host: Host, path: Path) -> bool:
    """Tell whether a file, there or gone, is one of those that `edits` returns."""
    folders = {host.path(folder) for folder, _ in _STORES.values()}
    return path.parent in folders and path.name.startswith(_FILE)


def has_store(host: Host) -> bool:
    """Tell whether authorities can be added to the host's store."""
    return _program(host) is not None


def commands(host: Host) -> Sequence[Command]:
    """Return what builds the store from the folders that it is made of."""
    program = _program(host)
    if program is None:
        return ()
    folder, arguments = _STORES[program]
    why = "programs that use the system's trust store do not trust the appliance"
    build = Command((program, *arguments), why)
    if program != "update-ca-certificates":
        return (build,)
    # Debian's program leaves the links to a certificate that has gone, unless it is told to make
    # all links anew: then there are none for a moment, and whoever connects in it trusts nobody.
    ours = ("-lname", f"{folder}/{_FILE}*", "-o", "-lname", f"{_FILE}*")
    clean = ("find", "/etc/ssl/certs", "-xtype", "l", "(", *ours, ")", "-delete")
    return build, Command(clean, "links to certificates that have gone are left in /etc/ssl/certs")


def _program(host: Host) -> str | None:
    return next((program for program in _STORES if host.has_program(program)), None)


def _short_name(block: str) -> str:
    return hashlib.sha256(block.encode()).hexdigest()[:8]
