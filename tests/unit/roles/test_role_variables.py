"""What the roles make of the settings, beside the files of the engine."""

from __future__ import annotations

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
    found = value("certificates", "[__certificates_ca_host, __certificates_ca_dir]", **settings)

    assert found == place


TOML: dict[str, dict[str, Any]] = {
    "defaults": {},
    "index door only, several names": {
        "cellar_intercept": False,
        "cellar_https_port": 8443,
        "cellar_server_names": ["cache.example", "cellar.example"],
    },
    "a public certificate": {"cellar_certificate_source": "provided"},
    "a contact": {"cellar_upstream_contact": "https://ci.example/contact?team=a&b=c"},
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


def test_a_packages_list_names_each_once() -> None:
    """The playbook adds up what the roles need."""
    names = [
        name
        for role in ("certificates", "rewriter", "nginx")
        for name in value(role, f"__{role}_packages")
    ]

    assert len(names) == len(set(names))
    assert {"nginx", "openssl", "python3-venv"} <= set(names)
