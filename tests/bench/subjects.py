"""Who is measured with warm pages: the appliance, a plain file of the same nginx, and the peers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

from bench.nginx_text import text
from failure import Failure
from support.door import JSON, Door
from support.nginx import parse

if TYPE_CHECKING:
    from bench.machine import Machine
    from bench.site import Site

# What pip asks with.
HEADERS = {
    "Accept": f"{JSON}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
    "Accept-Encoding": "gzip",
}

_STATIC_PORT, _PROXPI_PORT, _DEVPI_PORT = 8443, 8444, 8445
_READY_WITHIN = 180.0  # seconds; devpi first makes its database

_STATIC_SERVER = """
server {{
    listen {port} ssl{http2} reuseport backlog=4096;
    location /simple/ {{
        root /srv/static;
        default_type {type};
        gzip_static always;
    }}
}}
"""

# devpi-gen-config writes the server for devpi; this is what any of them stands in.
_PEERS_NGINX = """\
user www-data;
worker_processes auto;
events {{
    worker_connections 8192;
}}
http {{
    sendfile on;
    tcp_nopush on;
    {tls}
    access_log /var/log/nginx/access.log;
    upstream proxpi {{
        server 127.0.0.1:5000;
        keepalive 16;
    }}
    server {{
        listen {proxpi_port} ssl;
        location / {{
            proxy_pass http://proxpi;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_buffers 16 64k;
            proxy_buffer_size 16k;
        }}
    }}
    include /srv/gen-config/nginx-devpi.conf;
}}
"""

# The command of its Dockerfile, but for the address that it listens on.
_PROXPI = (
    "/opt/proxpi/bin/gunicorn", "--preload", "--access-logfile", "-",
    "--access-logformat", '%(h)s "%(r)s" %(s)s %(b)s %(M)dms',
    "--logger-class", "proxpi.server._GunicornLogger", "proxpi.server:app",
    "--bind", "127.0.0.1:5000", "--threads", "2", "--no-control-socket",
)  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """
    Someone who serves project pages: in which container, on which port, under which path.

    All have the appliance's own name and certificate, so that TLS costs all the same.
    """

    name: str
    machine: Machine
    door: Door
    port: int
    path: str

    def url(self, project: str) -> str:
        """Return a project's page for somebody in the network of the container."""
        return f"https://127.0.0.1:{self.port}{self.path.format(project=project)}"

    @property
    def headers(self) -> dict[str, str]:
        """The header of a request, Host included."""
        return {"Host": self.door.name, **HEADERS}

    def fetch(self, project: str) -> tuple[bytes, float]:
        """Fetch a project's page; see `timed`."""
        return timed(self.door, self.path.format(project=project))


def timed(door: Door, path: str) -> tuple[bytes, float]:
    """
    Return a compressed body as it came, and the seconds from the request to its last byte.

    Raises:
        Failure: the answer is another one.

    """
    start = time.perf_counter()
    answer = door.ask(path, HEADERS, stream=True)
    body = answer.raw.read(decode_content=False)
    seconds = time.perf_counter() - start
    if answer.status_code != requests.codes.ok or answer.headers.get("Content-Encoding") != "gzip":
        raise Failure(
            f"{door.address}{path} was answered with {answer.status_code}: {body[:200]!r}"
        )
    return body, seconds


def cellar(site: Site) -> Subject:
    """Return the appliance."""
    return Subject("cellar", site.appliance, site.door, 443, "/simple/{project}/")


def static_file(site: Site, project: str) -> Subject:
    """
    Serve the appliance's own bytes for a project as a plain compressed file.

    By the same nginx, in the same sandbox, with the same configuration as the appliance, of which
    only the servers and their caches are left out. One file, one more process, the same work.
    """
    machine = site.appliance
    body, _ = cellar(site).fetch(project)
    machine.write_bytes(f"/srv/static/simple/{project}/page.gz", body)
    main = parse(machine.read("/etc/nginx/nginx.conf")).block
    (http,) = (directive for directive in main if directive.name == "http")
    kept = [d for d in http.block if d.name not in {"server", "upstream", "proxy_cache_path"}]
    http2 = "" if any(d.name == "http2" for d in kept) else " http2"
    server = _STATIC_SERVER.format(port=_STATIC_PORT, http2=http2, type=JSON)
    others = text(directive for directive in main if directive.name != "http")
    machine.write("/etc/nginx/static.conf", f"{others}\nhttp {{\n{text(kept)}\n{server}}}\n")
    unit = machine.read("/etc/systemd/system/nginx.service")
    unit = unit.replace("/run/nginx/", "/run/static/").replace(
        "RuntimeDirectory=nginx", "RuntimeDirectory=static"
    )
    unit = unit.replace("/usr/sbin/nginx ", "/usr/sbin/nginx -c /etc/nginx/static.conf ")
    machine.write("/etc/systemd/system/static.service", unit)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "static.service")
    subject = Subject(
        "static file",
        machine,
        Door(f"{machine.address}:{_STATIC_PORT}", site.server_name, site.door.ca),
        _STATIC_PORT,
        "/simple/{project}/page",
    )
    return _ready(subject, project)


def peers(site: Site, project: str) -> tuple[Subject, Subject]:
    """Start proxpi and devpi, each as its own documentation says, behind one nginx for TLS."""
    machine = site.peers
    for file in ("server.pem", "server.key"):
        machine.write(f"/etc/cellar/tls/{file}", site.appliance.read(f"/etc/cellar/tls/{file}"))
    # Of a run that was told to keep everything.
    machine.run(
        "sh", "-c", "systemctl -q stop proxpi devpi || true; rm -rf /srv/devpi /srv/gen-config"
    )
    trust = "--setenv=REQUESTS_CA_BUNDLE=/srv/upstream/ca.pem"
    machine.run("systemd-run", "--quiet", "--collect", "--unit=proxpi", trust, *_PROXPI)
    devpi = ("--serverdir", "/srv/devpi")
    machine.run("/opt/devpi/bin/devpi-init", *devpi)
    generate = 'cd /srv && exec /opt/devpi/bin/devpi-gen-config "$@"'
    machine.run("sh", "-c", generate, "sh", *devpi)
    listening = machine.read("/srv/gen-config/nginx-devpi.conf").replace(
        "listen 80;", f"listen {_DEVPI_PORT} ssl;"
    )
    machine.write("/srv/gen-config/nginx-devpi.conf", listening)
    server = ("/opt/devpi/bin/devpi-server", *devpi)
    machine.run("systemd-run", "--quiet", "--collect", "--unit=devpi", trust, *server)
    (http,) = parse(site.appliance.read("/etc/nginx/nginx.conf")).all("http")
    tls = text(directive for directive in http.block if directive.name.startswith("ssl_"))
    machine.write("/etc/nginx/nginx.conf", _PEERS_NGINX.format(tls=tls, proxpi_port=_PROXPI_PORT))
    machine.run("systemctl", "restart", "nginx")

    def subject(name: str, port: int, path: str) -> Subject:
        door = Door(f"{machine.address}:{port}", site.server_name, site.door.ca)
        return _ready(Subject(name, machine, door, port, path), project)

    return (
        subject("proxpi", _PROXPI_PORT, "/index/{project}/"),
        subject("devpi", _DEVPI_PORT, "/root/pypi/+simple/{project}/"),
    )


def _ready(subject: Subject, project: str) -> Subject:
    """Return the subject once it serves the page."""
    deadline = time.monotonic() + _READY_WITHIN
    while True:
        try:
            subject.fetch(project)
        except (Failure, requests.RequestException) as error:
            if time.monotonic() > deadline:
                log = subject.machine.run("journalctl", "--no-pager", "--lines=5", "--output=cat")
                raise Failure(f"{subject.name} serves no pages: {error}\n{log}") from error
            time.sleep(0.5)
        else:
            return subject
