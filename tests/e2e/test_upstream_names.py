"""Names of upstream: changes are followed, a DNS that is gone is survived, a loop is named."""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING

import pytest

from support import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Appliance
    from support.door import OpenDoor

UPSTREAMS = "/var/lib/cellar/upstreams"
# The timer's period and its jitter, the look-ups, and the reload.
PERIOD = 60 + 5 + 5 + 5


@pytest.fixture
def dns(appliance: Appliance) -> Iterator[names.Dns]:
    """Return the appliance's DNS, which knows where upstream is."""
    with names.running(appliance, everything_at(appliance, appliance.fakepypi_address)) as dns:
        assert names.resolve(appliance)
        yield dns


def everything_at(appliance: Appliance, address: str) -> dict[str, list[str]]:
    return {appliance.names.index: [address], appliance.names.files: [address]}


def listed(appliance: Appliance) -> str:
    return appliance.run(f"cat {UPSTREAMS}/*.servers")


def reloads(appliance: Appliance) -> int:
    """Return how often nginx was told of other addresses since the appliance booted."""
    journal = appliance.run("journalctl --boot --quiet --unit=cellar-upstreams.service")
    return journal.count("Finished ")


def wait_until(true: Callable[[], bool], seconds: float, complaint: str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.5)


def accepting(appliance: Appliance) -> set[str]:
    """Return the workers of nginx that take new connections; old ones end them after a reload."""
    pid = appliance.run("systemctl show --value --property=MainPID nginx.service").strip()
    found = appliance.run(f"pgrep --list-full --parent {pid} --full 'worker process'").splitlines()
    return {line.split()[0] for line in found if "shutting down" not in line}


def serves_what_is_not_cached(files: OpenDoor, pages: OpenDoor, published: PublishedFile) -> None:
    """Expect a page, which the rewriter asks upstream for, and a file, which the engine does."""
    page = pages("index").page(published.project)
    assert (page.status_code, page.headers["X-Cache"]) == (200, "MISS")
    file = files("index").ask(published.path)
    assert (file.status_code, len(file.content)) == (200, published.size)
    assert file.headers["X-Cache"] == "MISS"


@pytest.fixture
def second_address(appliance: Appliance) -> Iterator[str]:
    """Return another address of upstream, in the same network."""
    second = str(ipaddress.ip_address(appliance.fakepypi_address) + 20)
    appliance.upstream.run(f"ip address add {second}/24 dev eth0")
    yield second
    appliance.upstream.run(f"ip address del {second}/24 dev eth0")


def test_a_changed_address_is_followed_within_a_minute_and_without_a_restart(
    appliance: Appliance,
    dns: names.Dns,
    second_address: str,
    files: OpenDoor,
    pages: OpenDoor,
    published: PublishedFile,
) -> None:
    pid = appliance.run("systemctl show --value --property=MainPID nginx.service")
    before = reloads(appliance)
    old = accepting(appliance)

    dns.say(everything_at(appliance, second_address))
    wait_until(
        lambda: listed(appliance).count(second_address) == 2 and reloads(appliance) > before,
        PERIOD,
        "the address was not followed",
    )
    wait_until(lambda: not old & accepting(appliance), 20, "old workers go on")

    # The address of before counts for ten minutes more; it is dead now.
    appliance.run(f"ip route add unreachable {appliance.fakepypi_address}")
    try:
        serves_what_is_not_cached(files, pages, published)
    finally:
        appliance.run(f"ip route del unreachable {appliance.fakepypi_address}")
    assert appliance.run("systemctl show --value --property=MainPID nginx.service") == pid
    assert reloads(appliance) == before + 1, "once, though two hosts changed"
    assert appliance.run("systemctl is-active cellar-upstreams.path").strip() == "active"


@pytest.mark.usefixtures("dns")
def test_an_address_that_did_not_change_reloads_nothing(appliance: Appliance) -> None:
    assert names.resolve(appliance)
    before = reloads(appliance)
    for _ in range(3):
        assert names.resolve(appliance)
    time.sleep(2)
    assert reloads(appliance) == before


def test_without_dns_nginx_starts_and_serves_what_was_never_asked_for(
    appliance: Appliance,
    dns: names.Dns,
    files: OpenDoor,
    pages: OpenDoor,
    published: PublishedFile,
) -> None:
    before = listed(appliance)
    dns.stop()

    assert not names.resolve(appliance)
    assert listed(appliance) == before
    said = appliance.run(
        "journalctl --quiet --lines=20 --output=cat --unit=cellar-resolver.service"
    )
    for name in vars(appliance.names).values():
        assert f"{name} cannot be resolved by {names.ADDRESS}: " in said
    assert "What was known of it stays." in said

    # As after a boot: both start anew.
    appliance.run("systemctl restart nginx.service cellar-rewriter.service")
    serves_what_is_not_cached(files, pages, published)


def test_a_dns_that_leads_upstreams_names_to_the_appliance_is_named_and_not_followed(
    appliance: Appliance,
    dns: names.Dns,
    fakepypi: FakePyPI,
    files: OpenDoor,
    pages: OpenDoor,
    published: PublishedFile,
) -> None:
    before = listed(appliance)
    dns.say(everything_at(appliance, appliance.inside))

    resolved = appliance.box.run("runuser --user www-data -- cellar resolve")
    assert resolved.rc == 1
    assert resolved.stderr.splitlines() == [
        f"{name} resolves to {appliance.inside}, which is this appliance; set cellar_dns_servers "
        "to servers that know the real addresses. What was known of it stays."
        for name in vars(appliance.names).values()
    ]
    assert listed(appliance) == before
    tested = appliance.box.run("cellar selftest")
    (line,) = (line for line in tested.stdout.splitlines() if line.startswith("FAIL"))
    assert line.startswith("FAIL  upstream names: ")
    assert f"resolves to {appliance.inside}, which is this appliance" in line
    assert "set cellar_dns_servers" in line
    serves_what_is_not_cached(files, pages, published)
    assert fakepypi.totals(path=published.path).requests > 0


@pytest.mark.usefixtures("dns")
def test_where_one_may_listen_on_any_address_upstream_is_no_part_of_the_appliance(
    appliance: Appliance,
) -> None:
    """Hosts with keepalived have this setting; it says nothing about whose an address is."""
    appliance.run("sysctl --write net.ipv4.ip_nonlocal_bind=1")
    try:
        assert names.resolve(appliance)
    finally:
        appliance.run("sysctl --write net.ipv4.ip_nonlocal_bind=0")
