"""What squid is told, by the settings; that it understands it is tested where there is a squid."""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.rendering import render, render_text
from unit.roles.variants import FILES_HOST, HOSTS, INDEX_HOST

OWN = [INDEX_HOST, FILES_HOST, "cellar.example"]


def configuration(**settings: Any) -> list[str]:
    return render("connect_proxy", "squid.conf.j2", **HOSTS, **settings).splitlines()


def rules(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("http_access ")]


def items(lines: list[str], acl: str) -> list[str]:
    """Return the values of an ACL, one a line."""
    found = [line.split() for line in lines if line.startswith(f"acl {acl} ")]
    assert all(len(words) in (4, 5) for words in found), found
    return [words[-1] for words in found]


# The way of a request, decided by the first line that fits it.
GATE = [
    "http_access deny !clients",
    "http_access deny !tunnels",
    "http_access allow appliance door",
    "http_access deny appliance !door",
]
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "the rest is tunnelled": (
        {},
        ["http_access deny !ports", "http_access deny closed", "http_access allow others"],
    ),
    "the rest is tunnelled, with exceptions by name": (
        {"cellar_proxy_allowed": [".corp.example", "10.0.0.0/8"]},
        [
            "http_access deny !ports",
            "http_access allow allowed",
            "http_access deny closed",
            "http_access allow others",
        ],
    ),
    "the rest is refused": ({"cellar_proxy_others": "refuse"}, ["http_access deny others"]),
    "the rest is refused, without a port": (
        {"cellar_proxy_others": "refuse", "cellar_proxy_ports": []},
        ["http_access deny others"],
    ),
    "the rest is refused but for names": (
        {"cellar_proxy_others": "refuse", "cellar_proxy_allowed": ["git.example"]},
        ["http_access deny !ports", "http_access allow allowed", "http_access deny others"],
    ),
    "the rest is refused but for a network": (
        {"cellar_proxy_others": "refuse", "cellar_proxy_allowed": ["198.51.100.0/24"]},
        ["http_access deny !ports", "http_access deny closed", "http_access allow others"],
    ),
}


@pytest.mark.parametrize(("settings", "rest"), CASES.values(), ids=CASES)
def test_who_may_go_where(settings: dict[str, Any], rest: list[str]) -> None:
    lines = configuration(**settings)

    assert rules(lines) == GATE + rest
    used = {name.lstrip("!") for line in rules(lines) for name in line.split()[2:]}
    defined = {line.split()[1] for line in lines if line.startswith("acl ")}
    assert used <= defined
    # A condition without a sentence would be answered with squid's own page.
    refusing = {line.split()[-1].lstrip("!") for line in rules(lines) if " deny " in line}
    explained = {line.split()[2] for line in lines if line.startswith("deny_info ")}
    assert refusing <= explained <= defined


def test_every_sentence_is_there_and_names_its_speaker() -> None:
    pages = {line.split()[1].partition(":")[2] for line in configuration() if "deny_info" in line}
    text = render_text("connect_proxy", "{{ __connect_proxy_sentences | to_json }}", **HOSTS)
    sentences = dict(re.findall(r'"([A-Z_]+)": "([^"]*)"', text))

    assert pages <= set(sentences)
    for name, sentence in sentences.items():
        assert re.fullmatch(r"Cellar: .*\.", sentence), name
        assert "%" not in sentence, "squid would put something in its place"
        assert "<" not in sentence, "squid calls it HTML"


def test_the_appliances_own_names_lead_to_the_intercept_door_wherever_that_is() -> None:
    for settings, address in (
        ({}, "127.0.0.1"),
        ({"__cellar_intercept_address": "10.88.0.1"}, "10.88.0.1"),
    ):
        hosts = render("connect_proxy", "hosts.j2", **HOSTS, **settings).splitlines()
        assert [line for line in hosts if line and not line.startswith("#")] == [
            f"{address} {name}" for name in OWN
        ]
        lines = configuration(**settings)
        assert items(lines, "appliance") == OWN
        assert "tcp_outgoing_address 127.0.0.2 appliance" in lines
        (line,) = (line for line in lines if line.startswith("hosts_file "))
        assert line == "hosts_file /etc/cellar/proxy/hosts"


def test_the_settings_arrive() -> None:
    lines = configuration(
        cellar_proxy_port=8888,
        cellar_proxy_networks=["192.0.2.0/24", "2001:db8::/32"],
        cellar_proxy_ports=[443, 8443],
        cellar_proxy_allowed=["git.example", "10.0.0.0/8"],
        cellar_dns_servers=["192.0.2.53", "2001:db8::53"],
        cellar_server_names=["cache.example", "cellar.example"],
    )

    assert [line for line in lines if line.startswith("http_port ")] == [
        "http_port 8888 tcpkeepalive=60,10,3"
    ]
    assert items(lines, "clients") == ["127.0.0.0/8", "192.0.2.0/24", "::1/128", "2001:db8::/32"]
    assert items(lines, "ports") == ["443", "8443"]
    assert items(lines, "allowed") == ["git.example"]
    assert "10.0.0.0/8" not in items(lines, "closed")
    assert "127.0.0.0/8" in items(lines, "closed")
    assert items(lines, "appliance") == [INDEX_HOST, FILES_HOST, "cache.example", "cellar.example"]
    assert "dns_nameservers 192.0.2.53 2001:db8::53" in lines
    assert "visible_hostname cache.example" in lines


def test_without_dns_servers_the_machines_own_are_asked() -> None:
    assert [line for line in configuration() if "dns_nameservers" in line] == []


def test_nothing_is_decrypted_or_kept_and_no_other_port_is_opened() -> None:
    text = "\n".join(configuration(cellar_proxy_allowed=["git.example"]))

    for word in ("ssl_bump", "tls-cert", "cache_dir", "cache_peer", "icp_port", "snmp_port"):
        assert word not in text
    assert "cache deny all" in text.splitlines()
    assert "cachemgr_passwd disable all" in text.splitlines()
    assert len(re.findall(r"(?m)^https?_port ", text)) == 1


def test_a_log_line_has_no_path_and_no_query() -> None:
    """What is refused may carry a secret there, or before an @."""
    (line,) = (line for line in configuration() if line.startswith("logformat "))
    fields = set(re.findall(r"%[#{]*([<>a-zA-Z{-]+)", line))

    assert fields.isdisjoint({"ru", ">ru", "rp", ">rp", "rl", "un", "ul", ">h", "<h"} - {">h"})
    assert "%ru" not in line.replace("#", "")
    assert re.findall(r"\{([A-Za-z-]+)\}>h", line) == ["User-Agent"]


@pytest.mark.parametrize(
    ("addresses", "places"),
    [
        ([], ["3128"]),
        (["10.88.0.1", "fd00::1"], ["127.0.0.1:3128", "10.88.0.1:3128", "[fd00::1]:3128"]),
    ],
)
def test_the_door_is_open_where_the_others_are(addresses: list[str], places: list[str]) -> None:
    lines = configuration(cellar_proxy=True, cellar_listen_addresses=addresses)

    assert [line.split()[1] for line in lines if line.startswith("http_port ")] == places
