"""
containerd, as Kubernetes uses it: what all containers of pods are made from.

A base specification adds the payload and the variables that name the certificates to what
containerd would start from by itself. It is read when containerd starts, and so is constant: a
route would stay while the appliance is away. pip follows the guard by its settings, which are in
the folder: a mount of the file alone would keep the one that was there when the pod began. What an
image or a pod sets itself beats all of it. Every pod of the node gets it, so that an operator has
to say so. Docker's containers go past it.

Sources: docs/cri/config.md of containerd, and pkg/cri/server/container_create_linux.go: with a base
specification it does not take limits and profiles out that it takes out of its own, so that they
have to be out here. containerd 1.6 was run.
"""

from __future__ import annotations

import json
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

from cellar_runner.edits.containerd_config import ContainerdConfig, has_settings_of_pods
from cellar_runner.edits.text import decode
from cellar_runner.edits.whole import Whole
from cellar_runner.files import read
from cellar_runner.plan import PAYLOAD
from cellar_runner.refusal import Refusal
from cellar_runner.targets.target import Command

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cellar_runner.edits.edit import Edit
    from cellar_runner.host import Host
    from cellar_runner.plan import Plan

CONFIG = "/etc/containerd/config.toml"
SPEC = "/etc/containerd/cellar-runner.json"

_PIP = "/etc/xdg/pip"
_SECONDS = 10


class Containerd:
    """The base specification of pods' containers, where the settings ask for it."""

    name = "containerd"
    constant = True

    def found(self, host: Host) -> bool:
        """Tell whether containerd and the folder of its settings are there."""
        return host.has_program("containerd") and host.has("/etc/containerd")

    def edits(self, host: Host, plan: Plan) -> Sequence[Edit]:
        """
        Return the base specification, then what names it.

        Raises:
            Refusal: containerd does not say what it starts containers from.

        """
        if not plan.containerd:
            return ()
        spec = json.dumps(_with_payload(_default_spec(host), plan), indent=1)
        config = host.path(CONFIG)
        return (
            Whole(host.path(SPEC), f"{spec}\n".encode()),
            ContainerdConfig(config, SPEC, next(_imported(host, config), "")),
        )

    def reload(self, host: Host) -> Sequence[Command]:  # noqa: ARG002 # the same on each host
        """Return a restart: containers have processes of their own above them, and go on."""
        why = "pods are started as before until containerd is restarted"
        return (Command(("systemctl", "try-restart", "containerd.service"), why),)

    def release(self, host: Host) -> None:
        """
        Refuse while a pod has the payload: its programs would miss the certificates.

        Raises:
            Refusal: there is such a pod.

        """
        for process in host.path("/proc").glob("[0-9]*"):
            try:
                mounts = (process / "mountinfo").read_text().splitlines()
            except OSError:
                continue  # it has ended
            if any(_is_ours(line.split()) for line in mounts):
                raise Refusal(
                    f"a pod (process {process.name}) has {PAYLOAD} and would miss its certificates:"
                    " set cellar_runner_containerd to false and run the playbook, let the pods of "
                    "this node be started anew (drain it, or restart it), and run this again"
                )


def _is_ours(fields: list[str]) -> bool:
    """Tell whether a line of mountinfo is that of a mount that only pods have."""
    return fields[4:5] == [_PIP] and fields[3].endswith(PAYLOAD.rpartition("/")[2])


def _default_spec(host: Host) -> Any:
    """Return what this host's containerd makes containers from, as its own client says."""
    program = next(
        (path for path in map(host.path, ("/usr/local/bin/ctr", "/usr/bin/ctr")) if path.exists()),
        None,
    )
    if program is None:
        raise Refusal("containerd's client ctr, which says what pods are made from, is not here")
    try:
        done = subprocess.run(  # noqa: S603 # containerd's own
            (program, "oci", "spec"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
        spec = json.loads(done.stdout)
        spec["process"], spec["mounts"], spec["linux"]  # what there must be
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        raise Refusal(f"`{program} oci spec` does not say what pods are made from") from error
    return spec


def _with_payload(spec: Any, plan: Plan) -> Any:
    """Return the specification of a container that sees the payload and is else as before."""
    process = dict(spec["process"])
    linux = dict(spec["linux"])
    for table, key in ((process, "rlimits"), (process, "apparmorProfile"), (linux, "seccomp")):
        table.pop(key, None)
    trust = [f"{name}={value}" for name, value in plan.trust.items()]
    process["env"] = [*process.get("env", []), *trust]
    mounts = [
        {
            "destination": destination,
            "type": "bind",
            "source": PAYLOAD,
            "options": ["rbind", "rprivate", "ro"],
        }
        for destination in (PAYLOAD, _PIP)
    ]
    return {**spec, "process": process, "mounts": [*spec["mounts"], *mounts], "linux": linux}


def _imported(host: Host, config: Path) -> Iterator[str]:
    """Yield files with settings of pods that containerd reads after its config.toml."""
    try:
        patterns = tomllib.loads(decode(config, read(config) or b"")).get("imports", [])
    except ValueError:
        return  # what is wrong with the file is said when it is edited
    for pattern in patterns:
        absolute = pattern if pattern.startswith("/") else f"/etc/containerd/{pattern}"
        for file in sorted(host.root.glob(absolute.lstrip("/"))):
            if file == config or not file.is_file():
                continue
            try:
                document = tomllib.loads(decode(file, read(file) or b""))
            except ValueError:
                continue  # containerd itself would not start
            if has_settings_of_pods(document):
                yield str(file)
