"""Asking for the addresses of a host: DNS servers of the operator's, or the machine's own way."""

import ipaddress
import socket
from collections.abc import Sequence

import dns.exception
import dns.resolver

from cellar.resolving.addresses import ResolvingError

# Seconds for one host.
_LIFETIME = 5.0


def lookup(host: str, servers: Sequence[str], port: int = 53) -> list[str]:
    """
    Return the addresses of a host that this machine has a route to.

    `servers` are the addresses of DNS servers, which listen on `port`. Without any, the machine's
    own resolver is asked, so that its hosts file counts as well. An address is its own answer.

    Raises:
        ResolvingError: when there is no answer.

    """
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        found = _by_dns(host, servers, port) if servers else _by_the_machine(host)
    return [address for address in found if _has_route(address)]


def is_own(address: str) -> bool:
    """Tell whether an address is this machine's: one can listen on it."""
    parsed = ipaddress.ip_address(address)
    if parsed.is_loopback or parsed.is_unspecified:
        return True
    with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _by_dns(host: str, servers: Sequence[str], port: int) -> list[str]:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = list(servers)
    resolver.port = port
    resolver.lifetime = _LIFETIME
    found: list[str] = []
    failure: dns.exception.DNSException | None = None
    for kind in ("A", "AAAA"):
        try:
            found += [record.address for record in resolver.resolve(host, kind, search=False)]
        except dns.resolver.NoAnswer:
            continue
        except dns.exception.DNSException as error:
            failure = error
    if not found and failure is not None:
        asked = ", ".join(servers)
        reason = " ".join(str(failure).split())
        raise ResolvingError(f"{host} cannot be resolved by {asked}: {reason}") from failure
    return found


def _by_the_machine(host: str) -> list[str]:
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ResolvingError(f"{host} cannot be resolved: {error.strerror}.") from error
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def _has_route(address: str) -> bool:
    # Nothing is sent: to connect a datagram socket is to look into the routing table.
    with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 443))
        except OSError:
            return False
    return True


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
