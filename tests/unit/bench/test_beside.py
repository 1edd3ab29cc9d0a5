"""What the appliance stands beside is the same nginx: only what is said to differ does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trustme

from bench.nginx_text import text
from bench.subjects.nginxes import PLAIN_PORT, STATIC, static_configuration, without_tls
from cellar.resolving.addresses import servers
from support.nginx import Directive, check, find_program, parse, rendered, version_line
from support.rendering import render

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def main(tmp_path: Path) -> Directive:
    """Return an appliance's configuration with all that it names in a folder of the test's own."""
    for name in ("cache/temp", "own", "upstreams"):
        (tmp_path / name).mkdir(parents=True)
    pools = ("pypi_index_host", "pypi_files_host")
    for pool in pools:
        (tmp_path / f"upstreams/{pool}.servers").write_text(servers(["127.0.0.1"], 443))
    authority = trustme.CA()
    certificate = authority.issue_cert("cellar.example")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    settings: dict[str, Any] = {
        "__nginx_build": {"stderr": version_line(find_program())},
        "__cellar_pools": [{"name": pool} for pool in pools],
        "cellar_https_port": 18443,
        "cellar_http_port": 18080,
        "cellar_cache_dir": f"{tmp_path}/cache",
        "__cellar_log_dir": str(tmp_path),
        "__cellar_certificate": f"{tmp_path}/server.pem",
        "__cellar_certificate_key": f"{tmp_path}/server.pem",
        "__cellar_upstream_ca": f"{tmp_path}/server.pem",
        "__cellar_rewriter_socket": f"{tmp_path}/rewriter.sock",
        "__cellar_engine_socket": f"{tmp_path}/internal.sock",
        "__cellar_upstreams_dir": f"{tmp_path}/upstreams",
    }
    return parse(render("nginx", "nginx.conf.j2", **settings))


def test_nginx_accepts_both_configurations(main: Directive, tmp_path: Path) -> None:
    for written in (static_configuration(main), text(without_tls(main.block))):
        (tmp_path / "nginx.conf").write_text(written)
        done = check(find_program(), tmp_path / "nginx.conf", tmp_path)
        assert (done.returncode, done.stderr) == (0, "")


def test_without_tls_only_the_addresses_differ() -> None:
    http = rendered()
    (plain,) = without_tls([http])

    listens = {words[0] for server in plain.all("server") for words in server.values("listen")}
    sockets = {words[0] for server in http.all("server") for words in server.values("listen")}
    assert listens == {f"127.0.0.1:{PLAIN_PORT}"} | {s for s in sockets if s.startswith("unix:")}
    assert not any({"ssl", "http2"} & set(d.arguments) for d in plain.walk() if d.name == "listen")

    def rest(directive: Directive) -> list[Directive]:
        own = {"listen", "server", "http2"}
        return [d for d in directive.block if d.name not in own]

    assert rest(plain) == rest(http)


def test_without_tls_a_door_has_all_its_locations_and_a_place_for_plain_files() -> None:
    http = rendered()
    (plain,) = without_tls([http])

    def locations(of: Directive) -> list[tuple[str, ...]]:
        (door,) = (s for s in of.all("server") if "cellar.example" in s.values("server_name")[0])
        return door.values("location")

    assert locations(plain) == [(STATIC,), *locations(http)]
