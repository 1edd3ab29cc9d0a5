"""The appliances of the scenario `default` can be tested side by side: none disturbs another."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from typing import Any

import pytest

from support.deployment import INVENTORY, host_names, read_variables
from support.rendering import ROOT

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


# Prints for each test of the scenario its appliance and the groups that it is in.
_COLLECT = """\
import json, sys, pytest
class Plugin:
    def pytest_collection_finish(self, session):
        for item in session.items:
            appliance = getattr(item, "callspec", None) and item.callspec.params.get("appliance")
            groups = [mark.kwargs["name"] for mark in item.iter_markers("xdist_group")]
            print("test", json.dumps([item.nodeid, appliance, groups]))
command = ["--collect-only", "--quiet", "-p", "no:cacheprovider", "tests/e2e", "tests/contract"]
sys.exit(pytest.main(command, plugins=[Plugin()]))
"""


def test_all_tests_of_an_appliance_run_in_one_process() -> None:
    """Two of them at the same time would restart daemons under each other's feet."""
    done = subprocess.run(
        [sys.executable, "-c", _COLLECT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    tests = [json.loads(each) for each in re.findall("^test (.*)$", done.stdout, re.MULTILINE)]
    assert {appliance for _, appliance, _ in tests if appliance} == set(APPLIANCES)
    for name, appliance, groups in tests:
        assert groups == ([appliance] if appliance else []), name
