"""CI hosts, one in each mode, whose only network is that of an appliance; see molecule/runner."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from e2e.client_fixtures import news, wanted
from e2e.clients import LEFT_BY_JOBS, Attempt, Job, removal
from runner.open_host import APPLIANCE, DIRECT, HOST, INVENTORY, OpenHost, begin
from support.deployment import Machine, host_names, read_variables
from support.fixtures import alone, deployment, fakepypi, project, pytest_runtest_makereport
from support.rendering import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from fakepypi.client import FakePyPI
    from support.deployment import Appliance, Deployment

# All but the inventory and its one appliance, which are this scenario's own.
__all__ = ["deployment", "fakepypi", "news", "project", "pytest_runtest_makereport", "wanted"]

MODES = ("intercept", "proxy", "index")
_TIME_LIMIT = 60  # seconds; a client that needs more hangs


@dataclass(frozen=True)
class Login(Job):
    """A folder on a CI host, and login shells there that have no settings at all."""

    def attempt(self, command: str) -> Attempt:
        """Run a shell command in the folder, as a user who has just come in for the first time."""
        home = f"{self.folder}/home"
        clean = f"cd {self.folder} && {removal(*LEFT_BY_JOBS)} && mkdir home"
        shell = f"exec env -i HOME={home} LANG=C.UTF-8 timeout {_TIME_LIMIT} sh -lc"
        inside = f"cd {self.folder} && {command}"
        begin = time.monotonic()
        done = self.runner.box.run("sh -c %s", f"{clean} && {shell} {shlex.quote(inside)}")
        return Attempt(command, done.rc, done.stderr + done.stdout, time.monotonic() - begin)


@contextmanager
def login(host: Machine) -> Iterator[Login]:
    """Make a job's folder, and remove it at the end."""
    folder = f"/tmp/job-{uuid.uuid4().hex[:12]}"
    host.run(f"mkdir {folder}")
    try:
        yield Login(host, folder, ca=None)
    finally:
        host.run(removal(folder))


@dataclass(frozen=True)
class Play:
    """What a run of a playbook came to."""

    status: int
    output: str


def run_playbook(limit: str, *, playbook: str = "runners", **settings: Any) -> Play:
    """Run a playbook for some of the hosts, with other settings than before."""
    command = [sys.executable, "-m", "ansible", "playbook", "--inventory", str(INVENTORY)]
    command += ["--limit", limit, "--extra-vars", json.dumps(settings)]
    command.append(str(ROOT / f"playbooks/{playbook}.yml"))
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return Play(done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="session")
def inventory() -> Path:
    return INVENTORY


@pytest.fixture(scope="session")
def appliance(deployment: Deployment) -> Appliance:
    (only,) = deployment.appliances.values()
    alone(only.name)
    return only


@pytest.fixture(scope="session")
def hosts() -> Mapping[str, Machine]:
    """Return the CI hosts by mode."""
    variables = read_variables(INVENTORY)
    machines = {}
    for name in host_names("runners", INVENTORY):
        networks = variables[name]["containers_networks"]
        addresses = {network["name"]: network["address"] for network in networks}
        machines[name.removeprefix("runner-")] = Machine(name, addresses)
    assert tuple(machines) == MODES
    return machines


@pytest.fixture(scope="session")
def container_host() -> Machine:
    """Return the CI host whose jobs are containers."""
    (name,) = host_names("container_runners", INVENTORY)
    networks = read_variables(INVENTORY)[name]["containers_networks"]
    return Machine(name, {network["name"]: network["address"] for network in networks})


@pytest.fixture(scope="module", autouse=True)
def _well(appliance: Appliance) -> None:  # noqa: ARG001 # one process at a time
    """Begin each module with guards that remember no outage of the module before."""
    for name, variables in read_variables(INVENTORY).items():
        host = Machine(name, {})
        installed = "cellar_runner_address" in variables and (
            host.box.file("/usr/local/bin/cellar-runner").exists
        )
        if installed and not json.loads(host.run("cellar-runner status --json"))["routed"]:
            begin(host)


@pytest.fixture(scope="session")
def open_host(appliance: Appliance, fakepypi: FakePyPI) -> OpenHost:
    """Return the CI host with a way out of its own, whose DNS and public authorities know PyPI."""
    names = (appliance.names.index, appliance.names.files)
    addresses = {APPLIANCE: appliance.inside, DIRECT: appliance.fakepypi_address}
    found = OpenHost(Machine(HOST, {}), names[0], addresses)
    found.resolve(dict.fromkeys(names, appliance.fakepypi_address))
    found.trust(fakepypi.ca_pem)
    return found


@pytest.fixture
def job(hosts: Mapping[str, Machine]) -> Iterator[Callable[[str], Login]]:
    """Return what starts jobs in a mode."""
    with ExitStack() as stack:
        yield lambda mode: stack.enter_context(login(hosts[mode]))


def listing(host: Machine) -> dict[str, Any]:
    """Return all that is on a host, as tests/runner/listing.py has it."""
    code = "import json, listing; print(json.dumps(listing.listing()))"
    text = host.run(
        "env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/srv/tests/runner python3 -c %s", code
    )
    found: dict[str, Any] = json.loads(text)
    return found
