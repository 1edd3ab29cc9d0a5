"""The peers: proxpi and devpi, each with its documented production settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.nginx_text import text
from bench.subjects.subject import Subject, ready
from support.door import Door
from support.nginx import parse

if TYPE_CHECKING:
    from bench.site import Site

_PROXPI_PORT, _DEVPI_PORT = 8444, 8445

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
        return ready(Subject(name, machine, door, port, path), project)

    return (
        subject("proxpi", _PROXPI_PORT, "/index/{project}/"),
        subject("devpi", _DEVPI_PORT, "/root/pypi/+simple/{project}/"),
    )
