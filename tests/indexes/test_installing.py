"""Real clients install from each kind of index server, and the server pays for it once."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pytest

from e2e.clients import WAYS, Attempt, User, new_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.clients import Job
    from indexes.publishing import Published
    from indexes.servers import Servers
    from support.deployment import Appliance

INDEXES = ["devpi", "pypiserver", "mirror", "listing", "torch", "torch-itself"]
# Each has a `+` in its URLs somewhere, where its server writes it in its own way.
VERSION = "2.1+cu128"


@dataclass(frozen=True)
class First:
    """A project with a dependency on one server, and what pip's first install came to."""

    project: str
    dependency: str
    wheels: tuple[Published, Published]
    attempt: Attempt

    @property
    def versions(self) -> dict[str, str]:
        return {self.project: VERSION, self.dependency: VERSION}


@pytest.fixture(scope="module")
def first_from(appliance: Appliance, servers: Servers, runner_ca: str) -> Callable[[str], First]:
    """Return the first install from a server, through the index door; made when asked for."""

    @cache
    def install(server: str) -> First:
        project = f"{server}-{uuid.uuid4().hex[:12]}"
        dependency = f"{project}-dependency"
        wheels = (
            servers.publish(server, dependency, VERSION),
            servers.publish(server, project, VERSION, requires=[dependency], padding=300_000),
        )
        with new_job(appliance.runner, runner_ca) as job:
            user = User(WAYS["pip, index door"], job, appliance)
            attempt = user.install(project, project, dependency)
        return First(project, dependency, wheels, attempt)

    return install


@pytest.mark.parametrize("server", INDEXES)
def test_pip_installs_a_project_with_its_dependency(
    first_from: Callable[[str], First], server: str
) -> None:
    first = first_from(server)
    assert first.attempt.versions == first.versions, str(first.attempt)


@pytest.mark.parametrize("server", INDEXES)
def test_every_wheel_was_fetched_once_and_whole(
    first_from: Callable[[str], First], servers: Servers, server: str
) -> None:
    """By the appliance, for the whole of it and nothing else."""
    first = first_from(server)
    for wheel in first.wheels:
        asked_for = [r for r in servers.requests() if r.filename == wheel.filename]
        (asked,) = (r for r in asked_for if r.method == "GET")
        assert (asked.bytes, asked.user_agent.split("/")[0]) == (wheel.size, "Cellar")


@pytest.mark.parametrize("way", ["pip", "uv pip, index door", "uv pip"])
@pytest.mark.parametrize("server", INDEXES)
def test_another_install_costs_no_byte_of_a_file(
    first_from: Callable[[str], First],
    appliance: Appliance,
    servers: Servers,
    client_job: Job,
    server: str,
    way: str,
) -> None:
    """By another client, and at the intercept door, where no client was told of any index."""
    first = first_from(server)
    module = first.project.replace("-", "_")
    before = servers.requests(module)
    user = User(WAYS[way], client_job, appliance)
    user.start_project(first.project)
    attempt = user.install(first.project, first.project, first.dependency)
    assert attempt.versions == first.versions, str(attempt)
    assert servers.requests(module) == before, "no file was asked for again"
