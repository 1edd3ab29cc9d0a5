"""The appliance of this scenario, whose settings are in molecule/alternative/vars/settings.yml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fakepypi.client import FakePyPI
from support.deployment import FAKEPYPI_CONTROL_PORT, Machine
from support.door import Door
from support.fixtures import project, pytest_runtest_makereport
from support.rendering import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["project", "pytest_runtest_makereport"]


@pytest.fixture(scope="session")
def appliance() -> Machine:
    return Machine("appliance-debian13", {"cellar-outside": "10.213.71.13"})


@pytest.fixture(scope="session")
def authority(appliance: Machine) -> Path:
    """Return the directory on the controller that has the CA."""
    return Path(ROOT, ".cellar/alternative-ca", appliance.name)


@pytest.fixture(scope="session")
def door(appliance: Machine, authority: Path) -> Door:
    """Return the index door, the only one there is."""
    address = f"{appliance.addresses['cellar-outside']}:8443"
    return Door(address, "appliance-debian13.example", authority / "ca.pem")


@pytest.fixture(scope="session")
def fakepypi() -> Iterator[FakePyPI]:
    client = FakePyPI(f"http://10.213.71.23:{FAKEPYPI_CONTROL_PORT}")
    yield client
    client.close()
