"""How nginx asks upstream: verified, by a fixed name, and with nothing of the client's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from support import nginx
from support.nginx import locations, name
from unit.roles.variants import FILES_HOST, HOSTS, INDEX_HOST, ORIGINS

if TYPE_CHECKING:
    from support.nginx import Directive


def test_upstream_is_always_asked_over_verified_tls(http: Directive) -> None:
    verify = [each for each in http.walk() if each.name == "proxy_ssl_verify"]

    assert http.values("proxy_ssl_verify") == [("on",)]
    assert len(verify) == 1, "a second one could switch it off"
    assert http.values("proxy_ssl_server_name") == [("on",)]
    assert http.values("proxy_ssl_protocols") == [("TLSv1.2", "TLSv1.3")]
    assert http.values("proxy_ssl_trusted_certificate") == [("/etc/ssl/certs/ca-certificates.crt",)]


# Pools of connections to nginx itself.
OWN = {"renewals", "files", "health", "slices"}


def targets(http: Directive) -> list[str]:
    """Return what requests are passed to, with what a map makes of it in place of its variable."""
    maps = {
        each.arguments[1]: [e.arguments[0] for e in each.block if e.arguments]
        for each in http.all("map")
    }
    found = []
    for each in http.walk():
        for (target,) in each.values("proxy_pass"):
            variable = re.match(r"\$\w+", target)
            begins = maps[variable[0]] if variable else [""]
            found += [begin + target[variable.end() if variable else 0 :] for begin in begins]
    return [target.replace("//$file_pool", "//pool_of_the_location") for target in found]


def test_plain_http_goes_to_sockets_of_this_machine_only(http: Directive) -> None:
    pools = {each.arguments[0]: each for each in http.all("upstream")}
    passes = targets(http)

    plain = {target for target in passes if not target.startswith("https://")}
    assert {re.split("[/$]", target)[2] for target in plain} == {"rewriter", *OWN}
    assert pools["rewriter"].values("server") == [("unix:/run/cellar/rewriter.sock", "max_fails=0")]
    slices = pools.pop("slices")
    assert set(slices.values("server")) == {("unix:/run/nginx/own/slices.sock", "max_fails=0")}
    for pool in OWN - {"slices"}:
        assert pools[pool].values("server") == [("unix:/run/nginx/internal.sock", "max_fails=0")]


POOLS = {
    "pypi_index_host": (INDEX_HOST, INDEX_HOST),
    "pypi_files_host": (FILES_HOST, FILES_HOST),
}
ORIGIN_POOLS = {
    f"files_of_{number}": (each["origin"], each["host"])
    for number, each in enumerate(ORIGINS, start=1)
}


@pytest.mark.parametrize("origins", [[], ORIGINS], ids=["PyPI only", "other indexes"])
def test_a_pool_of_tls_connections_has_one_name(origins: list[dict[str, Any]]) -> None:
    """Kept connections are told apart by address: one could serve a name it never verified."""
    expected = POOLS | (ORIGIN_POOLS if origins else {})
    pooled = [{"name": pool} for pool in expected]
    http = nginx.rendered(**HOSTS, __cellar_file_origins=origins, __cellar_pools=pooled)
    found: dict[str, set[tuple[str, str]]] = {}
    for each in locations(http):
        for (target,) in each.values("proxy_pass"):
            if target.startswith("https://"):
                pool = re.split("[/$]", target)[2]
                (verified,) = each.values("proxy_ssl_name")
                (host,) = (a[1] for a in each.values("proxy_set_header") if a[0] == "Host")
                found.setdefault(pool, set()).add((host, verified[0]))
    pools = {each.arguments[0]: each for each in http.all("upstream")}
    addresses = {pool: pools[pool].values("include") for pool in expected}

    assert found == {pool: {(host, name)} for pool, (host, name) in expected.items()}
    assert addresses == {
        pool: [(f"/var/lib/cellar/upstreams/{pool}.servers",)] for pool in expected
    }
    assert [pools[pool].values("server") for pool in expected if pools[pool].all("server")] == []


def test_an_index_is_verified_by_its_own_ca_and_no_other_is() -> None:
    http = nginx.rendered(**HOSTS, __cellar_file_origins=ORIGINS)
    bundles = {
        (each.values("proxy_ssl_name")[0][0], bundle)
        for each in locations(http)
        for (bundle,) in each.values("proxy_ssl_trusted_certificate")
    }

    assert bundles == {("files.acme.example", "/etc/cellar/acme.pem")}


def test_no_part_of_a_request_chooses_the_upstream(http: Directive) -> None:
    passes = targets(http)

    assert passes
    assert [p for p in passes if "$" in re.split("(?<=[^:/])[/$]", p)[0]] == []
    unsure = {p for p in passes if re.search(r"\$(?:http_|arg|host|request_uri|cookie)", p)}
    # What a door says to the engine, of a path that passed its pattern.
    assert {p.partition("$")[2] for p in unsure} == {"http_x_slice_target"}


WITHOUT_TROUBLE = ("/heads/", "= /_range", "= /_file_if_told", "= /_arrives/")


@pytest.mark.parametrize("status", ["502", "504"])
def test_upstream_trouble_is_answered_with_503_and_a_time_to_come_back(
    http: Directive, status: str
) -> None:
    """Pip takes 504 for the end of it; 503 it tries again."""
    for door in http.all("server"):
        for each in door.all("location"):
            # Nobody waits for these: the rewriter and nginx itself, which go on without.
            if each.all("proxy_pass") and not name(each).startswith(WITHOUT_TROUBLE):
                if ("slices",) in door.values("server_name"):
                    continue
                page = each
                while page.all("proxy_pass"):
                    (target,) = (a[-1] for a in page.values("error_page") if status in a[:-1])
                    # Of a later slice there is nobody to tell: test_nginx_slices.py.
                    target = target.replace("$file_trouble", "unavailable")
                    (page,) = (e for e in door.all("location") if name(e) == target)
                assert page.values("return")[0][0] == "503", name(each)
                assert ("Retry-After", "1", "always") in page.values("add_header")
