"""Fixtures of the tests of real clients."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

import pytest

from e2e.clients import (
    WAYS,
    Installed,
    Job,
    User,
    Wanted,
    install_first,
    new_job,
    publish_wanted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fakepypi.client import FakePyPI
    from support.deployment import Appliance

# What a conftest takes.
__all__ = ["client_job", "first_install", "news", "runner_ca", "wanted"]

_FETCH = """\
import sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=10) as answer, open(sys.argv[2], "wb") as file:
    file.write(answer.read())
"""


@pytest.fixture(scope="session")
def runner_ca(appliance: Appliance) -> Iterator[str]:
    """Return the path of the CA certificate, which the runner has fetched over plain HTTP."""
    path = f"/tmp/ca-{uuid.uuid4().hex[:12]}.pem"
    url = f"http://{appliance.server_name}/ca.pem"
    appliance.runner.run("/usr/bin/python3 -c %s %s %s", _FETCH, url, path)
    yield path
    appliance.runner.run(f"rm {path}")


@pytest.fixture
def client_job(appliance: Appliance, runner_ca: str) -> Iterator[Job]:
    """Start a job on the appliance's runner that trusts the appliance."""
    with new_job(appliance.runner, runner_ca) as made:
        yield made


@pytest.fixture(scope="session")
def wanted(appliance: Appliance, fakepypi: FakePyPI) -> Iterator[Wanted]:
    """Publish what all users of one appliance ask for."""
    name = f"{appliance.runner.name.replace('-', '')}x{uuid.uuid4().hex[:8]}"
    with publish_wanted(fakepypi, name) as made:
        yield made


@pytest.fixture
def news(fakepypi: FakePyPI, project: str) -> Iterator[Wanted]:
    """Publish what no appliance has seen yet."""
    with publish_wanted(fakepypi, project) as made:
        yield made


@pytest.fixture(scope="session")
def first_install(
    appliance: Appliance, runner_ca: str, wanted: Wanted
) -> Iterator[Callable[[str], Installed]]:
    """
    Return the first install of `wanted` in a way, by its name.

    There is one for each way, made when it is first asked for; several tests look at it, and the
    user goes on from there.
    """
    with ExitStack() as jobs:

        @cache
        def install(name: str) -> Installed:
            job = jobs.enter_context(new_job(appliance.runner, runner_ca))
            return install_first(User(WAYS[name], job, appliance), wanted)

        yield install
