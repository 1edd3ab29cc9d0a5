"""Whatever legal settings an operator chooses, nginx accepts the configuration made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trustme

from cellar.resolving.addresses import servers
from support import nginx
from support.rendering import render
from unit.roles.variants import ORIGINS

if TYPE_CHECKING:
    from pathlib import Path

# RFC 1035 section 2.3.4: 63 octets a label, 255 a name with its length octets.
LONGEST_NAME = ".".join(["a" * 61, "b" * 63, "c" * 63, "d" * 63])

# Settings whose configurations differ. Ports are above 1024, since the check binds them and may run
# without root.
CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "no plain HTTP": {"cellar_http_port": 0},
    "index door only": {"cellar_intercept": False},
    "addresses beside names": {"cellar_server_addresses": ["192.0.2.10", "2001:db8::10"]},
    "many names": {"cellar_server_names": [f"cache-{n}.ci.example" for n in range(40)]},
    "a name of the greatest length": {"cellar_server_names": [LONGEST_NAME]},
    "a provided certificate of a private CA": {
        "cellar_certificate_source": "provided",
        "cellar_certificate_ca_file": "/srv/ca.pem",
    },
    "a provided certificate of a public CA": {"cellar_certificate_source": "provided"},
    "an own bundle for upstream": {"cellar_upstream_ca_file": "/srv/upstream.pem"},
    "a contact with punctuation": {
        "cellar_upstream_contact": "https://ci.example/contact?team=a&b=c+d;e=~f"
    },
    "no IPv6": {"__nginx_if_inet6": {"stat": {"exists": False}}},
    "other indexes": {"__cellar_file_origins": ORIGINS},
    "other indexes and refused files": {
        "__cellar_file_origins": ORIGINS,
        "__cellar_enforces": True,
    },
    "refused files": {"__cellar_enforces": True},
    "the shortest life of a page": {"cellar_page_max_age": 1},
    "the smallest sizes": {
        "cellar_files_max_size": "1k",
        "cellar_metadata_max_size": "1k",
        "cellar_pages_max_size": "1k",
        "cellar_cache_min_free": "1k",
    },
    "the greatest sizes": {
        "cellar_files_max_size": "8388607g",
        "cellar_metadata_max_size": "900000m",
        "cellar_pages_max_size": "1000000000k",
        "cellar_cache_min_free": "4096g",
    },
}


@pytest.fixture(scope="module")
def appliance(nginx_program: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the variables that lead every path into a folder of the test's own, prepared."""
    directory = tmp_path_factory.mktemp("appliance")
    for name in ("cache/temp", "log", "own", "public", "upstreams"):
        (directory / name).mkdir(parents=True)
    for pool in ("pypi_index_host", "pypi_files_host", "files_of_1", "files_of_2"):
        addresses = servers(["127.0.0.1", "::1"], 443)
        (directory / f"upstreams/{pool}.servers").write_text(addresses)
    authority = trustme.CA()
    certificate = authority.issue_cert("cellar.example")
    certificate.cert_chain_pems[0].write_to_path(directory / "server.pem")
    certificate.private_key_pem.write_to_path(directory / "server.key")
    authority.cert_pem.write_to_path(directory / "upstream-ca.pem")
    return {
        "__nginx_build": {"stderr": nginx.version_line(nginx_program)},
        "cellar_https_port": 18443,
        "cellar_http_port": 18080,
        "cellar_cache_dir": str(directory / "cache"),
        "__cellar_log_dir": str(directory / "log"),
        "__cellar_public_dir": str(directory / "public"),
        "__cellar_certificate": str(directory / "server.pem"),
        "__cellar_certificate_key": str(directory / "server.key"),
        "__cellar_upstream_ca": str(directory / "upstream-ca.pem"),
        "__cellar_rewriter_socket": str(directory / "rewriter.sock"),
        "__cellar_engine_socket": str(directory / "internal.sock"),
        "__cellar_upstreams_dir": str(directory / "upstreams"),
    }


@pytest.mark.parametrize("settings", CASES.values(), ids=CASES)
def test_nginx_accepts_the_configuration_without_a_word(
    nginx_program: Path, appliance: dict[str, Any], settings: dict[str, Any], tmp_path: Path
) -> None:
    bundle = {"ca_path": appliance["__cellar_certificate"]}
    origins = [each | bundle for each in settings.get("__cellar_file_origins", [])]
    pools = ["pypi_index_host", "pypi_files_host", "files_of_1", "files_of_2"][: 2 + len(origins)]
    variables = appliance | settings | {"__cellar_file_origins": origins}
    variables["__cellar_pools"] = [{"name": pool} for pool in pools]
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(render("nginx", "nginx.conf.j2", **variables))

    done = nginx.check(nginx_program, configuration, tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


def test_nginx_accepts_upstream_names_of_the_greatest_length(
    nginx_program: Path, appliance: dict[str, Any], tmp_path: Path
) -> None:
    """Networks that have a mirror of their own between them and PyPI name it at length."""
    hosts = {"cellar_pypi_index_host": LONGEST_NAME, "cellar_pypi_files_host": LONGEST_NAME[1:]}
    text = render("nginx", "nginx.conf.j2", **appliance | hosts)
    configuration = tmp_path / "nginx.conf"
    for host in hosts.values():
        assert f"proxy_ssl_name {host};" in text
    configuration.write_text(text)

    done = nginx.check(nginx_program, configuration, tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("missing", ["server.pem", "server.key", "upstream-ca.pem"])
def test_nginx_refuses_the_configuration_while_a_certificate_is_missing(
    nginx_program: Path, appliance: dict[str, Any], missing: str, tmp_path: Path
) -> None:
    """So the role's check cannot install a configuration that would not start."""
    variables = {
        name: f"{tmp_path}/{missing}" if str(value).endswith(missing) else value
        for name, value in appliance.items()
    }
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(render("nginx", "nginx.conf.j2", **variables))

    done = nginx.check(nginx_program, configuration, tmp_path)

    assert done.returncode != 0
    assert f"{tmp_path}/{missing}" in done.stderr


def test_the_check_itself_sees_a_wrong_directive(nginx_program: Path, tmp_path: Path) -> None:
    configuration = tmp_path / "nginx.conf"
    configuration.write_text("events { }\nhttp { proxy_cache_lockk on; }\n")

    done = nginx.check(nginx_program, configuration, tmp_path)

    assert done.returncode != 0
    assert "proxy_cache_lockk" in done.stderr


# nginx 1.25.1 made HTTP/2 a directive; the parameter draws a warning since then, and the directive
# is an error before.
@pytest.mark.parametrize(
    ("build", "parameter", "directives"),
    [
        ("nginx/1.22.1", True, []),
        ("nginx/1.25.0", True, []),
        ("nginx/1.25.1", False, [("on",)]),
        ("nginx/1.26.3 (Debian)", False, [("on",)]),
    ],
)
def test_http2_is_switched_on_in_the_way_of_the_hosts_nginx(
    *, build: str, parameter: bool, directives: list[tuple[str, ...]]
) -> None:
    http = nginx.rendered(__nginx_build={"stderr": f"nginx version: {build}"})

    listens = [a for server in http.all("server") for a in server.values("listen") if "ssl" in a]
    assert len(listens) == 8
    assert {"http2" in arguments for arguments in listens} == {parameter}
    assert http.values("http2") == directives
