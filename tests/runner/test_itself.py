"""
A CI host that is an appliance too is one for its own jobs and their containers, and no other's.

Its way to PyPI is open, as that of any appliance; so what goes past its doors is counted.
"""

from __future__ import annotations

import json
import shlex
import time
from typing import TYPE_CHECKING

import pytest

from e2e.clients import User
from runner.containers import USERS, InContainer, as_user, build, job_folder, seen
from runner.open_host import address_of
from runner.test_jobs import UNTOLD
from runner.test_way_out_open import last_number, past_the_appliance, require_one_fetch
from support.deployment import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.clients import Wanted
    from fakepypi.client import FakePyPI
    from support.deployment import Appliance

HOST, ADDRESS = "runner-itself", "10.255.255.1"
PORTS = (443, 80, 3128)
_PAGE = """
import os, sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=10).status, os.environ["HTTPS_PROXY"])
"""


@pytest.fixture(scope="module")
def itself() -> Machine:
    return Machine(HOST, {"outside": address_of(HOST, "outside")})


@pytest.fixture
def folder(itself: Machine) -> Iterator[str]:
    with job_folder(itself) as path:
        yield path


def wait_until_routed(itself: Machine, *, routed: bool) -> None:
    """Wait for the guard, and no longer than it promises."""
    end = time.monotonic() + 10
    while json.loads(itself.run("cellar-runner status --json"))["routed"] is not routed:
        assert time.monotonic() < end, itself.run("cellar-runner status")
        time.sleep(0.3)


def test_a_host_with_podman_and_an_appliance_of_its_own_is_led_by_its_proxy_door(
    itself: Machine,
) -> None:
    found = json.loads(itself.run("cellar-runner status --json"))

    assert (found["routed"], found["mode"]) == (True, "proxy")


def test_doors_are_open_to_the_host_and_to_nobody_else(
    itself: Machine, appliance: Appliance
) -> None:
    listening = [line.split()[3] for line in itself.run("ss -Hltn").splitlines()]
    places = {place.rpartition(":")[0] for place in listening if int(place.split(":")[-1]) in PORTS}
    assert places == {"127.0.0.1", ADDRESS}
    for port in PORTS:
        connect = (
            f"import socket; socket.create_connection(({itself.addresses['outside']!r}, {port}), 3)"
        )
        done = appliance.box.run("python3 -c %s", connect)
        assert "Connection refused" in done.stderr, (port, done.stderr)


def test_a_shell_job_goes_through_the_host_itself(
    itself: Machine, appliance: Appliance, fakepypi: FakePyPI, news: Wanted
) -> None:
    before = last_number(fakepypi)
    page = f"https://{appliance.names.index}/simple/{news.project}/"

    job = f"python3 -c {shlex.quote(_PAGE)} {page}"
    shown = itself.run("env -i HOME=/root sh -lc %s", job)

    assert shown == f"200 http://{ADDRESS}:3128\n"
    assert past_the_appliance(fakepypi, since=before) == []


@pytest.mark.parametrize("starter", USERS)
@pytest.mark.parametrize("way", ["pip", "uv sync --frozen", "Poetry"])
def test_a_job_container_has_the_cache_of_its_host(
    itself: Machine,
    folder: str,
    appliance: Appliance,
    news: Wanted,
    fakepypi: FakePyPI,
    way: str,
    starter: str,
) -> None:
    before = last_number(fakepypi)
    user = User(UNTOLD[way], InContainer(itself, folder, ca=None, user=starter), appliance)
    user.start_project(news.project)

    for _ in range(2):
        installed = user.install_wanted(news)
        assert installed.versions == news.versions, str(installed)

    require_one_fetch(fakepypi, news, since=before)


def test_pip_in_an_image_build_has_the_cache_of_its_host(
    itself: Machine, folder: str, news: Wanted, fakepypi: FakePyPI
) -> None:
    before = last_number(fakepypi)
    install = f"/opt/pip/bin/pip install --quiet --target /site {news.project}"

    built = build(itself, "podman build --isolation chroot", folder, install)

    itself.run("sh -c %s", as_user("root", "podman rmi --force localhost/built || :"))
    assert built.status == 0, built.output
    assert past_the_appliance(fakepypi, since=before) == []


def test_jobs_go_on_without_the_appliance_on_their_host(itself: Machine) -> None:
    itself.run("systemctl stop nginx.service")
    try:
        wait_until_routed(itself, routed=False)
        assert "PROXY" not in seen(itself, "root", "env")
    finally:
        itself.run("systemctl start nginx.service")
    wait_until_routed(itself, routed=True)
    assert f"HTTPS_PROXY=http://{ADDRESS}:3128" in seen(itself, "root", "env")


def test_the_address_is_there_at_each_start_of_the_host(itself: Machine) -> None:
    unit = f"cellar-loopback@{ADDRESS}.service"
    assert itself.run(f"systemctl is-enabled {unit}") == "enabled\n"

    itself.run(f"systemctl stop {unit}")
    assert ADDRESS not in itself.run("ip address show dev lo")
    itself.run(f"systemctl start {unit}")

    assert ADDRESS in itself.run("ip address show dev lo")
