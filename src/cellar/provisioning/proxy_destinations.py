"""
Who may use the proxy door, and where it leads: which names, and which addresses not.

The door decides by all addresses of a name, and one that is closed closes the name. So exceptions
are taken out of what is closed, and never put before it: a name with one address that is allowed
and another that is not must not open the other.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TYPE_CHECKING, Any

from cellar.provisioning.shapes import is_network

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Network = IPv4Network | IPv6Network

_APPLIANCE = ("127.0.0.0/8", "::1/128")

# What is not the internet (IANA's registries of special-purpose addresses, RFC 6890): a job that
# may ask the proxy for it could reach what is open to the appliance alone.
_IPV4 = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",  # of providers (RFC 6598); a cloud's metadata too
    "127.0.0.0/8",
    "168.63.129.16/32",  # a cloud's own services, at an address that looks public
    "169.254.0.0/16",  # of one link; most clouds' metadata
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",  # multicast, and what is reserved
)
_IPV6 = (
    "::/96",  # unspecified, loopback, IPv4-compatible; IPv4-mapped counts as IPv4
    "::ffff:0:0:0/96",  # IPv4-translated
    "64:ff9b:1::/48",  # NAT64 of a network's own (RFC 8215)
    "100::/64",
    "2001::/32",  # Teredo
    "2002::/16",  # 6to4
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
)
# RFC 6052: an IPv4 address stands in the last 32 bits. With DNS64 the whole internet is there, so
# only what would be closed as IPv4 is.
_NAT64 = ip_network("64:ff9b::/96")
_MAPPED = ip_network("::ffff:0:0/96")


def proxy_destinations(
    others: str, allowed: Iterable[str], own_addresses: Iterable[str]
) -> dict[str, Any]:
    """
    Return what the proxy door's configuration is made of; the arguments are checked settings.

    `names` are those of `allowed`, without what another one of them covers; a leading dot stands
    for the name and all below it. `closed` are the networks in which no address of a destination
    may be, as far as nothing of `allowed` opens them. `leads_on` tells whether anything but
    `names` is tunnelled at all.
    """
    entries = list(allowed)
    opened = [ip_network(entry) for entry in entries if is_network(entry)]
    refuses = others == "refuse"
    closed = _everything() if refuses else _inside(own_addresses)
    for network in opened:
        closed = _without(closed, network)
    leads_on = bool(opened) or not refuses
    return {
        "names": _uncovered([entry for entry in entries if not is_network(entry)]),
        "closed": _written(closed) if leads_on else [],
        "leads_on": leads_on,
    }


def proxy_clients(networks: Iterable[str]) -> list[str]:
    """Return who may use the proxy door: the appliance itself, and networks (checked settings)."""
    return _written(ip_network(network) for network in (*_APPLIANCE, *networks))


def _inside(own_addresses: Iterable[str]) -> list[Network]:
    ipv4 = [IPv4Network(network) for network in _IPV4]
    behind_nat64 = [
        IPv6Network(
            (int(_NAT64.network_address) + int(network.network_address), 96 + network.prefixlen)
        )
        for network in ipv4
    ]
    own = [ip_network(address) for address in own_addresses]
    return [*ipv4, *(IPv6Network(network) for network in _IPV6), *behind_nat64, *own]


def _everything() -> list[Network]:
    return [IPv4Network("0.0.0.0/0"), IPv6Network("::/0")]


def _without(networks: Sequence[Network], hole: Network) -> list[Network]:
    left: list[Network] = []
    for network in networks:
        if network.version != hole.version or not network.overlaps(hole):
            left.append(network)
        elif network.prefixlen < hole.prefixlen:
            left += network.address_exclude(hole)  # type: ignore[arg-type] # of one version, as seen
    return left


def _written(networks: Iterable[Network]) -> list[str]:
    """
    Return networks as squid takes them for what they are, sorted, IPv4 first.

    Of two that overlap it would ignore one. It takes 0.0.0.0/0 for all addresses, and IPv4 for a
    part of IPv6.
    """
    found = list(networks)
    ipv4 = collapse_addresses(each for each in found if isinstance(each, IPv4Network))
    ipv6 = collapse_addresses(each for each in found if isinstance(each, IPv6Network))
    halves = [half for each in ipv4 for half in (each.subnets() if each.prefixlen == 0 else [each])]
    return [str(network) for network in (*halves, *sorted(_without(list(ipv6), _MAPPED)))]


def _uncovered(names: Sequence[str]) -> list[str]:
    domains = [name for name in names if name.startswith(".")]
    return [
        name
        for name in names
        if not any(f".{name.lstrip('.')}".endswith(domain) for domain in domains if domain != name)
    ]
