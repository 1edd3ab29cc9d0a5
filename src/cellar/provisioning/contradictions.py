"""Settings that are sound one by one and cannot be true together."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from cellar.provisioning import file_rule_contradictions, index_contradictions
from cellar.provisioning.problem import Problem, show
from cellar.provisioning.shapes import HTTPS_PORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_PREFIX = "cellar_"


def contradictions(values: Mapping[str, Any]) -> Iterator[Problem]:
    """
    Yield the contradictions between `values`, which holds only settings that are sound.

    A rule's parameters are the settings it needs, without their prefix. A rule whose settings are
    not all there is left out: the missing ones have a problem of their own already.
    """
    for rule in _RULES:
        needs = inspect.signature(rule).parameters
        if all(_PREFIX + name in values for name in needs):
            yield from rule(**{name: values[_PREFIX + name] for name in needs})


def _names(
    *, server_names: list[str], pypi_index_host: str, pypi_files_host: str
) -> Iterator[Problem]:
    for name in dict.fromkeys(server_names):
        if name in (pypi_index_host, pypi_files_host):
            yield Problem(
                "cellar_server_names",
                f"is a host name of PyPI, so the appliance would ask itself ({show(name)})",
                "remove it; cellar_intercept answers for PyPI's names",
            )


def _no_name(*, server_names: list[str]) -> Iterator[Problem]:
    if not server_names:
        yield Problem(
            "cellar_server_names",
            "is an empty list",
            "name the index door, such as cellar.example.org",
        )


def _names_twice(*, server_names: list[str]) -> Iterator[Problem]:
    yield from _twice("cellar_server_names", server_names)


def _addresses_twice(*, server_addresses: list[str]) -> Iterator[Problem]:
    yield from _twice("cellar_server_addresses", server_addresses)


def _listen_addresses_twice(*, listen_addresses: list[str]) -> Iterator[Problem]:
    yield from _twice("cellar_listen_addresses", listen_addresses)


def _loopback_addresses(
    *, loopback_addresses: list[str], listen_addresses: list[str]
) -> Iterator[Problem]:
    yield from _twice("cellar_loopback_addresses", loopback_addresses)
    for address in loopback_addresses:
        if address not in listen_addresses:
            yield Problem(
                "cellar_loopback_addresses",
                f"has an address at which no door is open ({show(address)})",
                "add it to cellar_listen_addresses too",
            )


def _dns_servers(*, dns_servers: list[str], server_addresses: list[str]) -> Iterator[Problem]:
    yield from _twice("cellar_dns_servers", dns_servers)
    for address in dns_servers:
        if address in server_addresses:
            yield Problem(
                "cellar_dns_servers",
                f"has an address of the appliance itself ({show(address)})",
                "name servers that know the real addresses of PyPI",
            )


def _metrics_networks_twice(*, metrics_networks: list[str]) -> Iterator[Problem]:
    yield from _twice("cellar_metrics_networks", metrics_networks)


def _twice(variable: str, items: Sequence[object]) -> Iterator[Problem]:
    for item in dict.fromkeys(item for item in items if items.count(item) > 1):
        yield Problem(variable, f"has an item twice ({show(item)})", "remove one of them")


def _ports(*, https_port: int, http_port: int) -> Iterator[Problem]:
    if https_port == http_port:
        yield Problem(
            "cellar_http_port",
            f"is the same as cellar_https_port ({http_port})",
            "choose another port, or 0 for no plain HTTP",
        )


def _intercept_port(*, intercept: bool, https_port: int) -> Iterator[Problem]:
    if intercept and https_port != HTTPS_PORT:
        yield Problem(
            "cellar_https_port",
            f"is not {HTTPS_PORT} ({https_port}), and clients of the intercept door use no other",
            f"set it to {HTTPS_PORT}, or cellar_intercept to false",
        )


def _proxy(*, proxy: bool, intercept: bool, proxy_networks: list[str]) -> Iterator[Problem]:
    if proxy and not intercept:
        yield Problem(
            "cellar_proxy",
            "is true, and cellar_intercept is false, so PyPI's names would lead nowhere",
            "set cellar_intercept to true, or cellar_proxy to false",
        )
    if proxy and not proxy_networks:
        yield Problem(
            "cellar_proxy_networks",
            "is an empty list, so nobody may use the proxy door",
            "name the networks of its clients, or set cellar_proxy to false",
        )


def _proxy_port(
    *, proxy: bool, proxy_port: int, https_port: int, http_port: int
) -> Iterator[Problem]:
    for variable, port in (("cellar_https_port", https_port), ("cellar_http_port", http_port)):
        if proxy and port == proxy_port:
            yield Problem(
                "cellar_proxy_port",
                f"is the same as {variable} ({port})",
                "choose another port, such as 3128",
            )


def _proxy_ports(
    *, proxy: bool, proxy_port: int, proxy_ports: list[int], proxy_others: str
) -> Iterator[Problem]:
    if not proxy:
        return
    if proxy_port in proxy_ports:
        yield Problem(
            "cellar_proxy_ports",
            f"has the port of the proxy door itself ({proxy_port}), which would ask itself",
            "remove it, or choose another cellar_proxy_port",
        )
    if not proxy_ports and proxy_others == "tunnel":
        yield Problem(
            "cellar_proxy_ports",
            "is an empty list, and cellar_proxy_others is tunnel",
            "name the ports, such as 443, or set cellar_proxy_others to refuse",
        )


def _proxy_twice(
    *, proxy_networks: list[str], proxy_ports: list[int], proxy_allowed: list[str]
) -> Iterator[Problem]:
    yield from _twice("cellar_proxy_networks", proxy_networks)
    yield from _twice("cellar_proxy_ports", proxy_ports)
    yield from _twice("cellar_proxy_allowed", proxy_allowed)


def _upstream_hosts(*, pypi_index_host: str, pypi_files_host: str) -> Iterator[Problem]:
    if pypi_index_host == pypi_files_host:
        yield Problem(
            "cellar_pypi_files_host",
            f"is the same as cellar_pypi_index_host ({show(pypi_files_host)})",
            "name PyPI's file host",
        )


def _ca_dir(
    *, certificate_source: str, ca_key_location: str, ca_controller_dir: str
) -> Iterator[Problem]:
    on_controller = certificate_source == "own_ca" and ca_key_location == "controller"
    if on_controller and not ca_controller_dir:
        yield Problem(
            "cellar_ca_controller_dir",
            "is empty, and cellar_ca_key_location is controller",
            'name the directory that keeps the CA, such as "{{ inventory_dir }}/ca"',
        )
    elif ca_controller_dir and not on_controller:
        yield Problem(
            "cellar_ca_controller_dir",
            f"is set ({show(ca_controller_dir)}), and the CA's key is not on the controller",
            "remove it, or set cellar_certificate_source to own_ca and "
            "cellar_ca_key_location to controller",
        )


def _validity(
    *, certificate_source: str, ca_valid_days: int, certificate_valid_days: int
) -> Iterator[Problem]:
    if certificate_source == "own_ca" and certificate_valid_days > ca_valid_days:
        yield Problem(
            "cellar_certificate_valid_days",
            f"is longer ({certificate_valid_days}) than cellar_ca_valid_days ({ca_valid_days})",
            "make it shorter, or the CA's longer",
        )


def _renewal(
    *, certificate_source: str, certificate_valid_days: int, certificate_renew_days: int
) -> Iterator[Problem]:
    if certificate_source == "own_ca" and certificate_renew_days >= certificate_valid_days:
        yield Problem(
            "cellar_certificate_renew_days",
            f"is not less ({certificate_renew_days}) than cellar_certificate_valid_days "
            f"({certificate_valid_days}), so every run would renew the certificate",
            "make it smaller",
        )


def _provided_missing(
    *, certificate_source: str, certificate_file: str, certificate_key_file: str
) -> Iterator[Problem]:
    if certificate_source != "provided":
        return
    for variable, path in (
        ("cellar_certificate_file", certificate_file),
        ("cellar_certificate_key_file", certificate_key_file),
    ):
        if not path:
            yield Problem(
                variable,
                "is empty, and cellar_certificate_source is provided",
                "name the file on the controller, or set cellar_certificate_source to own_ca",
            )


def _provided_unused(
    *,
    certificate_source: str,
    certificate_file: str,
    certificate_key_file: str,
    certificate_ca_file: str,
) -> Iterator[Problem]:
    if certificate_source == "provided":
        return
    for variable, path in (
        ("cellar_certificate_file", certificate_file),
        ("cellar_certificate_key_file", certificate_key_file),
        ("cellar_certificate_ca_file", certificate_ca_file),
    ):
        if path:
            yield Problem(
                variable,
                f"is set ({show(path)}), and cellar_certificate_source is own_ca",
                "remove it, or set cellar_certificate_source to provided",
            )


_RULES: tuple[Callable[..., Iterator[Problem]], ...] = (
    _no_name,
    _names,
    _names_twice,
    _addresses_twice,
    _listen_addresses_twice,
    _loopback_addresses,
    _dns_servers,
    _metrics_networks_twice,
    _ports,
    _intercept_port,
    _proxy,
    _proxy_port,
    _proxy_ports,
    _proxy_twice,
    _upstream_hosts,
    _ca_dir,
    _validity,
    _renewal,
    _provided_missing,
    _provided_unused,
    *index_contradictions.RULES,
    *file_rule_contradictions.RULES,
)
