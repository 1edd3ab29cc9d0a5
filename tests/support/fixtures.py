"""Fixtures of the tests that run against the deployment, and what a failed one prints."""

from __future__ import annotations

import contextlib
import fcntl
import time
import uuid
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

import pytest
import yaml

from fakepypi.client import FakePyPI, FakePyPIError
from support.deployment import (
    FAKEPYPI_CONTROL_PORT,
    INVENTORY,
    Appliance,
    Deployment,
    Names,
    host_names,
    read_deployment,
)
from support.door import Door
from support.evidence import appliance_logs, upstream_log
from support.rendering import ROOT
from support.side_by_side import pytest_xdist_make_scheduler

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from fakepypi.publication import PublishedFile
    from support.door import OpenDoor

# What a conftest takes.
__all__ = [
    "appliance",
    "at",
    "deployment",
    "fakepypi",
    "files",
    "inventory",
    "names",
    "pages",
    "project",
    "published",
    "pytest_runtest_makereport",
    "pytest_xdist_make_scheduler",
    "upstream",
]

DOORS = ("index", "intercept")


@cache
def expectations(name: str) -> Any:
    """Return tests/vars/<name>.yml: what is expected, written independently of the product."""
    return yaml.safe_load((ROOT / f"tests/vars/{name}.yml").read_text())


@cache
def alone(appliance: str) -> TextIO:
    """Wait until no other process tests this appliance: both would count the same requests."""
    lock = (ROOT / f".cellar/tests-{appliance}.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock  # held for as long as this process lives


@pytest.fixture(scope="session")
def inventory() -> Path:
    return INVENTORY


@pytest.fixture(scope="session")
def deployment(inventory: Path, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    try:
        return read_deployment(inventory, tmp_path_factory.mktemp("deployment"))
    except AssertionError as error:
        pytest.exit(f"There is no deployment to test; run `molecule converge`. {error}", 1)


@pytest.fixture(scope="session")
def names(deployment: Deployment) -> Names:
    return deployment.names


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(name, id=name.removeprefix("appliance-")) for name in host_names("appliances")
    ],
)
def appliance(deployment: Deployment, request: pytest.FixtureRequest) -> Appliance:
    alone(request.param)
    return deployment.appliances[request.param]


@pytest.fixture(scope="session")
def fakepypi(appliance: Appliance) -> Iterator[FakePyPI]:
    client = FakePyPI(f"http://{appliance.fakepypi_address}:{FAKEPYPI_CONTROL_PORT}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def upstream(
    appliance: Appliance, fakepypi: FakePyPI, tmp_path_factory: pytest.TempPathFactory
) -> OpenDoor:
    """Open a door of fakepypi itself, by host name: what PyPI would answer."""
    ca = tmp_path_factory.mktemp("upstream") / "ca.pem"
    ca.write_text(fakepypi.ca_pem)
    return cache(lambda name: Door(appliance.fakepypi_address, name, ca))


@pytest.fixture(scope="session")
def at(appliance: Appliance) -> OpenDoor:
    """Open a door of the appliance, by host name."""
    return cache(lambda name: Door(appliance.outside, name, appliance.ca))


@pytest.fixture(scope="session")
def pages(appliance: Appliance, at: OpenDoor) -> OpenDoor:
    """Open what serves pages at a door ("index", "intercept") of the appliance."""
    return lambda door: at(appliance.index_name(door))


@pytest.fixture(scope="session")
def files(appliance: Appliance, at: OpenDoor) -> OpenDoor:
    """Open what serves files at a door ("index", "intercept") of the appliance."""
    return lambda door: at(appliance.files_name(door))


@pytest.fixture
def project(fakepypi: FakePyPI) -> Iterator[str]:
    """Return the name of a project that no appliance has heard of; nothing is published yet."""
    name = f"t{uuid.uuid4().hex[:12]}"
    yield name
    with contextlib.suppress(FakePyPIError):  # a test may have published nothing
        fakepypi.withdraw(name)


@pytest.fixture
def published(fakepypi: FakePyPI, project: str) -> PublishedFile:
    """Publish a wheel of the project, with `.metadata`."""
    return fakepypi.publish(project, "1.0", padding=5000)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Print with a failure what explains it."""
    report = yield
    arguments = getattr(item, "funcargs", {})
    if report.failed and call.when in ("setup", "call"):
        logs: dict[str, str] = {}
        about = arguments.get("project", "")
        since = min(call.start, time.time() - 5)
        if "appliance" in arguments:
            logs |= appliance_logs(arguments["appliance"], since, about)
        elif "deployment" in arguments:
            for each in arguments["deployment"].appliances.values():
                logs |= appliance_logs(each, since, about)
        if "evidence" in arguments:
            logs |= arguments["evidence"]()
        if "fakepypi" in arguments:
            logs |= upstream_log(arguments["fakepypi"], about)
        report.sections += list(logs.items())
    return report
