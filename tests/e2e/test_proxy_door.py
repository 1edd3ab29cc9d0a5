"""The proxy door: what it leads to, and what it keeps everybody from."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

from support import names
from support.proxy import PORT, Proxy
from support.rendering import render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fakepypi.publication import PublishedFile
    from support.deployment import Appliance
    from support.door import OpenDoor

LOGS = "/var/log/cellar/proxy"
SOURCE = "127.0.0.2"

CLIENT = "Cellar: this proxy is for the networks that cellar_proxy_networks names.\n"
METHOD = (
    "Cellar: this proxy tunnels HTTPS (CONNECT) and nothing else; set HTTPS_PROXY, and not "
    "HTTP_PROXY.\n"
)
DOOR = "Cellar: this proxy leads to PyPI and to the appliance by port 443 only.\n"
WRONG_PORT = (
    "Cellar: this proxy leads to the ports that cellar_proxy_ports names, and this is none of "
    "them.\n"
)
CLOSED = (
    "Cellar: this proxy leads to private, local and metadata addresses only if "
    "cellar_proxy_allowed names them.\n"
)
NOWHERE_ELSE = (
    "Cellar: this proxy leads to PyPI and to what cellar_proxy_allowed names, and nowhere else.\n"
)
NOBODY = "Cellar: this name has no address that this proxy knows, or nobody answers at it.\n"
FAILED = (500, 503)  # by squid's version, and by whether the name or the address is to blame


@pytest.fixture
def proxy(appliance: Appliance) -> Proxy:
    """Return the proxy door as the runner sees it."""
    return Proxy(appliance.runner, appliance.inside)


def tunnels(appliance: Appliance, needle: str) -> list[dict[str, Any]]:
    """Return the log's lines with `needle`, once there are some."""
    log = f"{LOGS}/tunnels.log"
    wait = f"for i in $(seq 50); do grep -q -F -e {needle} {log} && break; sleep 0.1; done"
    text = appliance.run("sh -c %s", f"{wait}; grep -F -e {needle} {log}")
    return [json.loads(line) for line in text.splitlines()]


# PyPI and the appliance.


@pytest.mark.parametrize("host", ["index", "files"])
def test_a_tunnel_to_a_name_of_pypi_ends_at_the_intercept_door(
    appliance: Appliance, proxy: Proxy, runner_ca: str, published: PublishedFile, host: str
) -> None:
    """Under PyPI's own name, with a certificate that the runner trusts for it, from the cache."""
    name = getattr(appliance.names, host)
    path = {"index": f"/simple/{published.project}/", "files": published.path}[host]
    first, second = (proxy.look(f"{name}:443", path, ca=runner_ca) for _ in range(2))
    assert (first.status, second.status) == (200, 200)
    assert second.field("X-Cache") == "HIT"
    assert len(second.body) > 100


@pytest.mark.parametrize("spelling", [str.upper, str.title, "{}.".format])
def test_a_name_of_pypi_leads_there_however_it_is_written(
    appliance: Appliance, proxy: Proxy, runner_ca: str, spelling: Any
) -> None:
    name = appliance.names.index
    target = f"{spelling(name)}:443"
    assert proxy.look(target, "/simple/demo/", name=name, ca=runner_ca).status == 200


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    "header", ["", "Host: {0}:443\r\nUser-Agent: x\r\nProxy-Connection: close\r\n"]
)
def test_connect_needs_no_header_and_bears_any(
    appliance: Appliance, proxy: Proxy, version: str, header: str
) -> None:
    name = appliance.names.files
    request = f"CONNECT {name}:443 HTTP/{version}\r\n{header.format(name)}\r\n"
    (said,) = proxy.ask(request)
    assert said.status == 200
    assert said.fields == {}, "nothing is told of who tunnels"


def test_the_appliances_own_name_leads_to_its_index_door(
    appliance: Appliance, proxy: Proxy, runner_ca: str
) -> None:
    """A job may have both, the variable and an index URL."""
    seen = proxy.look(f"{appliance.server_name}:443", "/healthz", ca=runner_ca)
    assert seen.status == 200


@pytest.mark.parametrize("path", ["/metrics", "/report.html"])
def test_what_is_for_the_appliance_alone_is_not_for_who_comes_by_the_proxy(
    appliance: Appliance, proxy: Proxy, runner_ca: str, path: str
) -> None:
    """Their tunnels come from the appliance itself; nor does another name in SNI help."""
    own = appliance.server_name
    assert proxy.look(f"{own}:443", path, ca=runner_ca).status == 403
    disguised = proxy.look(
        f"{appliance.names.index}:443", path, name=appliance.names.index, host=own, ca=runner_ca
    )
    assert disguised.status in (403, 421), disguised.head


def test_of_pypi_and_the_appliance_there_is_port_443_only(
    appliance: Appliance, proxy: Proxy
) -> None:
    hosts = [appliance.names.index, appliance.names.files, appliance.server_name]
    for said in proxy.connect(*(f"{host}:{port}" for host in hosts for port in (80, 22, PORT))):
        assert (said.status, said.body) == (403, DOOR)


# What is closed.

INSIDE = [
    "127.0.0.1:443",
    "127.1:443",
    "2130706433:443",
    "0x7f000001:443",
    "0177.0.0.1:443",
    "0.0.0.0:443",
    "10.0.0.1:443",
    "172.16.0.1:443",
    "192.168.0.1:443",
    "100.64.0.1:443",
    "169.254.169.254:443",
    "168.63.129.16:443",
    "[::1]:443",
    "[::]:443",
    "[::ffff:127.0.0.1]:443",
    "[::ffff:7f00:1]:443",
    "[::ffff:169.254.169.254]:443",
    "[::127.0.0.1]:443",
    "[64:ff9b::169.254.169.254]:443",
    "[2002:7f00:1::]:443",
    "[fd00:ec2::254]:443",
    "[fe80::1]:443",
]


def test_private_local_and_metadata_addresses_are_closed(
    appliance: Appliance, proxy: Proxy
) -> None:
    """In every way to write them, and the appliance's own with them."""
    own = [f"{address}:443" for address in appliance.addresses.values()]
    targets = [*INSIDE, *own, f"[::ffff:{appliance.outside}]:443"]
    for target, said in zip(targets, proxy.connect(*targets), strict=True):
        assert (said.status, said.body) == (403, CLOSED), target


def test_the_neighbour_of_what_is_allowed_is_closed(appliance: Appliance, proxy: Proxy) -> None:
    others = {"10.213.71.22", "10.213.71.23"} - {appliance.fakepypi_address}
    (said,) = proxy.connect(f"{others.pop()}:443")
    assert (said.status, said.body) == (403, CLOSED)


def test_other_ports_are_closed_also_of_what_is_allowed(appliance: Appliance, proxy: Proxy) -> None:
    hosts = [appliance.fakepypi_address, "192.0.2.1", "x.allowed.example"]
    for said in proxy.connect(*(f"{host}:{port}" for host in hosts for port in (22, 80, 8080))):
        assert (said.status, said.body) == (403, WRONG_PORT)


REQUESTS = {
    "GET http://{index}/simple/ HTTP/1.1\r\nHost: {index}\r\n\r\n": (405, METHOD),
    "GET http://192.0.2.1/ HTTP/1.0\r\n\r\n": (405, METHOD),
    "POST http://192.0.2.1/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n": (405, METHOD),
    "GET https://{index}/simple/ HTTP/1.1\r\nHost: {index}\r\n\r\n": (405, METHOD),
    "GET ftp://192.0.2.1/ HTTP/1.1\r\nHost: x\r\n\r\n": (405, METHOD),
    "TRACE http://192.0.2.1/ HTTP/1.1\r\nHost: x\r\n\r\n": (405, METHOD),
    "PURGE http://192.0.2.1/ HTTP/1.1\r\nHost: x\r\n\r\n": (405, METHOD),
    "GET http://{server}:3128/squid-internal-mgr/info HTTP/1.1\r\nHost: x\r\n\r\n": (405, METHOD),
    "GET /squid-internal-mgr/info HTTP/1.0\r\n\r\n": (405, METHOD),
}


def test_anything_but_a_tunnel_is_refused_with_a_sentence(
    appliance: Appliance, proxy: Proxy
) -> None:
    """Nor is there a page of the proxy's own to look at."""
    words = {"index": appliance.names.index, "server": appliance.server_name}
    answers = proxy.ask(*(request.format(**words) for request in REQUESTS))
    for (request, expected), said in zip(REQUESTS.items(), answers, strict=True):
        assert (said.status, said.body) == expected, request


def test_the_proxy_tells_nothing_of_itself(appliance: Appliance, proxy: Proxy) -> None:
    answers = proxy.ask(
        "GET / HTTP/1.0\r\n\r\n",
        "GET http://192.0.2.1/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT 127.0.0.1:443 HTTP/1.1\r\n\r\n",
        "nonsense\r\n\r\n",
        f"CONNECT {appliance.names.index}:0 HTTP/1.1\r\n\r\n",
    )
    for said in answers:
        assert 400 <= said.status < 500, said
        told = {"connection", "content-length", "content-type", "date", "mime-version"}
        assert set(said.fields) <= told, said
        assert "squid" not in f"{said.fields} {said.body}".lower()


def test_only_the_networks_that_are_named_may_use_it(appliance: Appliance) -> None:
    """The machine of the tests is outside; it may use the other doors."""
    proxies = {"https": f"http://{appliance.outside}:{PORT}"}
    refused = requests.get(
        f"http://{appliance.outside}:{PORT}/", proxies={"http": proxies["https"]}
    )
    assert (refused.status_code, refused.text) == (403, CLIENT)
    with pytest.raises(requests.exceptions.ProxyError, match="403 Forbidden"):
        requests.get(f"https://{appliance.names.index}/", proxies=proxies, timeout=10)


# What is tunnelled.


def test_all_else_is_tunnelled_unopened(appliance: Appliance, proxy: Proxy) -> None:
    """With the certificate of whom the client asked for, which the appliance has no key of."""
    address = appliance.fakepypi_address
    seen = proxy.look(f"{address}:443", "/simple/demo/", name=appliance.names.index)
    direct = appliance.run(
        "python3 -c %s %s %s",
        "import hashlib, ssl, sys; print(hashlib.sha256(ssl.PEM_cert_to_DER_cert("
        "ssl.get_server_certificate((sys.argv[1], 443)))).hexdigest())",
        address,
        appliance.names.index,
    )
    assert seen.status == 200
    assert seen.field("X-Cache") is None, "not from the cache"
    assert seen.certificate == direct.strip()


def test_a_tunnel_outlives_a_reload(appliance: Appliance, proxy: Proxy, runner_ca: str) -> None:
    """Such as every run of the playbook makes that changes something."""
    program = f"""
import socket, ssl, sys, time
connection = socket.create_connection(("{appliance.inside}", {PORT}), timeout=20)
connection.sendall(b"CONNECT {appliance.names.index}:443 HTTP/1.0\\r\\n\\r\\n")
assert connection.recv(65536).split()[1] == b"200"
print("open", flush=True)
time.sleep(3)
tls = ssl.create_default_context(cafile="{runner_ca}").wrap_socket(
    connection, server_hostname="{appliance.names.index}")
tls.sendall(b"GET /simple/demo/ HTTP/1.1\\r\\nHost: {appliance.names.index}\\r\\n\\r\\n")
print(tls.recv(100).split()[1].decode())
"""
    log = f"/tmp/tunnel-{uuid.uuid4().hex[:8]}"
    appliance.runner.run("sh -c %s", f"/usr/bin/python3 -c '{program}' > {log} 2>&1 &")
    appliance.runner.run(f"timeout 10 sh -c 'until grep -q open {log}; do sleep 0.1; done'")
    appliance.run("systemctl reload squid.service")
    appliance.runner.run(f"timeout 10 sh -c 'until grep -q 200 {log}; do sleep 0.1; done'")
    appliance.runner.run(f"rm {log}")
    assert proxy.connect(f"{appliance.names.index}:443")[0].status == 200, "and new ones are made"


# The log.


def test_a_line_of_the_log_tells_who_was_led_where(
    appliance: Appliance, proxy: Proxy, runner_ca: str
) -> None:
    name = appliance.names.index
    proxy.look(f"{name}:443", "/simple/demo/", ca=runner_ca)
    line = tunnels(appliance, name)[-1]
    assert {key: type(value).__name__ for key, value in line.items()} == {
        "time": "float",
        "client": "str",
        "method": "str",
        "host": "str",
        "port": "str",
        "status": "int",
        "outcome": "str",
        "address": "str",
        "bytes_in": "int",
        "bytes_out": "int",
        "milliseconds": "int",
        "user_agent": "str",
    }
    assert line["client"] in appliance.runner.addresses.values()
    assert (line["host"], line["port"], line["status"]) == (name, "443", 200)
    assert line["address"] == "127.0.0.1"


def test_no_secret_and_no_nonsense_of_a_client_reaches_the_log(
    appliance: Appliance, proxy: Proxy
) -> None:
    mark = f"m{uuid.uuid4().hex[:12]}"
    secret = f"s{uuid.uuid4().hex[:12]}"
    credentials = f"Proxy-Authorization: Basic {secret}\r\nAuthorization: Bearer {secret}\r\n"
    proxy.ask(
        f"GET http://ci:{secret}@192.0.2.1/{secret}?token={secret} HTTP/1.1\r\nHost: x\r\n"
        f"User-Agent: {mark}\r\n{credentials}\r\n",
        f'CONNECT 127.0.0.1:443 HTTP/1.1\r\nUser-Agent: "{mark}\\ \xff\xfe", \x01}}\r\n\r\n',
    )
    lines = tunnels(appliance, mark)
    assert len(lines) == 2
    assert appliance.box.run(f"grep -r {secret} {LOGS} /var/log/cellar").stdout == ""


def test_the_log_goes_on_in_a_new_file_after_it_was_rotated(
    appliance: Appliance, proxy: Proxy
) -> None:
    proxy.connect("127.0.0.1:443")
    appliance.run("logrotate --force /etc/logrotate.d/cellar-proxy")
    mark = f"m{uuid.uuid4().hex[:12]}"
    deadline = time.monotonic() + 10
    while not appliance.box.run(f"grep {mark} {LOGS}/tunnels.log").stdout:
        assert time.monotonic() < deadline, "the new file stays empty"
        proxy.ask(f"CONNECT 127.0.0.1:443 HTTP/1.1\r\nUser-Agent: {mark}\r\n\r\n")
    assert appliance.run(f"stat --format '%U %G %a' {LOGS}/tunnels.log").split() == [
        "proxy",
        "adm",
        "640",
    ]


# Other settings: another squid, beside the appliance's own, configured as the role would do it.

VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "refuse": {"cellar_proxy_others": "refuse"},
    "refuse, no port": {"cellar_proxy_others": "refuse", "cellar_proxy_ports": []},
    "refuse, a network": {
        "cellar_proxy_others": "refuse",
        "cellar_proxy_allowed": ["198.51.100.0/24", "2001:db8::/32"],
    },
    "names": {"cellar_proxy_allowed": [".corp.example", "a.corp.example", "git.example"]},
    "networks": {"cellar_proxy_allowed": ["10.1.0.0/16", "fd00:1::/64", "::1"]},
    "everything": {"cellar_proxy_allowed": ["0.0.0.0/0", "::/0"]},
    "far from the defaults": {
        "cellar_proxy_port": 8888,
        "cellar_proxy_networks": ["192.0.2.7", "2001:db8::/32", "0.0.0.0/0", "::/0"],
        "cellar_proxy_ports": [22, 443, 8443],
        "cellar_dns_servers": ["192.0.2.53", "2001:db8::53"],
        "cellar_server_names": [f"cache-{number}.example" for number in range(40)],
        "cellar_server_addresses": ["192.0.2.10", "2001:db8::10", "10.0.0.1"],
    },
}


def test_squid_understands_whatever_the_settings_make_of_its_configuration(
    appliance: Appliance,
) -> None:
    """Without a word of complaint."""
    hosts = {
        "cellar_pypi_index_host": appliance.names.index,
        "cellar_pypi_files_host": appliance.names.files,
    }
    for variant, settings in VARIANTS.items():
        text = render("connect_proxy", "squid.conf.j2", **hosts, **settings)
        appliance.run("sh -c %s", f"cat > /run/test-squid.conf <<'END'\n{text}\nEND")
        done = appliance.box.run("squid -k parse -f /run/test-squid.conf")
        words = [x for x in done.stderr.splitlines() if "Processing: " not in x]
        assert done.rc == 0, f"{variant}: {words}"
        assert not [x for x in words if "WARNING" in x or "ERROR" in x or "FATAL" in x], variant
    appliance.run("sh -c %s", "echo nonsense on >> /run/test-squid.conf")
    assert appliance.box.run("squid -k parse -f /run/test-squid.conf").rc != 0
    appliance.run("rm /run/test-squid.conf")


@dataclass(frozen=True)
class Another:
    """A second squid on the appliance, with its own settings and a DNS that a test speaks for."""

    appliance: Appliance
    proxy: Proxy
    dns: names.Dns


@contextmanager
def another_proxy(appliance: Appliance, **settings: Any) -> Iterator[Another]:
    port = 13128
    folder = "/run/test-proxy"
    dns = names.Dns(appliance)
    text = render(
        "connect_proxy",
        "squid.conf.j2",
        **{
            "cellar_pypi_index_host": appliance.names.index,
            "cellar_pypi_files_host": appliance.names.files,
            "cellar_server_names": [appliance.server_name],
            "cellar_proxy_port": port,
            "cellar_dns_servers": [names.ADDRESS],
            "__connect_proxy_log_mount": folder,
            **settings,
        },
    ).replace("/etc/cellar/proxy/errors", f"{folder}/errors")
    refusing = settings.get("cellar_proxy_others") == "refuse"
    closed = NOWHERE_ELSE if refusing else CLOSED
    appliance.run(f"install -d -o proxy {folder} && cp -r /etc/cellar/proxy/errors {folder}")
    appliance.run("sh -c %s", f"printf %s '{closed}' > {folder}/errors/CELLAR_CLOSED")
    appliance.run("sh -c %s", f"cat > {folder}/squid.conf <<'END'\n{text}\nEND")
    # A public address, as far as anybody here can tell, where upstream is.
    public = f"192.0.2.1/32 via {appliance.fakepypi_address}"
    try:
        dns.say({})
        dns.start()
        appliance.upstream.run("ip address replace 192.0.2.1/32 dev lo")
        appliance.run(f"ip route replace {public}")
        unit = "systemd-run --quiet --unit=test-proxy --property=User=proxy"
        appliance.run(f"{unit} squid -N -f {folder}/squid.conf")
        appliance.run(f"timeout 10 sh -c 'until ss -Hltn | grep -q :{port}; do sleep 0.1; done'")
        yield Another(appliance, Proxy(appliance.runner, appliance.inside, port), dns)
    finally:
        appliance.box.run(
            "systemctl kill --signal=KILL test-proxy; systemctl reset-failed test-proxy"
        )
        dns.stop()
        appliance.box.run(f"ip route del {public}; rm -r {folder}")
        appliance.upstream.box.run("ip address del 192.0.2.1/32 dev lo")


def test_a_name_that_points_inside_is_closed_and_one_that_does_not_is_tunnelled(
    appliance: Appliance,
) -> None:
    """By every address that it has; whoever owns a name says what they are."""
    answers = {
        "private.example": ["10.0.0.1"],
        "metadata.example": ["169.254.169.254"],
        "loopback.example": ["127.0.0.1"],
        "mixed.example": ["192.0.2.1", "169.254.169.254"],
        "allowed-and-not.example": [appliance.fakepypi_address, "127.0.0.1"],
        "localhost": ["127.0.0.1"],
        appliance.names.index: ["192.0.2.1"],
    }
    opened = {
        "public.example": ["192.0.2.1"],
        "of-the-network.example": [appliance.fakepypi_address],
        "git.corp.example": [appliance.fakepypi_address],
        "known.example": ["192.0.2.1"],
    }
    allowed = [appliance.fakepypi_address, ".corp.example", "known.example"]
    with another_proxy(appliance, cellar_proxy_allowed=allowed) as another:
        another.dns.say({**answers, **opened})
        closed = [name for name in answers if name != appliance.names.index]
        for name, said in zip(
            closed, another.proxy.connect(*(f"{n}:443" for n in closed)), strict=True
        ):
            assert (said.status, said.body) == (403, CLOSED), name
        for name in opened:
            seen = another.proxy.look(f"{name}:443", "/simple/demo/", name=appliance.names.index)
            assert (seen.status, seen.field("X-Cache")) == (200, None), name
        ours = another.proxy.look(f"{appliance.names.index}:443", "/simple/demo/")
        assert ours.field("X-Cache") is not None, "whatever DNS says"
        (unknown,) = another.proxy.connect("unknown.example:443")
        assert unknown.status in FAILED
        assert unknown.body == NOBODY


def test_where_the_rest_is_refused_there_is_pypi_and_what_is_allowed(appliance: Appliance) -> None:
    with another_proxy(
        appliance,
        cellar_proxy_others="refuse",
        cellar_proxy_allowed=[appliance.fakepypi_address, "git.example"],
    ) as another:
        another.dns.say(
            {
                "git.example": ["192.0.2.1"],
                "other.example": ["192.0.2.1"],
                "both.example": [appliance.fakepypi_address, "192.0.2.1"],
            }
        )
        refused = ["other.example:443", "192.0.2.1:443", "both.example:443", "127.0.0.1:443"]
        refused += ["[2001:db8::1]:443", "[::ffff:192.0.2.1]:443", "[::1]:443"]
        for target, said in zip(refused, another.proxy.connect(*refused), strict=True):
            assert (said.status, said.body) == (403, NOWHERE_ELSE), target
        for host in ("git.example", appliance.fakepypi_address):
            seen = another.proxy.look(f"{host}:443", "/simple/demo/", name=appliance.names.index)
            assert seen.status == 200, host
        ours = another.proxy.look(f"{appliance.names.index}:443", "/simple/demo/")
        assert ours.field("X-Cache") is not None


def test_a_destination_that_is_dead_is_told_so(appliance: Appliance, proxy: Proxy) -> None:
    appliance.run("ip route replace unreachable 192.0.2.9/32")
    try:
        (said,) = proxy.connect("192.0.2.9:443")
    finally:
        appliance.run("ip route del unreachable 192.0.2.9/32")
    assert said.status in FAILED
    assert said.body == NOBODY


def test_the_engine_sees_that_tunnels_come_from_the_proxy(
    appliance: Appliance, at: OpenDoor, proxy: Proxy, runner_ca: str, project: str
) -> None:
    """By an address of its own: 127.0.0.1 is the appliance itself."""
    name = appliance.names.index
    proxy.look(f"{name}:443", f"/by-proxy-{project}", ca=runner_ca)
    at(name).ask(f"/directly-{project}")
    log = "/var/log/cellar/access.log"
    text = appliance.run("sh -c %s", f"sleep 1.5; grep -F -e {project} {log}")
    clients = {line["uri"]: line["client"] for line in map(json.loads, text.splitlines())}
    assert clients[f"/by-proxy-{project}"] == SOURCE
    assert clients[f"/directly-{project}"] != SOURCE
