"""Real clients install through every door that they can use, and no project changes for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from e2e.clients import WAYS, User

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.clients import Installed, Job, Wanted
    from fakepypi.client import FakePyPI
    from support.deployment import Appliance

LOCKED = [name for name, way in WAYS.items() if way.lock]


@pytest.mark.parametrize("way", WAYS)
def test_client_installs_a_project_with_its_dependency(
    first_install: Callable[[str], Installed], wanted: Wanted, way: str
) -> None:
    """The newest release, importable; at the intercept door without any index setting at all."""
    installed = first_install(way)
    assert installed.attempt.versions == wanted.versions, str(installed.attempt)


@pytest.mark.parametrize("way", LOCKED)
def test_lock_file_has_the_same_bytes_after_an_install(
    first_install: Callable[[str], Installed], way: str
) -> None:
    """A cache must not show in version control."""
    installed = first_install(way)
    assert installed.attempt.status == 0, str(installed.attempt)
    assert installed.lock_before, "there is something to compare"
    assert installed.lock_after == installed.lock_before


@pytest.mark.parametrize("way", LOCKED)
def test_lock_file_names_pypi_and_never_the_appliance(
    first_install: Callable[[str], Installed], wanted: Wanted, appliance: Appliance, way: str
) -> None:
    """It is the file that a machine without any appliance would have made: hashes, hosts, paths."""
    lock, lock_hosts = first_install(way).lock_before, WAYS[way].lock_hosts
    names = {"index": appliance.names.index, "files": appliance.names.files}
    hosts = set(re.findall(r"https?://([^/\"'\s]+)", lock))
    assert hosts == {names[host] for host in lock_hosts}, lock
    for wheel in wanted.newest:
        assert wheel.sha256 in lock, lock
        if "files" in lock_hosts:
            assert f"https://{names['files']}{wheel.path}" in lock, lock
    for address in (appliance.server_name, appliance.inside, appliance.outside):
        assert address not in lock, lock


def test_another_clients_install_costs_no_upstream_file_byte(
    appliance: Appliance, fakepypi: FakePyPI, client_job: Job, news: Wanted
) -> None:
    """
    All doors share one file cache: pip has it by the index door, the others by the intercept door.

    And no client has found a way around: only the appliance ever asked for these files.
    """
    first = User(WAYS["pip, index door"], client_job, appliance).install_wanted(news)
    assert first.versions == news.versions, str(first)
    paid = fakepypi.totals(host="files", path=news.paths)
    for wheel in news.newest:
        asked = fakepypi.totals(host="files", path=wheel.path, method="GET")
        assert (asked.requests, asked.bytes_sent) == (1, wheel.size), wheel.filename
    for way in ("uv sync --locked", "Poetry", "PDM"):
        user = User(WAYS[way], client_job, appliance)
        user.start_project(news.project)
        installed = user.install_wanted(news)
        assert installed.versions == news.versions, str(installed)
        assert fakepypi.totals(host="files", path=news.paths) == paid, str(installed)
    askers = {r.header("user-agent") for r in fakepypi.requests(host="files", path=news.paths)}
    assert {asker.split("/")[0] for asker in askers if asker} == {"Cellar"}
