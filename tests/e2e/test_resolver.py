"""Nothing that DNS does takes PyPI away, or turns the appliance on itself."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Appliance, Names
    from support.door import OpenDoor

RESOLVE = "systemctl start cellar-resolver.service"


@contextmanager
def hosts(appliance: Appliance, names: Names, address: str | None) -> Iterator[None]:
    """Let the machine know the names by another address, or not at all, while this lasts."""
    appliance.run("cp /etc/hosts /tmp/hosts && cp /etc/resolv.conf /tmp/resolv.conf")
    # In place: in a container they are mounted, and cannot be replaced.
    appliance.run("echo nameserver 127.0.0.1 > /etc/resolv.conf")
    appliance.run(f"grep -v -e {names.index} -e {names.files} /tmp/hosts > /etc/hosts || true")
    if address is not None:
        appliance.run(f"echo {address} {names.index} {names.files} >> /etc/hosts")
    try:
        yield
    finally:
        appliance.run("cat /tmp/hosts > /etc/hosts && cat /tmp/resolv.conf > /etc/resolv.conf")
        appliance.run("rm /tmp/hosts /tmp/resolv.conf")
        appliance.run(RESOLVE)


def test_without_dns_nginx_starts_and_upstream_is_reached_as_before(
    appliance: Appliance,
    names: Names,
    fakepypi: FakePyPI,
    pages: OpenDoor,
    files: OpenDoor,
    published: PublishedFile,
) -> None:
    """nginx itself would not start: `host not found in upstream`."""
    with hosts(appliance, names, None):
        failed = appliance.box.run(RESOLVE)
        assert failed.rc != 0
        log = appliance.run("journalctl --unit cellar-resolver --lines 5 --output cat")
        assert f"{names.files} cannot be resolved" in log
        appliance.run("systemctl restart nginx.service cellar-rewriter.service")
        assert pages("index").page(published.project).status_code == 200
        assert files("index").ask(published.path).status_code == 200
    assert fakepypi.totals(path=published.path, method="GET").requests == 1


@pytest.mark.parametrize("own", ["127.0.0.1", None], ids=["loopback", "its address"])
def test_a_dns_that_leads_pypis_names_to_the_appliance_does_not_turn_it_on_itself(
    appliance: Appliance,
    names: Names,
    pages: OpenDoor,
    files: OpenDoor,
    published: PublishedFile,
    own: str | None,
) -> None:
    address = own or appliance.run("hostname --all-ip-addresses").split()[0]
    with hosts(appliance, names, address):
        assert appliance.box.run(RESOLVE).rc != 0
        log = appliance.run("journalctl --unit cellar-resolver --lines 5 --output cat")
        assert f"{names.files} resolves to {address}, which is this appliance" in log
        assert "cellar_dns_servers" in log
        assert pages("index").page(published.project).status_code == 200
        assert files("index").ask(published.path).status_code == 200
