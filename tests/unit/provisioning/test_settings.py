"""Every wrong setting is named, with what is wrong; nothing that is right is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .conftest import Check

RIGHT: list[dict[str, Any]] = [
    {},
    {"cellar_server_names": ["a", "b-c.example", "9.example", f"{'x' * 63}.example"]},
    {"cellar_server_addresses": []},
    {"cellar_listen_addresses": ["10.255.255.1"], "cellar_loopback_addresses": ["10.255.255.1"]},
    {"cellar_http_port": 0},
    {"cellar_https_port": 8443, "cellar_intercept": False},
    {"cellar_upstream_contact": "ci-admins+cache@example.org"},
    {"cellar_upstream_contact": "https://ci.example.org:8080/cache/~us"},
    {"cellar_page_max_age": 1},
    {"cellar_cache_dir": "/srv/cache-1/cellar_2.d"},
    {
        "cellar_files_max_size": "1k",
        "cellar_file_size_limit": "1k",
        "cellar_cache_min_free": "512m",
    },
    {"cellar_ca_key_location": "controller", "cellar_ca_controller_dir": "/srv/not-there-yet"},
    {"cellar_ca_common_name": "x" * 64},
    {"cellar_certificate_valid_days": 30, "cellar_certificate_renew_days": 29},
    {"cellar_ca_valid_days": 90, "cellar_certificate_valid_days": 90},
    {"cellar_selftest_project": "zope-interface2"},
    {"cellar_rewriter_workers": 64, "cellar_log_days": 1},
    {"cellar_report_networks": ["192.0.2.0/24", "2001:db8::/32", "10.0.0.1", "0.0.0.0/0"]},
    {"cellar_report_networks": [], "cellar_report_days": 3650},
    {"cellar_metrics_networks": []},
    {"cellar_proxy": True, "cellar_proxy_port": 1024, "cellar_proxy_ports": [22, 443, 65535]},
    {"cellar_proxy": True, "cellar_proxy_others": "refuse", "cellar_proxy_ports": []},
    {
        "cellar_proxy": True,
        "cellar_proxy_networks": ["192.0.2.7", "2001:db8::/32"],
        "cellar_proxy_allowed": ["git.example", ".corp.example", "10.1.0.0/16", "fd00::1", "x"],
    },
    # What is switched off contradicts nothing.
    {"cellar_proxy_port": 8080, "cellar_http_port": 8080, "cellar_proxy_ports": [8080]},
    {"cellar_proxy_networks": [], "cellar_intercept": False},
    {"cellar_metrics_networks": ["0.0.0.0/0", "::/0", "192.0.2.7", "2001:db8::/32"]},
]


@pytest.mark.parametrize("changes", RIGHT, ids=str)
def test_settings_that_can_work_are_not_refused(check: Check, changes: dict[str, Any]) -> None:
    assert check(changes) == []


TYPES: list[tuple[str, Any, str]] = [
    ("cellar_server_names", "cellar.example", 'write cellar_server_names: ["cellar.example"]'),
    ("cellar_server_names", {"a": 1}, "is not a list"),
    ("cellar_server_names", [1], "an item is not text (1)"),
    ("cellar_server_names", [None], "an item is empty"),
    ("cellar_server_names", None, "is empty; give it a value or remove the line"),
    ("cellar_server_addresses", "192.0.2.10", "is not a list"),
    ("cellar_https_port", "443", """-e '{"cellar_https_port": 443}'"""),
    ("cellar_https_port", "https", "write a whole number from 1 to 65535"),
    ("cellar_https_port", "0443", "write a whole number from 1 to 65535"),
    ("cellar_https_port", True, "is not a whole number (true)"),
    ("cellar_https_port", 443.0, "is not a whole number (443.0)"),
    ("cellar_http_port", "0", "write cellar_http_port: 0"),
    ("cellar_intercept", "yes", "write cellar_intercept: true"),
    ("cellar_intercept", "False", "write cellar_intercept: false"),
    ("cellar_intercept", "perhaps", "write true or false"),
    ("cellar_intercept", 1, "is not true or false (1)"),
    ("cellar_files_max_size", 40, "write a whole number and a unit k, m or g"),
    ("cellar_selftest_project", 6, "is not text (6)"),
    ("cellar_upstream_ca_file", False, "is not text (false)"),
    ("cellar_certificate_source", "own-ca", "is not own_ca or provided"),
    ("cellar_certificate_source", "own-ca", "did you mean own_ca?"),
    ("cellar_certificate_source", "", "write one of them"),
    ("cellar_ca_key_location", "here", "is not appliance or controller"),
    ("cellar_proxy", "true", "write cellar_proxy: true"),
    ("cellar_proxy_others", "deny", "is not tunnel or refuse"),
    ("cellar_proxy_ports", 443, "is not a list"),
    ("cellar_proxy_ports", ["443"], "an item is not a whole number"),
    ("cellar_proxy_allowed", "git.example", 'write cellar_proxy_allowed: ["git.example"]'),
]

SHAPES: list[tuple[str, Any, str]] = [
    ("cellar_server_names", ["192.0.2.10"], "is an IP address, not a DNS name"),
    ("cellar_server_names", ["*.example"], "is a wildcard"),
    ("cellar_server_names", ["cellar.example."], "ends with a dot"),
    ("cellar_server_names", ["Cellar.example"], "has upper-case letters"),
    ("cellar_server_names", ["https://cellar.example"], "is not a DNS name"),
    ("cellar_server_names", ["cellar.example:443"], "is not a DNS name"),
    ("cellar_server_names", ["cel_lar.example"], "is not a DNS name"),
    ("cellar_server_names", ["-a.example"], "is not a DNS name"),
    ("cellar_server_names", ["a..example"], "is not a DNS name"),
    ("cellar_server_names", ["a.1"], "is not a DNS name"),
    ("cellar_server_names", ["cellar.example\n"], "is not a DNS name"),
    ("cellar_server_names", ["käse.example"], "is not a DNS name"),
    ("cellar_server_names", [f"{'x' * 64}.example"], "is not a DNS name"),
    ("cellar_server_names", [".".join(["x" * 60] * 5)], "is not a DNS name"),
    ("cellar_server_names", [""], "is not a DNS name"),
    ("cellar_server_names", [], "is an empty list"),
    ("cellar_server_names", ["a.example", "a.example"], "has an item twice"),
    ("cellar_server_addresses", ["cellar.example"], "is not an IP address"),
    ("cellar_server_addresses", ["192.0.2.0/24"], "is not an IP address"),
    ("cellar_server_addresses", ["fe80::1%eth0"], "is not an IP address"),
    ("cellar_server_addresses", ["0.0.0.0"], "is not the address of one host"),
    ("cellar_server_addresses", ["ff02::1"], "is not the address of one host"),
    ("cellar_server_addresses", ["2001:DB8:0::10"], "canonical form, which is 2001:db8::10"),
    ("cellar_server_addresses", ["192.0.2.1", "192.0.2.1"], "has an item twice"),
    ("cellar_listen_addresses", ["eth0"], "is not an IP address"),
    ("cellar_loopback_addresses", ["lo"], "is not an IP address"),
    ("cellar_https_port", 0, "is not between 1 and 65535"),
    ("cellar_http_port", 65536, "is not between 0 and 65535"),
    ("cellar_http_port", -1, "is not between 0 and 65535"),
    ("cellar_pypi_index_host", "", "is not a DNS name"),
    ("cellar_pypi_files_host", "files.example/packages", "is not a DNS name"),
    ("cellar_upstream_ca_file", "ca.pem", "is not an absolute path"),
    ("cellar_upstream_ca_file", "~/ca.pem", "is not an absolute path"),
    ("cellar_upstream_ca_file", "/srv/a b.pem", "has characters"),
    ("cellar_upstream_contact", "admins", "neither a mail address nor"),
    ("cellar_upstream_contact", "a b@example.org", "neither a mail address nor"),
    ("cellar_upstream_contact", 'a@example.org";', "neither a mail address nor"),
    ("cellar_upstream_contact", "ftp://example.org", "neither a mail address nor"),
    ("cellar_upstream_contact", "https://example.org/$host", "neither a mail address nor"),
    ("cellar_page_max_age", 0, "is not between 1 and 600"),
    ("cellar_page_max_age", 601, "is not between 1 and 600"),
    ("cellar_cache_dir", "", "is not an absolute path"),
    ("cellar_cache_dir", "cache", "is not an absolute path"),
    ("cellar_cache_dir", "/", "is a directory of the system"),
    ("cellar_cache_dir", "/cellar", "is a directory of the system"),
    ("cellar_cache_dir", "/etc/cellar", "is a directory of the system"),
    ("cellar_cache_dir", "/var/cache/../lib", "has a part that is . or .."),
    ("cellar_cache_dir", "/var/cache/", "has characters"),
    ("cellar_cache_dir", "/var//cache", "has characters"),
    ("cellar_cache_dir", "/var/cache;rm", "has characters"),
    ("cellar_cache_dir", "/var/{cache}", "has characters"),
    ("cellar_cache_dir", "/var/$cache", "has characters"),
    ("cellar_cache_dir", "/var/'cache'", "has characters"),
    ("cellar_cache_dir", "/var/cache\n", "has characters"),
    ("cellar_files_max_size", "40", "is not a size"),
    ("cellar_files_max_size", "40G", "is not a size"),
    ("cellar_files_max_size", "40gb", "is not a size"),
    ("cellar_metadata_max_size", "1.5g", "is not a size"),
    ("cellar_pages_max_size", "0g", "is not a size"),
    ("cellar_cache_min_free", "", "is not a size"),
    ("cellar_cache_min_free", "2 g", "is not a size"),
    ("cellar_ca_common_name", "", "is not a usable common name"),
    ("cellar_ca_common_name", "x" * 65, "is not a usable common name"),
    ("cellar_ca_common_name", "a/CN=b", "is not a usable common name"),
    ("cellar_ca_common_name", " a", "is not a usable common name"),
    ("cellar_ca_valid_days", 0, "is not between 1 and 36500"),
    ("cellar_certificate_valid_days", 826, "is not between 2 and 825"),
    ("cellar_certificate_renew_days", 0, "is not between 1 and 824"),
    ("cellar_rewriter_workers", 0, "is not between 1 and 64"),
    ("cellar_selftest_project", "Six", "is not a normalised project name"),
    ("cellar_selftest_project", "a--b", "is not a normalised project name"),
    ("cellar_selftest_project", "../six", "is not a normalised project name"),
    ("cellar_proxy_port", 1023, "is not between 1024 and 65535"),
    ("cellar_proxy_networks", ["runners"], "is not an address or a network"),
    ("cellar_proxy_networks", ["10.0.0.1/8"], "without which it is 10.0.0.0/8"),
    ("cellar_proxy_networks", ["::1", "::1"], "has an item twice"),
    ("cellar_proxy_ports", [0], "is not between 1 and 65535"),
    ("cellar_proxy_ports", [443, 443], "has an item twice"),
    ("cellar_proxy_allowed", ["10.0.0.1/8"], "without which it is 10.0.0.0/8"),
    ("cellar_proxy_allowed", ["10.0.0.300"], "is not a DNS name"),
    ("cellar_proxy_allowed", ["FD00::1"], "canonical form, which is fd00::1"),
    ("cellar_proxy_allowed", ["*.corp.example"], "is a wildcard"),
    ("cellar_proxy_allowed", ["..corp.example"], "is not a DNS name"),
    ("cellar_proxy_allowed", ["git.example:22"], "is not an address or a network"),
    ("cellar_proxy_allowed", ["https://git.example"], "is not an address or a network"),
    ("cellar_proxy_allowed", ["a b"], "is not a DNS name"),
    ("cellar_proxy_allowed", [""], "is not a DNS name"),
    ("cellar_proxy_allowed", ["a.example", "a.example"], "has an item twice"),
    ("cellar_metrics_networks", ["all"], "is not an address or a network"),
    ("cellar_metrics_networks", ["192.0.2.0/24; allow all"], "is not an address or a network"),
    ("cellar_metrics_networks", ["192.0.2.7/24"], "has bits behind its prefix"),
    ("cellar_metrics_networks", ["2001:DB8::/32"], "canonical form, which is 2001:db8::/32"),
    ("cellar_metrics_networks", ["::1", "::1"], "has an item twice"),
    ("cellar_log_days", 3651, "is not between 1 and 3650"),
    ("cellar_report_days", 0, "is not between 1 and 3650"),
    ("cellar_report_networks", ["office"], "is not an address or a network (CIDR)"),
    ("cellar_report_networks", ["192.0.2.0/33"], "is not an address or a network (CIDR)"),
    ("cellar_report_networks", ["192.0.2.7/24"], "without which it is 192.0.2.0/24"),
    ("cellar_report_networks", ["2001:DB8::/32"], "canonical form, which is 2001:db8::/32"),
    ("cellar_report_networks", ["fe80::1%eth0"], "has a zone"),
    ("cellar_report_networks", ["192.0.2.0/24; }"], "is not an address or a network (CIDR)"),
]


@pytest.mark.parametrize(("variable", "value", "phrase"), TYPES + SHAPES)
def test_a_value_that_cannot_be_used_is_named_alone(
    check: Check, variable: str, value: Any, phrase: str
) -> None:
    lines = check({variable: value})

    assert len(lines) == 1, lines
    assert lines[0].startswith(f"{variable}: "), lines
    assert phrase in lines[0]


CONTRADICTIONS: list[tuple[dict[str, Any], dict[str, str]]] = [
    (
        {"cellar_https_port": 8080, "cellar_http_port": 8080, "cellar_intercept": False},
        {"cellar_http_port": "is the same as cellar_https_port (8080)"},
    ),
    (
        {"cellar_https_port": 8443},
        {"cellar_https_port": "clients of the intercept door use no other"},
    ),
    (
        {"cellar_proxy": True, "cellar_intercept": False},
        {"cellar_proxy": "is true, and cellar_intercept is false"},
    ),
    (
        {"cellar_proxy": True, "cellar_proxy_networks": []},
        {"cellar_proxy_networks": "is an empty list, so nobody may use the proxy door"},
    ),
    (
        {"cellar_proxy": True, "cellar_proxy_port": 8080, "cellar_http_port": 8080},
        {"cellar_proxy_port": "is the same as cellar_http_port (8080)"},
    ),
    (
        {"cellar_proxy": True, "cellar_proxy_ports": [443, 3128]},
        {"cellar_proxy_ports": "has the port of the proxy door itself (3128)"},
    ),
    (
        {"cellar_proxy": True, "cellar_proxy_ports": []},
        {"cellar_proxy_ports": "is an empty list, and cellar_proxy_others is tunnel"},
    ),
    (
        {
            "cellar_listen_addresses": ["10.255.255.1"],
            "cellar_loopback_addresses": ["10.255.255.1", "10.255.255.2"],
        },
        {"cellar_loopback_addresses": 'at which no door is open ("10.255.255.2")'},
    ),
    (
        {"cellar_server_names": ["cellar.example", "index.example"]},
        {"cellar_server_names": 'would ask itself ("index.example")'},
    ),
    (
        {"cellar_server_names": ["files.example"], "cellar_intercept": False},
        {"cellar_server_names": "is a host name of PyPI"},
    ),
    (
        {"cellar_pypi_files_host": "index.example"},
        {"cellar_pypi_files_host": "is the same as cellar_pypi_index_host"},
    ),
    (
        {"cellar_ca_key_location": "controller"},
        {"cellar_ca_controller_dir": "is empty, and cellar_ca_key_location is controller"},
    ),
    (
        {"cellar_ca_controller_dir": "/srv/ca"},
        {"cellar_ca_controller_dir": "the CA's key is not on the controller"},
    ),
    (
        {"cellar_ca_valid_days": 100},
        {"cellar_certificate_valid_days": "is longer (397) than cellar_ca_valid_days (100)"},
    ),
    (
        {"cellar_certificate_valid_days": 30},
        {"cellar_certificate_renew_days": "every run would renew the certificate"},
    ),
    (
        {"cellar_certificate_source": "provided"},
        {
            "cellar_certificate_file": "is empty, and cellar_certificate_source is provided",
            "cellar_certificate_key_file": "is empty, and cellar_certificate_source is provided",
        },
    ),
    (
        {
            "cellar_certificate_file": "/srv/cert.pem",
            "cellar_certificate_key_file": "/srv/key.pem",
            "cellar_certificate_ca_file": "/srv/ca.pem",
        },
        {
            "cellar_certificate_file": "is set",
            "cellar_certificate_key_file": "cellar_certificate_source is own_ca",
            "cellar_certificate_ca_file": "remove it",
        },
    ),
    (
        # One wrong value does not hide the others, and is not itself compared with them.
        {
            "cellar_https_port": "443",
            "cellar_cache_dir": "cache",
            "cellar_log_days": 0,
            "cellar_pypi_files_host": "index.example",
            "cellar_certificate_source": "provided",
        },
        {
            "cellar_https_port": "is not a whole number",
            "cellar_cache_dir": "is not an absolute path",
            "cellar_log_days": "is not between",
            "cellar_pypi_files_host": "is the same",
            "cellar_certificate_file": "is empty",
            "cellar_certificate_key_file": "is empty",
        },
    ),
]


@pytest.mark.parametrize(("changes", "expected"), CONTRADICTIONS)
def test_contradictions_are_named_together_and_nothing_else_is(
    check: Check, changes: dict[str, Any], expected: Mapping[str, str]
) -> None:
    lines = check(changes)
    by_variable = {line.partition(":")[0]: line for line in lines}

    assert sorted(by_variable) == sorted(expected), lines
    assert len(lines) == len(expected), lines
    for variable, phrase in expected.items():
        assert phrase in by_variable[variable]


def test_an_unknown_variable_is_refused_with_the_name_it_was_meant_to_be(check: Check) -> None:
    assert check({"cellar_server_name": ["cellar.example"]}) == [
        "cellar_server_name: is not a setting of Cellar; did you mean cellar_server_names?"
    ]


def test_an_unknown_variable_like_no_other_is_refused_and_its_value_never_shown(
    check: Check,
) -> None:
    assert check({"cellar_zzz": "hunter2"}) == ["cellar_zzz: is not a setting of Cellar; remove it"]


def test_a_template_that_fails_is_one_line_of_the_list(check: Check) -> None:
    lines = check(
        {"cellar_cache_dir": "cache"},
        unresolved={"cellar_log_days": "'days' is undefined", "cellar_zzz": "no"},
    )

    assert lines == [
        "cellar_zzz: is not a setting of Cellar; remove it",
        (
            'cellar_cache_dir: is not an absolute path ("cache"); '
            "write an absolute path of the cache's own, such as /var/cache/cellar"
        ),
        "cellar_log_days: cannot be evaluated: 'days' is undefined; correct its template",
    ]


SECRETS = [
    "-----BEGIN PRIVATE KEY-----\nsecretsecret\n-----END PRIVATE KEY-----",
    "https://user:secretsecret@example.org/",
    ["https://user:secretsecret@example.org/"],
]


@pytest.mark.parametrize("secret", SECRETS, ids=["pem", "url", "list"])
@pytest.mark.parametrize(
    "variable",
    [
        "cellar_certificate_key_file",
        "cellar_upstream_contact",
        "cellar_intercept",
        "cellar_log_days",
    ],
)
def test_a_secret_in_the_wrong_place_is_never_shown(
    check: Check, variable: str, secret: Any
) -> None:
    lines = check({variable: secret})

    assert [line.partition(":")[0] for line in lines] == [variable]
    assert "secretsecret" not in lines[0]
    assert "value not shown" in lines[0]


def test_every_problem_is_one_line_of_bounded_length(check: Check) -> None:
    (line,) = check({"cellar_cache_dir": "/a\nb" * 1000})

    assert "\n" not in line
    assert len(line) < 300
