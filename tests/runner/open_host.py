"""A CI host with a way out beside its appliance: its jobs, and where they go."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.deployment import read_variables
from support.rendering import ROOT

if TYPE_CHECKING:
    from support.deployment import Machine

INVENTORY = ROOT / "molecule/inventory/runner.yml"
HOST = "runner-open"
APPLIANCE, DIRECT = "appliance", "directly to PyPI"
GUARD = "cellar-runner-guard.service"
_DNS = "cellar-test-dns.service"

# A job as small as one can be, with what a shell of a job has: the system's names, the variables of
# the login. It fails as pip would.
_JOB = """
import json, os, socket, ssl, sys
name, path = sys.argv[1:]
context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
with socket.create_connection((name, 443), 2) as plain:
    peer = plain.getpeername()[0]
    with context.wrap_socket(plain, server_hostname=name) as tls:
        lines = [f"GET {path} HTTP/1.1", f"Host: {name}", "Connection: close", "", ""]
        tls.sendall("\\r\\n".join(lines).encode())
        status = tls.makefile("rb").readline().split()[1].decode()
print(json.dumps([peer, status]))
"""


@dataclass(frozen=True)
class JobResult:
    """Where a job went, and the status of what it asked for; `output` if it failed."""

    way: str
    status: str
    output: str = ""


@dataclass(frozen=True)
class OpenHost:
    """The host; `addresses` are those of the appliance and of PyPI, as far as jobs know it."""

    machine: Machine
    index: str
    addresses: dict[str, str]

    def job(self, path: str = "/simple/demo/") -> JobResult:
        """Run a job that begins now."""
        done = self.login("python3 -c %s %s %s", _JOB, self.index, path)
        if done.rc != 0:
            return JobResult("nowhere", "", done.stderr.strip().splitlines()[-1])
        peer, status = json.loads(done.stdout)
        ways = {address: way for way, address in self.addresses.items()}
        return JobResult(ways.get(peer, peer), status)

    def login(self, command: str, *arguments: str) -> Any:
        """Run a command in a login shell, as agents do for shell jobs."""
        quoted = self.machine.box.backend.quote(command, *arguments)
        return self.machine.box.run("env -i HOME=/root PATH=/usr/bin:/bin bash -lc %s", quoted)

    def seconds_until(self, way: str, limit: float) -> float:
        """
        Start jobs until one goes that way and gets what it wants; return after how many seconds.

        Raises:
            AssertionError: none did within `limit` seconds.

        """
        begun = time.monotonic()
        while True:
            started = time.monotonic() - begun
            result = self.job()
            if (result.way, result.status) == (way, "200"):
                return started
            assert started < limit, f"after {started:.1f} s a job goes {result}, not {way}"
            time.sleep(0.3)

    def assert_stays(self, way: str, seconds: float) -> None:
        """Start jobs for so long, and see that all go that way and succeed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.job() == JobResult(way, "200")
            time.sleep(0.3)

    def status(self) -> Any:
        """Return what `cellar-runner status` says."""
        return json.loads(self.machine.run("cellar-runner status --json"))

    def metrics(self) -> dict[str, float]:
        """Return the samples without a label."""
        text = self.machine.run("cat /run/cellar-runner/cellar-runner.prom")
        lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines if "{" not in name}

    def begin(self, *, withdrawals: int = 0) -> None:
        """Let the guard begin anew, as if it had withdrawn the routes so often until just now."""
        begin(self.machine, withdrawals=withdrawals)

    def resolve(self, names: dict[str, str]) -> None:
        """Let a DNS server of its own lead names to addresses."""
        script = (ROOT / "tests/support/dns_server.py").read_text()
        pairs = [f"{name}={address}" for name, address in names.items()]
        self.machine.box.run(f"systemctl stop {_DNS}")
        self.machine.run(
            f"systemd-run --quiet --collect --unit={_DNS} python3 -c %s " + " ".join(pairs), script
        )
        self.machine.run("echo 'nameserver 127.0.0.1' >/etc/resolv.conf")

    def trust(self, pem: str) -> None:
        """Take a CA for a public one."""
        place = "/usr/local/share/ca-certificates/fakepypi.crt"
        self.machine.run(f"printf %s %s >{place} && update-ca-certificates", "%s", pem)
        self.machine.run("cellar-runner refresh")


def begin(host: Machine, *, withdrawals: int = 0) -> None:
    """Let the guard of a CI host begin anew; jobs go by the appliance, which has to be well."""
    now = float(host.run("cat /proc/uptime").split()[0])
    memory = {"breaker": {"withdrawals": withdrawals, "withdrawn_at": now}}
    host.run(f"systemctl stop {GUARD} && mkdir -p /run/cellar-runner")
    host.run("printf %s %s >/run/cellar-runner/guard.json", "%s", json.dumps(memory))
    host.run(f"cellar-runner resume && systemctl start {GUARD}")


def what_explains(host: Machine, appliance: Machine) -> dict[str, str]:
    """Return titled texts that explain a failure."""
    commands = [
        (host, "status", "cellar-runner status"),
        (host, "guard", f"journalctl --no-pager --quiet --lines=40 --unit={GUARD}"),
        (host, "hosts", "cat /etc/hosts /etc/resolv.conf /etc/cellar-runner/environment"),
        (appliance, "journal", "journalctl --no-pager --quiet --lines=20 --unit=nginx"),
        (appliance, "errors", "tail -n 15 /var/log/cellar/error.log"),
    ]
    found = {}
    for machine, what, command in commands:
        try:
            done = machine.box.run(f"timeout 10 {command}")
            found[f"{machine.name}: {what}"] = done.stdout + done.stderr
        except (OSError, RuntimeError) as error:
            found[f"{machine.name}: {what}"] = str(error)
    return found


def address_of(host: str, network: str) -> str:
    """Return the address of a container in the network of that variable's name."""
    found = {
        each["name"]: each["address"]
        for each in read_variables(INVENTORY)[host]["containers_networks"]
    }
    (address,) = (value for name, value in found.items() if f"-{network}-" in name)
    return str(address)
