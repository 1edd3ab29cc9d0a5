"""Real clients that are told nothing but the proxy, and the CA that they need to trust."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from e2e.clients import WAYS, User, new_job

if TYPE_CHECKING:
    from e2e.clients import Wanted
    from fakepypi.client import FakePyPI
    from support.deployment import Appliance

CLIENTS = [
    "pip",
    "pip, index line in the requirements",
    "pip, pylock.toml",
    "uv pip",
    "uv sync --locked",
    "Poetry",
    "PDM",
    "pipenv",
]


@pytest.mark.parametrize("way", CLIENTS)
def test_client_installs_by_the_proxy_variable_alone(
    appliance: Appliance, runner_ca: str, wanted: Wanted, fakepypi: FakePyPI, way: str
) -> None:
    """Its machine knows no name of PyPI's; the lock file stays as it was, and names PyPI."""
    proxy = f"http://{appliance.server_name}:3128"
    with new_job(appliance.runner, runner_ca, proxy) as job:
        user = User(WAYS[way], job, appliance)
        user.start_project(wanted.project)
        lock = WAYS[way].lock
        before = job.read(lock) if lock else ""
        installed = user.install_wanted(wanted)
        assert installed.versions == wanted.versions, str(installed)
        assert (job.read(lock) if lock else "") == before
    assert appliance.server_name not in before
    # Of files: what is neither page nor file passes through as it is asked.
    fetches = fakepypi.requests(host="files", path=wanted.paths)
    askers = {r.header("user-agent") for r in fetches}
    assert {asker.split("/")[0] for asker in askers if asker} == {"Cellar"}


def test_all_that_these_clients_asked_came_by_the_proxy(
    appliance: Appliance, runner_ca: str, news: Wanted
) -> None:
    proxy = f"http://{appliance.server_name}:3128"
    with new_job(appliance.runner, runner_ca, proxy) as job:
        for way in ("pip", "uv pip"):
            installed = User(WAYS[way], job, appliance).install_wanted(news)
            assert installed.versions == news.versions, str(installed)
    log = "/var/log/cellar/access.log"
    text = appliance.run("sh -c %s", f"sleep 1.5; grep -F -e {news.project} {log}")
    lines = [json.loads(line) for line in text.splitlines()]
    assert {line["client"] for line in lines} == {"127.0.0.2"}
    assert {line["door"] for line in lines} == {"intercept"}
    assert {line["user_agent"].split("/")[0] for line in lines} == {"pip", "uv"}
