"""A CI host that is a folder, an appliance that is a word, and time that passes as tests like."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from cellar_runner.guard.probing import Verdict
from cellar_runner.guard.service import Guard
from cellar_runner.host import Host
from cellar_runner.plan import Mode
from cellar_runner.routing import State, read_state, set_routed, write_state
from unit.runner.trees import write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cellar_runner.guard.probing import Way

SETTINGS: dict[str, Any] = {
    "mode": "proxy",
    "address": "192.0.2.10",
    "server_name": "cellar.example",
    "names": ["index.example", "files.example"],
    "https_port": 443,
    "proxy_port": 3128,
    "no_proxy": ["localhost"],
    "targets": ["shell"],
    "metrics_file": "/var/lib/node-exporter/cellar-runner.prom",
    "fail": "open",
}
BOOT = "6d1c1f0e-0000-4000-8000-000000000001"
ENVIRONMENT = "/etc/cellar-runner/environment"
METRICS = str(SETTINGS["metrics_file"])
TROUBLE = "192.0.2.10 port 3128 takes no connection: Connection refused."


@dataclass
class World:
    """
    A CI host, an appliance and a clock.

    `well` is how the appliance is, `takes` how long a probe takes (seconds), `asked` the ways that
    were probed; `meanwhile` is done while a probe is under way.
    """

    host: Host
    well: bool = True
    takes: float = 0.0
    now: float = 1000.0
    asked: list[Way] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def probe(self, way: Way) -> Verdict:
        self.asked.append(way)
        self.meanwhile()
        self.now += self.takes
        return Verdict("" if self.well else TROUBLE, self.takes, 2e9)

    def guard(self) -> Guard:
        return Guard(self.host, self.probe, lambda: self.now)

    def pass_time(self, guard: Guard, seconds: float) -> None:
        """Let the guard have its turns for so long, each two seconds after the one before."""
        end = self.now + seconds
        while self.now < end:
            begun = self.now
            guard.turn()
            self.now = max(self.now, begun + 2)

    def settings(self, **changes: Any) -> None:
        pem = trustme.CA().cert_pem.bytes().decode()
        known = {**SETTINGS, "authorities": [pem], **changes}
        write(self.host.path("/var/lib/cellar-runner/settings.json"), json.dumps(known), 0o600)

    @property
    def state(self) -> State:
        state = read_state(self.host)
        assert state is not None
        return state

    @property
    def routed(self) -> bool:
        """Tell whether jobs that start now use the appliance, by what they would read."""
        environment = self.host.path(ENVIRONMENT).read_text()
        assert "SSL_CERT_FILE=/etc/cellar-runner/ca-bundle.pem\n" in environment
        found = "HTTPS_PROXY=http://192.0.2.10:3128\n" in environment
        assert found is self.state.routed
        return found

    def boot(self, number: int) -> None:
        """Start the host anew: what was in memory is gone."""
        write(self.host.path("/proc/sys/kernel/random/boot_id"), f"{BOOT[:-1]}{number}\n")
        self.host.path("/run/cellar-runner/guard.json").unlink(missing_ok=True)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a host on which `cellar-runner apply` has led jobs to the appliance."""
    monkeypatch.setattr("cellar_runner.routing._run", lambda _: "")
    host = Host(tmp_path / "host")
    root = trustme.CA().cert_pem.bytes().decode()
    write(host.path("/etc/ssl/certs/ca-certificates.crt"), root)
    for path in ("/etc/hosts", "/etc/environment"):
        write(host.path(path), "")
    for path in ("/etc/profile.d", "/run/systemd/system", "/var/lib/node-exporter"):
        host.path(path).mkdir(parents=True)
    made = World(host)
    made.boot(1)
    made.settings()
    write_state(host, State(routed=False, since=time.time(), why="", mode=Mode.PROXY, mode_why=""))
    set_routed(host, True, "cellar-runner was installed")  # noqa: FBT003 # its own
    assert made.routed
    return made
