"""What the roles make of the settings, beside the files of the engine."""

from __future__ import annotations

import base64
import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from cellar.settings import read_settings
from support.rendering import render, render_text
from unit.roles.variants import HOSTS

if TYPE_CHECKING:
    from pathlib import Path


def value(role: str, expression: str, **variables: Any) -> Any:
    return json.loads(render_text(role, f"{{{{ {expression} | to_json }}}}", **variables))


# RFC 5280 section 4.2.1.10: a kind of name that no constraint mentions may be anything, so
# addresses are either named or shut out.
NO_ADDRESS = ["IP:0.0.0.0/0", "IP:::/0"]
CONSTRAINTS: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "both doors": (
        {},
        ["DNS:cellar.example", "DNS:index.example", "DNS:files.example"],
        NO_ADDRESS,
    ),
    "index door only": ({"cellar_intercept": False}, ["DNS:cellar.example"], NO_ADDRESS),
    "addresses": (
        {"cellar_intercept": False, "cellar_server_addresses": ["192.0.2.10", "2001:db8::10"]},
        ["DNS:cellar.example", "IP:192.0.2.10/32", "IP:2001:db8::10/128"],
        [],
    ),
}


@pytest.mark.parametrize(
    ("settings", "permitted", "excluded"), CONSTRAINTS.values(), ids=list(CONSTRAINTS)
)
def test_the_own_ca_can_sign_for_the_appliances_names_and_no_others(
    settings: dict[str, Any], permitted: list[str], excluded: list[str]
) -> None:
    """Who trusts it, trusts it for these only, even if its key is stolen."""
    constraints = value("certificates", "__certificates_constraints", **HOSTS, **settings)

    assert constraints == {"permitted": permitted, "excluded": excluded}


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({}, ["cellar.example", "/etc/cellar/ca"]),
        (
            {"cellar_ca_key_location": "controller", "cellar_ca_controller_dir": "/srv/ca"},
            ["localhost", "/srv/ca/cellar.example"],
        ),
    ],
    ids=["appliance", "controller"],
)
def test_the_ca_is_where_the_operator_wants_it(settings: dict[str, Any], place: list[str]) -> None:
    found = value("certificates", "[__cellar_ca_host, __cellar_ca_dir]", **settings)

    assert found == place


INDEXES: dict[str, Any] = {
    "cellar_indexes": [
        {
            "name": "acme",
            "url": "https://packages.acme.example:8443/simple/",
            "username": "ci",
            "password": "hunter2",
            "ca_file": "/srv/acme.pem",
            "missing_statuses": [403],
        },
        {"name": "beta", "url": "https://beta.example/simple/"},
    ],
    "cellar_routes": [{"projects": ["acme", "acme-*"], "indexes": ["acme", "beta", "pypi"]}],
    "cellar_file_rules": [
        {"name": "ours", "answer": "allow", "projects": ["acme-*"]},
        {
            "name": "cooldown",
            "answer": "refuse",
            "versions": ">=2,<3,!=2.5.*,==1!2.0+x",
            "kinds": ["wheel", "sdist"],
            "filenames": ["*-win_amd64.whl", "[!a]\\?.zip"],
            "younger_than_days": 7,
            "undated": "skip",
            "larger_than": "5m",
            "reason": 'Ask "security@acme.example" \\ now.',
        },
    ],
}

TOML: dict[str, dict[str, Any]] = {
    "defaults": {},
    "index door only, several names": {
        "cellar_intercept": False,
        "cellar_https_port": 8443,
        "cellar_server_names": ["cache.example", "cellar.example"],
    },
    "a public certificate": {"cellar_certificate_source": "provided"},
    "a contact": {"cellar_upstream_contact": "https://ci.example/contact?team=a&b=c"},
    "indexes, routes and file rules": INDEXES,
    "limits": {
        "cellar_rewriter_workers": 64,
        "cellar_page_max_age": 1,
        "cellar_cache_min_free": "1k",
    },
}


@pytest.mark.parametrize("settings", TOML.values(), ids=list(TOML))
def test_the_cellar_command_accepts_the_settings_that_the_role_writes(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    bundle = tmp_path / "upstream-ca.pem"
    bundle.touch()
    written = tmp_path / "cellar.toml"
    paths = {"__cellar_upstream_ca": str(bundle), "cellar_cache_dir": str(tmp_path)}
    written.write_text(render("rewriter", "cellar.toml.j2", **HOSTS, **paths, **settings))

    read_settings(written)  # raises SettingsError with every problem


def test_settings_arrive_at_the_cellar_command_in_its_units() -> None:
    text = render(
        "rewriter",
        "cellar.toml.j2",
        **HOSTS,
        cellar_server_names=["cache.example"],
        cellar_https_port=8443,
        cellar_intercept=False,
        cellar_cache_min_free="3m",
        cellar_page_max_age=60,
        cellar_upstream_contact="ci@cellar.example",
    )

    settings = tomllib.loads(text)
    assert settings["indexes"][0]["url"] == "https://index.example/simple/"
    assert settings["indexes"][0]["files"] == ["https://files.example/packages/"]
    assert settings["upstream"]["user_agent"] == "Cellar/0.1 (ci@cellar.example)"
    assert settings["pages"]["max_age"] == 60
    appliance = settings["appliance"]
    assert appliance["server_names"] == ["cache.example"]
    assert appliance["https_port"] == 8443
    assert appliance["intercept"] is False
    assert appliance["min_free"] == 3 * 1024 * 1024
    assert appliance["proxy_port"] == 0
    assert "squid.service" not in appliance["units"]


def test_a_proxy_door_arrives_at_the_cellar_command_with_its_unit() -> None:
    proxy = {"cellar_proxy": True, "cellar_proxy_port": 8888}
    text = render("rewriter", "cellar.toml.j2", **HOSTS, **proxy)

    appliance = tomllib.loads(text)["appliance"]
    assert appliance["proxy_port"] == 8888
    assert "squid.service" in appliance["units"]


def test_indexes_routes_and_rules_arrive_as_they_were_said(tmp_path: Path) -> None:
    written = tmp_path / "cellar.toml"
    written.write_text(render("rewriter", "cellar.toml.j2", **HOSTS, **INDEXES))

    settings = read_settings(written)

    pypi, acme, beta = settings.indexes
    assert (pypi.name, pypi.files) == ("pypi", ("https://files.example/packages/",))
    assert (pypi.credential, pypi.ca_file) == ("", "")
    assert acme.url == "https://packages.acme.example:8443/simple/"
    assert acme.files == ("https://packages.acme.example:8443/",)
    assert (acme.credential, acme.ca_file) == ("acme", "/etc/cellar/indexes/acme-ca.pem")
    assert acme.missing_statuses == (403,)
    assert (beta.credential, beta.ca_file, beta.missing_statuses) == ("", "", ())
    routes = [(route.projects, route.indexes) for route in settings.routes]
    assert routes == [(("acme", "acme-*"), ("acme", "beta", "pypi")), (("*",), ("pypi",))]
    assert [rule.name for rule in settings.file_rules] == ["ours", "cooldown"]
    said = INDEXES["cellar_file_rules"][1] | {"projects": ["*"], "larger_than": 5 * 1024 * 1024}
    for key, value in said.items():
        expected = tuple(value) if isinstance(value, list) else value
        assert getattr(settings.file_rules[1], key) == expected, key


def test_a_password_is_in_no_file_that_everyone_can_read() -> None:
    for template in ("cellar.toml.j2", "cellar-rewriter.service.j2"):
        text = render("rewriter", template, **HOSTS, **INDEXES)
        assert "acme" in text
        assert "hunter2" not in text
        assert base64.b64encode(b"ci:hunter2").decode() not in text


def test_the_roles_are_given_what_the_contract_of_the_parts_says() -> None:
    derived = {
        name: value("nginx", f"__cellar_{name}", **HOSTS, **INDEXES)
        for name in ("indexes", "routes", "file_rules", "file_origins", "enforces")
    }
    revision = value("nginx", "__cellar_pages_revision", **HOSTS, **INDEXES)

    assert [index["name"] for index in derived["indexes"]] == ["pypi", "acme", "beta"]
    assert derived["indexes"][1]["authorization"] == "Basic Y2k6aHVudGVyMg=="
    assert derived["routes"][-1] == {"projects": ["*"], "indexes": ["pypi"]}
    assert [rule["larger_than"] for rule in derived["file_rules"]] == [0, 5 * 1024 * 1024]
    assert [origin["origin"] for origin in derived["file_origins"]] == [
        "packages.acme.example:8443",
        "beta.example",
    ]
    assert derived["enforces"] is True
    assert revision != value("nginx", "__cellar_pages_revision", **HOSTS)


def test_a_packages_list_names_each_once() -> None:
    """The playbook adds up what the roles need."""
    names = [
        name
        for role in ("certificates", "rewriter", "nginx")
        for name in value(role, f"__{role}_packages")
    ]

    assert len(names) == len(set(names))
    assert {"nginx", "openssl", "python3-venv", "libisal2"} <= set(names)
