"""
Jobs in clean login shells, without a setting of their own, have the cache and no change to pay.

What they install comes through the appliance, since there is no other way from where they are;
that it is the appliance which has asked PyPI is seen there.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest
import trustme

from e2e.clients import WAYS, User, Way
from runner.conftest import run_playbook
from support.fixtures import expectations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from e2e.clients import Wanted
    from fakepypi.client import FakePyPI
    from runner.conftest import Login
    from support.deployment import Appliance, Machine

BUNDLE = "/etc/cellar-runner/ca-bundle.pem"
OLD = {name: Way(name, **fields) for name, fields in expectations("old_client_ways").items()}
# A job that is told nothing; the ways by the index door are told an index.
UNTOLD = {name: way for name, way in WAYS.items() if way.door == "intercept"} | OLD

# What no other test tries by the proxy variables, and the clients that read them differently.
BY_PROXY = [
    "pip",
    "pip, pylock.toml",
    "uv run",
    "uv sync --frozen",
    "Poetry",
    "PDM, static URLs",
    "tox",
    "pip 22",
    "pip 23",
    "uv 0.4",
    "uv 0.8",
]
# What an index setting reaches, by the settings' own prose.
BY_INDEX = ["pip", "uv pip", "PDM", "pipenv", "tox", "pip 22"]
# What it must leave alone: a lock file would change, or the client knows no such setting.
NOT_BY_INDEX = ["uv sync --locked", "Poetry"]


@pytest.mark.parametrize(
    ("mode", "way"),
    [
        *(("intercept", way) for way in UNTOLD),
        *(("proxy", way) for way in BY_PROXY),
    ],
)
def test_a_job_without_settings_installs_and_its_lock_file_stays(
    job: Callable[[str], Login],
    appliance: Appliance,
    wanted: Wanted,
    fakepypi: FakePyPI,
    mode: str,
    way: str,
) -> None:
    user = User(UNTOLD[way], job(mode), appliance)
    user.start_project(wanted.project)
    lock = UNTOLD[way].lock
    before = user.job.read(lock) if lock else ""

    installed = user.install_wanted(wanted)

    assert installed.versions == wanted.versions, str(installed)
    assert (user.job.read(lock) if lock else "") == before
    assert "10.213.92" not in before
    assert appliance.server_name not in before
    assert askers(fakepypi, wanted) == {"Cellar"}


@pytest.mark.parametrize("way", BY_INDEX)
def test_a_job_installs_by_the_harmless_settings_alone(
    job: Callable[[str], Login],
    appliance: Appliance,
    wanted: Wanted,
    fakepypi: FakePyPI,
    way: str,
) -> None:
    user = User(UNTOLD[way], job("index"), appliance)
    user.start_project(wanted.project)

    installed = user.install_wanted(wanted)

    assert installed.versions == wanted.versions, str(installed)
    assert askers(fakepypi, wanted) == {"Cellar"}


@pytest.mark.parametrize("way", NOT_BY_INDEX)
def test_the_harmless_settings_never_lead_a_client_whose_lock_they_would_change(
    job: Callable[[str], Login], appliance: Appliance, wanted: Wanted, way: str
) -> None:
    """It asks PyPI as before, which is not there from here; the same lock is for everybody."""
    made = User(UNTOLD[way], job("intercept"), appliance)
    made.start_project(wanted.project)
    lock = made.job.read(UNTOLD[way].lock)
    user = User(UNTOLD[way], job("index"), appliance)
    user.write_files(wanted.project)
    user.job.write(UNTOLD[way].lock, lock)

    installed = user.install_wanted(wanted)

    assert installed.status != 0
    assert user.job.read(UNTOLD[way].lock) == lock


def test_many_jobs_cost_one_fetch(
    job: Callable[[str], Login], appliance: Appliance, news: Wanted, fakepypi: FakePyPI
) -> None:
    for mode, way in (("intercept", "pip"), ("proxy", "uv pip"), ("index", "pip")):
        installed = User(UNTOLD[way], job(mode), appliance).install_wanted(news)
        assert installed.versions == news.versions, str(installed)
    for wheel in news.newest:
        asked = fakepypi.totals(host="files", path=wheel.path, method="GET")
        assert (asked.requests, asked.bytes_sent) == (1, wheel.size), wheel.filename


def test_jobs_came_by_the_door_of_their_host(
    job: Callable[[str], Login], appliance: Appliance, news: Wanted
) -> None:
    doors = {}
    for mode in ("intercept", "proxy", "index"):
        User(UNTOLD["pip"], job(mode), appliance).install_wanted(news)
        log = "/var/log/cellar/access.log"
        text = appliance.run("sh -c %s", f"sleep 1.2; grep -F -e {news.project} {log}")
        lines = [json.loads(line) for line in text.splitlines()]
        doors[mode] = (lines[-1]["door"], lines[-1]["client"])

    assert doors == {
        "intercept": ("intercept", "10.213.92.3"),
        "proxy": ("intercept", "127.0.0.2"),  # where the proxy door comes from
        "index": ("index", "10.213.92.5"),
    }


def test_a_job_with_an_index_of_its_own_keeps_it(
    job: Callable[[str], Login], wanted: Wanted
) -> None:
    for mode in ("index", "intercept", "proxy"):
        attempt = job(mode).attempt(
            "PIP_INDEX_URL=https://private.example/simple/ "
            f"/opt/pip/bin/pip install --retries 0 --target site {wanted.project}"
        )
        assert attempt.status != 0
        assert "private.example" in attempt.output, mode


def test_a_second_run_of_the_playbook_changes_nothing() -> None:
    again = run_playbook("runners")

    assert again.status == 0, again.output
    assert set(re.findall(r"changed=([0-9]+)", again.output)) == {"0"}


def test_status_says_in_one_command_where_jobs_go(hosts: Mapping[str, Machine]) -> None:
    for mode, host in hosts.items():
        document = json.loads(host.run("cellar-runner status --json"))
        assert (document["routed"], document["mode"]) == (True, mode)
        assert document["certificate_days"] > 3000
        assert host.run("cellar-runner status").startswith("Jobs go through the appliance since ")


def test_units_are_up_and_none_has_failed(hosts: Mapping[str, Machine]) -> None:
    for host in hosts.values():
        units = ("guard.service", "refresh.path", "refresh.timer")
        for unit in units:
            assert host.run(f"systemctl is-active cellar-runner-{unit}") == "active\n"
            assert host.run(f"systemctl is-enabled cellar-runner-{unit}") == "enabled\n"
        assert host.run("systemctl list-units --failed --plain --no-legend 'cellar-*'") == ""


def test_the_bundle_follows_the_systems_certificates(hosts: Mapping[str, Machine]) -> None:
    """Jobs trust by the bundle alone: a CA of the house has to be in it too."""
    host = hosts["proxy"]
    anchor = "/usr/local/share/ca-certificates/of-the-house.crt"
    pem = trustme.CA().cert_pem.bytes().decode()
    try:
        host.run(f"mkdir -p $(dirname {anchor}) && printf %s %s > {anchor}", "%s", pem)
        host.run("update-ca-certificates")
        assert _comes_true(lambda: pem.splitlines()[5] in host.run(f"cat {BUNDLE}"))
    finally:
        host.run(f"rm -f {anchor} && update-ca-certificates --fresh")
    assert _comes_true(lambda: pem.splitlines()[5] not in host.run(f"cat {BUNDLE}"))


def _comes_true(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return False


def askers(fakepypi: FakePyPI, wanted: Wanted) -> set[str]:
    """Return who has fetched files; what is no page and no file passes through as it is asked."""
    asked = fakepypi.requests(host="files", path=wanted.paths)
    agents = {r.header("user-agent") for r in asked}
    return {agent.split("/")[0] for agent in agents if agent}
