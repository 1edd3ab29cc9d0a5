"""An appliance in front of real index servers; molecule/indexes tells what they are."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2e.client_fixtures import client_job, runner_ca
from e2e.clients import WAYS, Attempt, Job, User
from indexes.servers import Servers
from support.deployment import Machine, host_names, read_variables
from support.fixtures import (
    alone,
    at,
    deployment,
    fakepypi,
    files,
    names,
    pages,
    pytest_runtest_makereport,
)
from support.rendering import ROOT

if TYPE_CHECKING:
    from fakepypi.client import FakePyPI
    from support.deployment import Appliance, Deployment

# All but the inventory and its one appliance, which are this scenario's own.
__all__ = [
    "at",
    "client_job",
    "deployment",
    "fakepypi",
    "files",
    "names",
    "pages",
    "pytest_runtest_makereport",
    "runner_ca",
]

INVENTORY = ROOT / "molecule/inventory/indexes.yml"

# The fixtures of these names say what is called with what.
NewName = Callable[[str], str]
Publish = Callable[..., None]
NewUser = Callable[[str], User]
Install = Callable[..., Attempt]


@pytest.fixture(scope="session")
def inventory() -> Path:
    return INVENTORY


@pytest.fixture(scope="session")
def appliance(deployment: Deployment) -> Appliance:
    (only,) = deployment.appliances.values()
    alone(only.name)
    return only


@pytest.fixture(scope="session")
def servers(fakepypi: FakePyPI) -> Servers:
    (name,) = host_names("index_servers", INVENTORY)
    variables = read_variables(INVENTORY)[name]
    (network,) = variables["containers_networks"]
    return Servers(
        Machine(name, {network["name"]: network["address"]}),
        network["address"],
        Path(variables["private_state"], "client.pem"),
        variables["private_user"],
        variables["private_password"],
        fakepypi,
    )


@pytest.fixture
def new_name() -> NewName:
    """Return a name that begins with the given words, and that nobody has heard of."""
    return lambda words: f"{words}-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def publish(servers: Servers, fakepypi: FakePyPI) -> Publish:
    """Publish a version of a project on PyPI or on another server, as the project's name says."""

    def publish(project: str, version: str, **options: Any) -> None:
        server = project.partition("-")[0]
        if server == "pypi":
            fakepypi.publish(project, version, **options)
        else:
            servers.publish(server, project, version, **options)

    return publish


@pytest.fixture
def new_user(appliance: Appliance, client_job: Job) -> NewUser:
    """Return a user whose client installs in a way, by the way's name."""
    return lambda way: User(WAYS[way], client_job, appliance)


@pytest.fixture
def install(new_user: NewUser) -> Install:
    """Have a new user install a project in a way; the requirement may be another text."""

    def install(way: str, project: str, requirement: str | None = None) -> Attempt:
        user = new_user(way)
        user.start_project(project)
        return user.install(requirement or project, project)

    return install
