"""
A host becomes what it was, byte for byte; and one that cannot be what it is to be is refused.

The name of this file lets it run after the jobs: from here on the hosts are bare.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from runner.conftest import MODES, listing, run_playbook

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.conftest import Play
    from support.deployment import Machine

# What a run with SIGKILL at its end may be in the middle of, in seconds.
MOMENTS = (0.1, 0.2, 0.3, 0.4, 0.5)


@pytest.fixture(scope="module")
def removal(hosts: Mapping[str, Machine]) -> Play:
    """Remove all, from one host after runs of both kinds that were killed."""
    for moment in MOMENTS:
        for command in ("remove", "apply"):
            kill = f"timeout -s KILL {moment} cellar-runner {command}"
            hosts["proxy"].run(
                "sh -c %s", f"cp -n /var/lib/cellar-runner/settings.json /srv; {kill}; :"
            )
            keep = "mkdir -p /var/lib/cellar-runner && cp /srv/settings.json /var/lib/cellar-runner"
            hosts["proxy"].run("sh -c %s", keep)
    hosts["proxy"].run("rm /srv/settings.json")
    return run_playbook(
        ",".join(host.name for host in hosts.values()), cellar_runner_state="absent"
    )


@pytest.mark.parametrize("mode", MODES)
def test_absent_leaves_the_host_as_it_was(
    hosts: Mapping[str, Machine], removal: Play, mode: str
) -> None:
    """Every file with its mode, owner and content, every folder and link, and no more of them."""
    assert removal.status == 0, removal.output
    before = json.loads(hosts[mode].run("cat /srv/before.json"))

    after = listing(hosts[mode])

    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert {path: (before.get(path), after.get(path)) for path in changed} == {}
    assert hosts[mode].run("systemctl list-units --all --plain --no-legend 'cellar-*'") == ""


def test_a_second_removal_changes_nothing(removal: Play) -> None:
    assert removal.status == 0
    again = run_playbook("runner-index", cellar_runner_state="absent")

    assert again.status == 0, again.output
    assert "changed=0" in again.output


def refused(host: Machine, sentence: str, **settings: Any) -> None:
    """Require that a run is refused by a sentence, and that nothing is another than before."""
    before = listing(host)
    play = run_playbook(host.name, **settings)
    assert play.status != 0, play.output
    assert sentence in " ".join(play.output.split()), play.output
    assert "changed=0" in play.output
    assert listing(host) == before


@pytest.mark.usefixtures("removal")
def test_an_appliance_that_cannot_be_reached_is_refused(hosts: Mapping[str, Machine]) -> None:
    refused(
        hosts["proxy"],
        "the appliance (10.213.92.99, port 3128) does not answer for",
        cellar_runner_address="10.213.92.99",
    )


@pytest.mark.usefixtures("removal")
def test_a_foreign_certificate_is_refused(hosts: Mapping[str, Machine], tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.pem"
    trustme.CA().cert_pem.write_to_path(foreign)
    refused(
        hosts["intercept"],
        "with a certificate that does not fit to cellar_runner_ca_files",
        cellar_runner_appliance="",
        cellar_runner_server_name="appliance-runner.example",
        cellar_runner_ca_files=[str(foreign)],
    )


@pytest.mark.usefixtures("removal")
def test_a_pip_conf_that_cannot_be_read_is_refused(hosts: Mapping[str, Machine]) -> None:
    host = hosts["index"]
    host.run("mkdir -p /etc/xdg/pip && echo 'index-url = x' > /etc/xdg/pip/pip.conf")
    try:
        refused(host, "/etc/xdg/pip/pip.conf cannot be read as settings: File contains no section")
    finally:
        host.run("rm -r /etc/xdg/pip")


@pytest.mark.usefixtures("removal")
def test_a_host_without_systemd_is_refused(hosts: Mapping[str, Machine]) -> None:
    host = hosts["index"]
    host.run("mv /run/systemd/system /run/systemd/away")
    try:
        refused(host, "this host was not started by systemd")
    finally:
        host.run("mv /run/systemd/away /run/systemd/system")


@pytest.mark.usefixtures("removal")
def test_a_host_that_was_removed_can_come_back(hosts: Mapping[str, Machine]) -> None:
    host = hosts["index"]
    back = run_playbook(host.name)

    assert back.status == 0, back.output
    state = json.loads(host.run("cellar-runner status --json"))
    assert (state["routed"], state["mode"]) == (True, "index")
