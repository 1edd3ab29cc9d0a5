"""Who is answered, by what name, port and path, and what passes through without being stored."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support import nginx
from support.nginx import cached, locations, name, server
from unit.roles.variants import HOSTS

if TYPE_CHECKING:
    from support.nginx import Directive

INDEX_DOOR = [
    r"~ ^/simple/[a-z0-9]+(?:-[a-z0-9]+)*/\z",
    "@page_unavailable",
    r"~ ^/simple/[A-Za-z0-9._-]+/?\z",
    r"~ ^/packages/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/[A-Za-z0-9][A-Za-z0-9._+!~-]*\z",
    "@file_unavailable",
    "= /healthz",
    "= /ca.pem",
    "= /ca.pem.sha256",
    "= /simple/",
    "@upstream_unavailable",
    "= /",
    "/",
]


def test_the_index_door_answers_for_these_paths_only(defaults: Directive) -> None:
    door = server(defaults, "cellar.example")

    assert [name(each) for each in door.all("location")] == INDEX_DOOR
    (rest,) = (each for each in door.all("location") if name(each) == "/")
    assert [each.name for each in rest.block] == ["return"]
    assert rest.block[0].arguments[0] == "404"


def test_the_index_door_answers_for_its_names_and_addresses() -> None:
    http = nginx.rendered(
        **HOSTS,
        cellar_server_names=["cache.example", "cellar.example"],
        cellar_server_addresses=["192.0.2.10", "2001:db8::10"],
    )

    door = server(http, "cache.example")
    assert door.values("server_name") == [
        ("cache.example", "cellar.example", "192.0.2.10", "[2001:db8::10]")
    ]


def test_without_the_intercept_door_pypis_names_are_nobodys() -> None:
    http = nginx.rendered(**HOSTS, cellar_intercept=False)

    names = {n for each in http.all("server") for v in each.values("server_name") for n in v}
    assert names == {"cellar.example", "_"}


@pytest.mark.parametrize(
    ("addresses", "rejects"), [([], [("on",)]), (["192.0.2.10"], [])], ids=["names", "addresses"]
)
def test_another_name_is_refused(addresses: list[str], rejects: list[tuple[str, ...]]) -> None:
    """In the handshake, but that names no address, and then in the answer."""
    http = nginx.rendered(**HOSTS, cellar_server_addresses=addresses)

    other = server(http, "_")
    assert other.values("ssl_reject_handshake") == rejects
    assert other.values("return")[0][0] == "421"
    assert other.all("location") == []
    assert all("default_server" in arguments for arguments in other.values("listen"))


def test_plain_http_offers_the_ca_certificate_and_a_redirect(defaults: Directive) -> None:
    plain = server(defaults, "_", tls=False)

    assert [name(each) for each in plain.all("location")] == [
        "= /healthz",
        "= /ca.pem",
        "= /ca.pem.sha256",
        "/",
    ]
    (rest,) = (each for each in plain.all("location") if name(each) == "/")
    assert rest.values("return") == [("308", "https://cellar.example$request_uri")]


def test_the_redirect_to_another_port_names_it() -> None:
    http = nginx.rendered(**HOSTS, cellar_https_port=8443, cellar_intercept=False)

    (rest,) = (e for e in server(http, "_", tls=False).all("location") if name(e) == "/")
    assert rest.values("return") == [("308", "https://cellar.example:8443$request_uri")]


def test_port_0_means_no_plain_http() -> None:
    http = nginx.rendered(**HOSTS, cellar_http_port=0)

    listens = [a for each in http.all("server") for a in each.values("listen")]
    assert listens
    assert [a for a in listens if "ssl" not in a] == []


def test_without_ipv6_nothing_listens_on_it() -> None:
    http = nginx.rendered(**HOSTS, ansible_facts={"all_ipv6_addresses": []})

    listens = [a[0] for each in http.all("server") for a in each.values("listen")]
    assert set(listens) == {"443", "80"}


def test_who_brings_a_public_certificate_offers_no_ca_certificate() -> None:
    http = nginx.rendered(**HOSTS, cellar_certificate_source="provided")

    assert [name(each) for each in locations(http) if "ca.pem" in name(each)] == []
    assert "ca.pem" not in str([each.arguments for each in http.walk() if each.name == "return"])


def test_a_clients_credentials_do_not_pass_the_index_door(defaults: Directive) -> None:
    passing = [
        each
        for each in server(defaults, "cellar.example").all("location")
        if each.all("proxy_pass") and not each.all("proxy_pass_request_headers")
    ]

    assert [name(each) for each in passing] == ["= /simple/"]
    sent = [a for each in passing for a in each.values("proxy_set_header")]
    assert {("Authorization", ""), ("Cookie", "")} <= set(sent)


def test_what_passes_through_is_not_stored(http: Directive) -> None:
    stored = {name(each) for each in cached(http)}
    https = [
        each
        for each in locations(http)
        if any(a[0].startswith("https://") for a in each.values("proxy_pass"))
    ]

    assert {name(each) for each in https} - stored <= {"/", "= /simple/"}
    assert http.all("proxy_cache") == []
    assert [s for s in http.all("server") if s.all("proxy_cache")] == []


def test_the_log_holds_no_query_and_no_secret(http: Directive) -> None:
    (log,) = http.values("log_format")

    variables = {v.removeprefix("logged_") for v in re.findall(r"\$(\w+)", "".join(log))}
    headers = {v for v in variables if v.startswith(("http_", "cookie_", "sent_http", "arg"))}
    assert headers == {"http_range", "http_user_agent"}
    assert variables.isdisjoint({"request", "request_uri", "args", "query_string", "remote_user"})
    # One line, one JSON object.
    assert "".join(log[2:]).startswith('{"time":')
    assert log[1] == "escape=json"
