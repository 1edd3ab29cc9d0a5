"""Where the proxy door leads: by address, for every way to write and to combine them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from cellar.provisioning.proxy_destinations import proxy_clients, proxy_destinations

# RFC 1918, 1122, 3927, 6598, 5735, 4193, 4291, 8215, 3056, 4380; what clouds tell their machines.
INSIDE = [
    "0.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.168.1.1",
    "198.19.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::c0a8:101",
    "64:ff9b:1::1",
    "2001:0:7f00:1::",
    "2002:7f00:1::",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
OUTSIDE = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "168.63.129.17",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "198.17.255.255",
    "223.255.255.255",
    "64:ff9b::101:101",
    "2001:4860:4860::8888",
    "2606:4700::1",
    "2a00::1",
]


def is_closed(found: dict[str, Any], address: str) -> bool:
    parsed = ip_address(address)
    return any(parsed in ip_network(network) for network in found["closed"])


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_the_internet_is_closed(address: str) -> None:
    assert is_closed(proxy_destinations("tunnel", [], []), address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_internet_is_open(address: str) -> None:
    assert not is_closed(proxy_destinations("tunnel", [], []), address)


def test_an_address_of_the_appliance_is_closed_although_it_is_public() -> None:
    found = proxy_destinations("tunnel", [], ["203.0.113.10", "2001:db8::10"])

    assert is_closed(found, "203.0.113.10")
    assert is_closed(found, "2001:db8::10")
    assert not is_closed(found, "203.0.113.11")


def test_what_is_allowed_is_opened_and_not_its_neighbour() -> None:
    found = proxy_destinations("tunnel", ["10.1.2.0/24", "192.168.7.7", "fd00:1::/64"], [])

    for address in ("10.1.2.0", "10.1.2.255", "192.168.7.7", "fd00:1::5"):
        assert not is_closed(found, address), address
    for address in ("10.1.1.255", "10.1.3.0", "192.168.7.6", "192.168.7.8", "fd00:1:0:1::5"):
        assert is_closed(found, address), address
    for address in ("127.0.0.1", "169.254.169.254", "::1"):
        assert is_closed(found, address), address


def test_a_whole_range_that_is_allowed_leaves_nothing_of_it_closed() -> None:
    found = proxy_destinations("tunnel", ["10.0.0.0/7"], [])

    assert not [network for network in found["closed"] if network.startswith(("10.", "11."))]


def test_an_address_allowed_as_ipv4_stays_closed_in_its_disguises() -> None:
    found = proxy_destinations("tunnel", ["10.0.0.5"], [])

    assert not is_closed(found, "10.0.0.5")
    assert is_closed(found, "64:ff9b::a00:5")
    assert is_closed(found, "2002:a00:5::1")


@pytest.mark.parametrize("allowed", [[], ["github.example", ".corp.example"]])
def test_where_the_rest_is_refused_nothing_is_led_to_by_address(allowed: list[str]) -> None:
    found = proxy_destinations("refuse", allowed, [])

    assert found == {"names": allowed, "closed": [], "leads_on": False}


def test_where_the_rest_is_refused_all_but_the_allowed_networks_is_closed() -> None:
    found = proxy_destinations("refuse", ["198.51.100.0/24", "2001:db8::/32"], [])

    assert found["leads_on"]
    for address in ("198.51.100.1", "2001:db8:ffff::1"):
        assert not is_closed(found, address), address
    for address in [*INSIDE, *OUTSIDE, "198.51.101.0", "2001:db9::1"]:
        assert is_closed(found, address), address


def test_no_closed_network_holds_all_of_ipv4_as_a_part_of_ipv6() -> None:
    """The door compares IPv4 addresses in their IPv4-mapped form."""
    mapped = ip_network("::ffff:0:0/96")
    for others in ("tunnel", "refuse"):
        found = proxy_destinations(others, ["198.51.100.1"], [])
        assert [n for n in found["closed"] if ":" in n and ip_network(n).overlaps(mapped)] == []


def test_networks_do_not_overlap_and_names_that_a_domain_covers_are_left_out() -> None:
    allowed = ["git.corp.example", ".corp.example", "corp.example", ".ci.corp.example", "example"]
    found = proxy_destinations("tunnel", [*allowed, "notcorp.example", "10.0.0.1"], ["10.0.0.9"])

    assert found["names"] == [".corp.example", "example", "notcorp.example"]
    networks = [ip_network(network) for network in found["closed"]]
    for number, network in enumerate(networks):
        assert not any(network.overlaps(other) for other in networks[number + 1 :]), network


def _is_client(networks: list[str], address: str) -> bool:
    return any(ip_address(address) in ip_network(network) for network in proxy_clients(networks))


def test_a_network_inside_another_one_hides_neither() -> None:
    """Of two that overlap squid ignores one, and the wider one at that."""
    written = proxy_clients(["10.1.0.0/16", "10.0.0.0/8", "127.0.0.1", "2001:db8::/32", "2000::/3"])

    assert written == ["10.0.0.0/8", "127.0.0.0/8", "::1/128", "2000::/3"]


def test_all_of_one_family_is_nothing_of_the_other() -> None:
    """Squid takes 0.0.0.0/0 for everything, and compares IPv4 as a part of IPv6."""
    all_ipv4, all_ipv6 = ["0.0.0.0/0"], ["::/0"]
    assert _is_client(all_ipv4, "192.0.2.1")
    assert not _is_client(all_ipv4, "2001:db8::1")
    assert _is_client(all_ipv6, "2001:db8::1")
    assert not _is_client(all_ipv6, "192.0.2.1")
    for networks in (all_ipv4, all_ipv6, all_ipv4 + all_ipv6):
        written = proxy_clients(networks)
        assert not {"0.0.0.0/0", "::/0"} & set(written)
        assert not _is_client(networks, "::ffff:192.0.2.1")


def test_one_family_may_be_closed_whole_where_the_other_has_an_exception() -> None:
    found = proxy_destinations("refuse", ["2001:db8::/32"], [])

    assert found["closed"][:2] == ["0.0.0.0/1", "128.0.0.0/1"]
    assert is_closed(found, "192.0.2.1")
    assert not is_closed(found, "2001:db8::1")


def test_the_appliance_itself_may_use_its_proxy_door() -> None:
    for address in ("127.0.0.1", "::1"):
        assert _is_client(["192.0.2.0/24"], address)
    assert not _is_client(["192.0.2.0/24"], "192.0.3.1")
