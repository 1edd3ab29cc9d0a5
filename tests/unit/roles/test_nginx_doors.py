"""Who is answered, by what name, port and path, and what passes through without being stored."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from support import nginx
from support.nginx import cached, locations, name, server
from unit.roles.variants import FILES_HOST, HOSTS, INDEX_HOST, ORIGINS

if TYPE_CHECKING:
    from support.nginx import Directive

DAY = "/snapshot/[0-9]{4}-[0-9]{2}-[0-9]{2}"
PROJECT = "[a-z0-9]+(?:-[a-z0-9]+)*"
ANY = "[A-Za-z0-9._-]+"
VERSION = "[A-Za-z0-9.!+_-]+"
FILE = "[A-Za-z0-9][A-Za-z0-9._+!~-]*"
INDEX_DOOR = [
    rf"~ ^/simple/{PROJECT}/\z",
    rf"~ ^{DAY}/simple/{PROJECT}/\z",
    rf"~ ^/pypi/{PROJECT}(?:/{VERSION})?/json\z",
    rf"~ ^/integrity/{PROJECT}/{VERSION}/{FILE}/provenance\z",
    "@page_unavailable",
    rf"~ ^/simple/{ANY}/?\z",
    rf"~ ^{DAY}/simple/{ANY}/?\z",
    rf"~ ^/pypi/{ANY}(?:/{VERSION})?/json/?\z",
    rf"~ ^/integrity/{ANY}/{VERSION}/{FILE}/provenance/?\z",
    "= /simple/",
    "= /simple",
    rf"~ ^/packages/[0-9a-f]{{2}}/[0-9a-f]{{2}}/[0-9a-f]{{60}}/{FILE}\z",
    "@file_head_pypi",
    "@file_suffix_pypi",
    "@file_several_pypi",
    "@file_stream_pypi",
    "@file_resume_pypi",
    "/files/",
    "@file_unavailable",
    "@file_cut",
    "@file_absent",
    "@file_redirect",
    "@file_kept",
    "= /_file",
    "= /_file_if_told",
    "@file_refused",
    "= /_range",
    "@file_undecided",
    "= /healthz",
    "= /healthz/pages",
    "@unwell",
    "= /ca.pem",
    "= /ca.pem.sha256",
    "= /report.html",
    "@report_denied",
    "@report_missing",
    "= /metrics",
    "@metrics_denied",
    "@metrics_missing",
    "@upstream_unavailable",
    "= /",
    "/",
]
SEGMENTS = r"(?:/[A-Za-z0-9._+!~-]+)+\z"


@pytest.mark.parametrize("host", ["cellar.example", INDEX_HOST])
def test_files_of_other_indexes_are_served_at_both_doors_and_judged(host: str) -> None:
    http = nginx.rendered(**HOSTS, __cellar_file_origins=ORIGINS)

    found = [name(each) for each in server(http, host).all("location")]
    origins = ["files[.]acme[.]example", "mirror[.]example:8443"]
    assert [path for path in found if "/files/" in path] == [
        rf"~ ^/files/{origin}/{digest}{SEGMENTS}"
        for origin in origins
        for digest in ("[0-9a-f]{64}", "-")
    ] + ["/files/"]
    judging = [
        name(each)
        for each in server(http, host).all("location")
        if each.values("auth_request") == [("/_file",)]
    ]
    # A stream is what a judgement leads to, and the end of a range asks for the file in turn.
    judged = ("~ ^/files", "@file_head_", "@file_several_")
    assert [path for path in judging if "pypi" not in path] == [
        path for path in found if path.startswith(judged) and "pypi" not in path
    ]
    assert {"= /_file", "@file_refused", "@file_unavailable"} <= set(found)


@pytest.mark.parametrize(
    ("variables", "oracle"),
    [
        ({"__cellar_checks_files": False}, []),
        # Where nothing is refused, a file that is there is served without the rewriter's word.
        ({"__cellar_checks_files": True}, [("/_file_if_told",)]),
        ({"__cellar_checks_files": True, "__cellar_enforces": True}, [("/_file",)]),
    ],
    ids=["nothing to decide", "storage", "refusals"],
)
def test_pypis_files_are_judged_where_there_is_something_to_decide(
    variables: dict[str, bool], oracle: list[tuple[str, ...]]
) -> None:
    """And nowhere else: they need no Python then, warm or cold."""
    http = nginx.rendered(**HOSTS, **variables)

    for host in ("cellar.example", FILES_HOST, "files"):
        door = server(http, host, tls=host != "files")
        (files,) = (e for e in door.all("location") if name(e).startswith("~ ^/packages/[0-9a-f]"))
        assert files.values("auth_request") == oracle


def test_nobody_but_nginx_asks_for_a_verdict(http: Directive) -> None:
    for each in locations(http):
        if name(each).startswith("= /_"):
            assert [inner.name for inner in each.block].count("internal") == 1


def test_the_index_door_answers_for_these_paths_only(defaults: Directive) -> None:
    door = server(defaults, "cellar.example")

    assert [name(each) for each in door.all("location")] == INDEX_DOOR
    (rest,) = (each for each in door.all("location") if name(each) == "/")
    assert [each.name for each in rest.block] == ["add_header", "return"]
    assert rest.block[1].arguments[0] == "404"


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
    assert names == {"cellar.example", "_", *INTERNAL}


INTERNAL = {"internal", "renewals", "files", "health", "slices"}
SOCKETS = {"unix:/run/nginx/internal.sock", "unix:/run/nginx/own/slices.sock"}


def test_the_internal_servers_are_on_a_socket_of_this_machine_only(http: Directive) -> None:
    servers = {each.values("server_name")[0][0]: each for each in http.all("server")}

    for server_name, each in servers.items():
        listens = {arguments[0] for arguments in each.values("listen")}
        assert (listens <= SOCKETS) == (server_name in INTERNAL), server_name
        # Who can ask there says what is stored as what.
        private = "unix:/run/nginx/own/slices.sock"
        assert (private in listens) == (server_name == "slices")
        # What they answer is no client's; what they asked upstream for counts.
        logs = [arguments[0] for arguments in each.values("access_log")]
        log = "off" if server_name == "health" else "/var/log/cellar/upstream.log"
        assert listens.isdisjoint(SOCKETS) or logs == [log]
    assert sorted(a for e in INTERNAL for a in servers[e].values("listen") if len(a) > 1) == [
        (socket, "backlog=4096") for socket in sorted(SOCKETS)
    ]


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
        "= /healthz/pages",
        "@unwell",
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
    plain = {a[0] for a in listens if "ssl" not in a}
    assert len(listens) > 4
    assert plain == SOCKETS


def test_without_ipv6_nothing_listens_on_it() -> None:
    http = nginx.rendered(**HOSTS, __nginx_if_inet6={"stat": {"exists": False}})

    listens = [a[0] for each in http.all("server") for a in each.values("listen")]
    assert set(listens) == {"443", "80", *SOCKETS}


def test_who_brings_a_public_certificate_offers_no_ca_certificate() -> None:
    http = nginx.rendered(**HOSTS, cellar_certificate_source="provided")

    assert [name(each) for each in locations(http) if "ca.pem" in name(each)] == []
    assert "ca.pem" not in str([each.arguments for each in http.walk() if each.name == "return"])


def test_nothing_of_a_client_passes_the_index_door(defaults: Directive) -> None:
    passing = [
        name(each)
        for each in server(defaults, "cellar.example").all("location")
        if each.all("proxy_pass") and each.values("proxy_pass_request_headers") != [("off",)]
    ]

    assert passing == []


def test_what_passes_through_is_not_stored(http: Directive) -> None:
    stored = {name(each) for each in cached(http)}
    https = [
        each
        for each in locations(http)
        if any(a[0].startswith("https://") for a in each.values("proxy_pass"))
    ]

    unstored = {name(each) for each in https} - stored
    streaming = ("@file_stream_", "@file_resume_", "@file_several_")
    assert {each for each in unstored if not each.startswith(streaming)} <= {"/"}
    assert http.all("proxy_cache") == []
    assert [s for s in http.all("server") if s.all("proxy_cache")] == []


def test_an_answer_of_nginxs_own_is_text_and_stays_so(http: Directive) -> None:
    """Whatever is in the path that was asked for: no browser takes it for something else."""
    assert http.values("default_type") == [("text/plain",)]
    blocks = [each for each in http.walk() if each.all("return")]
    assert len(blocks) > 10
    for each in blocks:
        # Redirects have no text of a request in them; the others are nginx's talk with itself.
        redirects = each.values("return")[0][0] in {"301", "308", "204", "418", "508"}
        if not redirects:
            headers = each.values("add_header")
            assert ("X-Content-Type-Options", "nosniff", "always") in headers, each.arguments


def test_a_redirect_of_nginxs_own_stays_at_its_door_and_port(http: Directive) -> None:
    assert http.values("absolute_redirect") == [("off",)]
    moved = {a[1] for each in locations(http) for a in each.values("return") if a[0] == "301"}
    assert moved == {"/simple/"}


def test_the_log_holds_no_query_and_no_secret(http: Directive) -> None:
    logs = {log[0]: log for log in http.values("log_format")}

    assert logs.keys() == {"json", "upstream", "passed", "slices"}
    for form, log in logs.items():
        variables = {v.removeprefix("logged_") for v in re.findall(r"\$(\w+)", "".join(log))}
        headers = {v for v in variables if v.startswith(("http_", "cookie_", "sent_http", "arg"))}
        allowed = {"json": {"http_range", "http_user_agent"}, "slices": {"http_x_slice_path"}}
        assert headers == allowed.get(form, set())
        secrets = {"request", "request_uri", "args", "query_string", "remote_user"}
        assert variables.isdisjoint(secrets)
        # One line, one JSON object.
        assert "".join(log[2:]).startswith('{"time":')
        assert log[1] == "escape=json"


def test_the_log_of_an_answers_parts_has_no_variable_that_nginx_keeps(http: Directive) -> None:
    """It would keep the value of a part for the whole answer's line."""
    logs = [log for log in http.values("log_format") if log[0] in {"upstream", "slices"}]
    kept = {each.arguments[-1] for each in http.all("map")}

    assert len(logs) == 2
    for log in logs:
        assert {f"${v}" for v in re.findall(r"\$(\w+)", "".join(log))} & kept == set()


def test_the_report_is_for_the_networks_that_are_named_and_for_nobody_else() -> None:
    networks = ["192.0.2.0/24", "2001:db8::/32"]
    http = nginx.rendered(**HOSTS, cellar_report_networks=networks)

    (report,) = [each for each in locations(http) if name(each) == "= /report.html"]
    access = [(each.name, *each.arguments) for each in report.block]
    access = [each for each in access if each[0] in {"allow", "deny"}]
    assert access == [*(("allow", network) for network in networks), ("deny", "all")]


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [({}, ["127.0.0.1", "::1"]), ({"cellar_report_networks": []}, None)],
)
def test_by_default_the_report_is_for_the_appliance_itself(
    settings: dict[str, Any], allowed: list[str] | None
) -> None:
    found = [
        [network for (network,) in each.values("allow")]
        for each in locations(nginx.rendered(**HOSTS, **settings))
        if name(each) == "= /report.html"
    ]
    assert found == ([] if allowed is None else [allowed])


def test_doors_are_open_at_the_addresses_that_the_operator_names_and_at_no_other() -> None:
    """A CI host that is an appliance too is one for its own jobs and their containers alone."""
    addresses = ["10.88.0.1", "fd00::1"]

    http = nginx.rendered(**HOSTS, cellar_listen_addresses=addresses)

    places = {
        arguments[0] for each in http.all("server") for arguments in each.values("listen")
    } - SOCKETS
    assert places == {
        f"{address}:{port}"
        for address in ("127.0.0.1", "10.88.0.1", "[fd00::1]")
        for port in (443, 80)
    }
