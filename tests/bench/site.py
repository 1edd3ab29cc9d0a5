"""All that is measured: containers, their upstream, and how to reach them."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from bench.machine import Machine
from fakepypi.client import FakePyPI
from playbook import run_playbook
from support.door import Door

if TYPE_CHECKING:
    from collections.abc import Iterator

    from screen import Screen

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".cellar/bench"
_INVENTORY = "tests/bench/inventory"
_FAKEPYPI_CONTROL_PORT = 8080


@dataclass(frozen=True)
class Site:
    """
    What is up.

    `door` asks the appliance under `server_name`, `direct` asks upstream's index itself, both over
    TLS from this machine.
    """

    appliance: Machine
    peers: Machine
    upstream: FakePyPI
    server_name: str
    door: Door
    direct: Door

    def empty_page_cache(self) -> None:
        """Let the appliance forget all pages; the engine is back at the end."""
        steps = "systemctl stop nginx && rm -rf /var/cache/cellar/pages/* && systemctl start nginx"
        self.appliance.run("sh", "-c", steps)

    def begin_anew(self) -> None:
        """Give a workload an appliance that does not know what the one before did to it."""
        self.appliance.run("systemctl", "stop", "nginx")
        self.appliance.run("systemctl", "restart", "cellar-rewriter.service")
        self.appliance.run("find", "/var/cache/cellar", "-type", "f", "-delete")
        self.appliance.run("systemctl", "start", "nginx")


@contextmanager
def site(screen: Screen, *, keep: bool) -> Iterator[Site]:
    """
    Bring everything up, and remove it at the end of the block, however that comes; see `keep`.

    Raises:
        Failure: a playbook failed.

    """
    try:
        yield _up(screen)
    finally:
        if not keep:
            run_playbook(_INVENTORY, "playbooks/containers/destroy.yml", WORK / "down.log", screen)


def _up(screen: Screen) -> Site:
    for playbook in ("playbooks/containers/create.yml", "playbooks/appliance.yml"):
        run_playbook(_INVENTORY, playbook, WORK / "up.log", screen)
    machines = {name: Machine(name, address) for name, address in _addresses().items()}
    appliance = machines["cellar-bench"]
    upstream_address = machines["cellar-bench-upstream"].address
    upstream = FakePyPI(f"http://{upstream_address}:{_FAKEPYPI_CONTROL_PORT}")
    upstream.reset()
    settings = yaml.safe_load((ROOT / _INVENTORY / "group_vars/appliances.yml").read_text())
    server_name = settings["cellar_server_names"][0]
    own_ca, upstream_ca = WORK / "appliance.pem", WORK / "upstream.pem"
    own_ca.write_text(appliance.read("/etc/cellar/public/ca.pem"))
    upstream_ca.write_text(upstream.ca_pem)
    return Site(
        appliance=appliance,
        peers=machines["cellar-bench-peers"],
        upstream=upstream,
        server_name=server_name,
        door=Door(appliance.address, server_name, own_ca),
        direct=Door(upstream_address, upstream.index_host, upstream_ca),
    )


def _addresses() -> dict[str, str]:
    names = ("cellar-bench", "cellar-bench-peers", "cellar-bench-upstream")
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    done = subprocess.run(
        ["podman", "inspect", f"--format={template}", *names],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(names, done.stdout.split(), strict=True))
