"""An appliance in front of real index servers; molecule/indexes tells what they are."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.client_fixtures import client_job, runner_ca
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
    from collections.abc import Callable

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
def new_name() -> Callable[[str], str]:
    """Return a name that begins with the given words, and that nobody has heard of."""
    return lambda words: f"{words}-{uuid.uuid4().hex[:12]}"
