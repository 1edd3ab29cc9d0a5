"""Asking for the addresses of a host: DNS servers of the operator's, or the machine's own way."""

import ipaddress
import json
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future

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
    return [address for address in found if _is_global(address) and _has_route(address)]


def is_own(address: str) -> bool:
    """
    Tell whether an address is this machine's: what is sent to it does not leave the machine.

    The kernel is asked, by iproute2. That one can listen on an address would prove nothing: where
    net.ipv4.ip_nonlocal_bind is set, as beside keepalived, one can on any.

    Raises:
        ResolvingError: when the kernel cannot be asked.

    """
    parsed = ipaddress.ip_address(address)
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if parsed.is_loopback or parsed.is_unspecified:
        return True
    command = ["ip", "-json", "route", "get", str(parsed)]
    try:
        done = subprocess.run(  # noqa: S603 the address was parsed
            command, capture_output=True, text=True, timeout=_LIFETIME, check=False
        )
        # Without a route to it there is nothing but an error.
        return done.returncode == 0 and json.loads(done.stdout)[0].get("type") == "local"
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise ResolvingError(
            f"whether {address} is this appliance cannot be told: {error}",
            "install the package iproute2, which has ip",
        ) from error


def _by_dns(host: str, servers: Sequence[str], port: int) -> list[str]:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = list(servers)
    resolver.port = port
    end = time.monotonic() + _LIFETIME
    found: list[str] = []
    reason = ""
    for kind in ("A", "AAAA"):
        try:
            left = max(end - time.monotonic(), 0.001)
            answer = resolver.resolve(host, kind, search=False, lifetime=left)
            found += [record.address for record in answer]
        except dns.resolver.NoAnswer:
            continue
        except dns.resolver.NXDOMAIN:
            reason = "there is no such name"
        except dns.exception.Timeout:
            reason = reason or f"no answer within {_LIFETIME:.0f} seconds"
        except dns.exception.DNSException as error:
            reason = reason or " ".join(str(error).split()).rstrip(".")
    if not found and reason:
        raise ResolvingError(
            f"{host} cannot be resolved by {', '.join(servers)}: {reason}",
            "check that name, and cellar_dns_servers",
        )
    return found


def _by_the_machine(host: str) -> list[str]:
    # It takes no time-out: as many seconds as resolv.conf says, for each server there. A thread
    # that goes on waiting does not keep the process.
    answer: Future[list[str]] = Future()

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            answer.set_result(list(dict.fromkeys(str(found[4][0]) for found in answers)))
        except OSError as error:
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answer.result(_LIFETIME)
    except TimeoutError:
        reason = f"no answer within {_LIFETIME:.0f} seconds"
    except OSError as error:
        reason = str(error.strerror)
    raise ResolvingError(
        f"{host} cannot be resolved: {reason}",
        "check that name, and the DNS of the appliance, or set cellar_dns_servers",
    )


def _is_global(address: str) -> bool:
    # An address of one link only (fe80::) is none that nginx can be told.
    return not ipaddress.ip_address(address).is_link_local


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
