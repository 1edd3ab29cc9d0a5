"""The appliances of the scenario `default` can be tested side by side: none disturbs another."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from support.deployment import INVENTORY, host_names, read_variables
from support.rendering import ROOT

if TYPE_CHECKING:
    from pathlib import Path

APPLIANCES = host_names("appliances")


def addresses(variables: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["address"] for each in variables["containers_networks"]}


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(APPLIANCES, 2)))
def test_two_appliances_share_no_upstream_and_no_network_but_the_outside(
    one: str, other: str
) -> None:
    """Tests count the requests at an upstream, make it misbehave, and take it away."""
    hosts = read_variables(INVENTORY)
    for shared in ("fakepypi_address", "fakepypi_state"):
        assert hosts[one][shared] != hosts[other][shared]
    outside = hosts[one]["outside"]["name"]
    assert addresses(hosts[one]).keys() & addresses(hosts[other]).keys() == {outside}


def test_each_appliance_has_the_upstream_and_the_runner_that_are_meant_for_it() -> None:
    hosts = read_variables(INVENTORY)
    upstreams = {
        addresses(hosts[name])[hosts[name]["outside"]["name"]]: hosts[name]["fakepypi_state"]
        for name in host_names("upstreams")
    }
    assert upstreams == {
        hosts[name]["fakepypi_address"]: hosts[name]["fakepypi_state"] for name in APPLIANCES
    }
    behind = {hosts[name]["appliance"]: addresses(hosts[name]) for name in host_names("runners")}
    assert sorted(behind) == sorted(APPLIANCES)
    for name, inside in behind.items():
        assert inside.keys() == addresses(hosts[name]).keys() - {hosts[name]["outside"]["name"]}


# Runs no test, and prints for each the process that was to run it and its appliance.
_SHARE_OUT = """\
import json, pytest
from _pytest.reports import TestReport

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    process = item.config.workerinput["workerid"]
    appliance = getattr(item, "callspec", None) and item.callspec.params.get("appliance")
    with open(f"{process}.shared", "a") as shared:
        print(json.dumps([process, appliance, item.nodeid]), file=shared)
    for when in ("setup", "call", "teardown"):
        report = TestReport(item.nodeid, item.location, {}, "passed", None, when)
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""


def test_all_tests_of_an_appliance_run_in_one_process_and_those_of_others_beside(
    tmp_path: Path,
) -> None:
    """Two of them at the same time would restart daemons under each other's feet."""
    (tmp_path / "sharing_out.py").write_text(_SHARE_OUT)
    command = [
        "pytest",
        "--quiet",
        "--numprocesses=2",
        "-p",
        "sharing_out",
        "-p",
        "no:cacheprovider",
    ]
    tests = [str(ROOT / "tests/e2e"), str(ROOT / "tests/contract")]
    done = subprocess.run(
        [sys.executable, "-m", *command, "-c", ROOT / "pyproject.toml", *tests],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    lines = "".join(file.read_text() for file in tmp_path.glob("*.shared")).splitlines()
    ran = [json.loads(line) for line in lines]
    shares = {(appliance, process) for process, appliance, _ in ran if appliance}
    assert sorted(appliance for appliance, _ in shares) == sorted(APPLIANCES)
    assert len({process for _, process in shares}) == len(APPLIANCES)
