"""What the appliance is measured by: the same nginx, serving plain files, with and without TLS."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.nginx_text import text
from bench.subjects.subject import Subject, cellar, ready
from support.door import JSON, Door
from support.nginx import Directive, parse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bench.machine import Machine
    from bench.site import Site

# Below both nginxes that are started here, and below one path of each.
STATIC = "/static/"

_STATIC_PORT, PLAIN_PORT = 8443, 8081
_CACHE = "/var/cache/cellar"

_STATIC_SERVER = """
server {{
    listen {port} ssl{http2} reuseport backlog=4096;
    location /simple/ {{
        root /srv/static;
        default_type {type};
        gzip_static always;
    }}
    {files}
}}
"""
_STATIC_FILES = f"location {STATIC} {{ root /srv; default_type application/octet-stream; }}"


def static_file(site: Site, project: str) -> Subject:
    """
    Serve the appliance's own bytes for a project as a plain compressed file.

    By the same nginx, in the same sandbox, with the same configuration as the appliance, of which
    only the servers and their caches are left out. One file, one more process, the same work. What
    lies in `/srv/static` is served below `STATIC`.
    """
    machine = site.appliance
    body, _ = cellar(site).fetch(project)
    machine.write_bytes(f"/srv/static/simple/{project}/page.gz", body)
    main = parse(machine.read("/etc/nginx/nginx.conf"))
    _start(machine, "static", static_configuration(main))
    subject = Subject(
        "static file",
        machine,
        Door(f"{machine.address}:{_STATIC_PORT}", site.server_name, site.door.ca),
        _STATIC_PORT,
        "/simple/{project}/page",
    )
    return ready(subject, project)


def static_configuration(main: Directive) -> str:
    """Return the configuration of an appliance with one server, of plain files, in place of its."""
    (http,) = main.all("http")
    kept = [d for d in http.block if d.name not in {"server", "upstream", "proxy_cache_path"}]
    # Other maps are of variables that only the servers have.
    maps, used = {}, [d for d in kept if d.name != "map"]
    for directive in kept:
        if directive.name == "map":
            maps[directive.arguments[1].removeprefix("$")] = directive
    for directive in used:  # it grows meanwhile
        used += [maps.pop(name) for name in _variables(directive) if name in maps]
    http2 = "" if any(d.name == "http2" for d in kept) else " http2"
    server = _STATIC_SERVER.format(port=_STATIC_PORT, http2=http2, type=JSON, files=_STATIC_FILES)
    others = text(directive for directive in main.block if directive.name != "http")
    return f"{others}\nhttp {{\n{text(used)}\n{server}}}\n"


def _variables(directive: Directive) -> list[str]:
    words = (word for each in directive.walk() for word in (each.name, *each.arguments))
    return re.findall(r"\$\{?(\w+)", " ".join(words))


def start_plain(site: Site) -> None:
    """
    Serve what the appliance serves without TLS, at port `PLAIN_PORT` of its loopback address.

    By the same nginx, in the same sandbox, with the same configuration, of which only the
    addresses, the socket and the folder of the caches are others. Below `STATIC` it serves what
    lies in `/srv/static`.
    """
    machine = site.appliance
    machine.run("sh", "-c", 'mkdir -p "$2/temp" && chown -R --reference="$1" "$2"', "sh",
                _CACHE, _moved(_CACHE))  # fmt: skip
    configuration = text(without_tls(parse(machine.read("/etc/nginx/nginx.conf")).block))
    _start(machine, "plain", _moved(configuration), move_cache=True)


def without_tls(directives: Iterable[Directive]) -> list[Directive]:
    """Return a configuration whose servers listen without TLS, on `PLAIN_PORT` or their socket."""
    (files,) = parse(_STATIC_FILES).block
    changed = []
    for directive in directives:
        if directive.name == "http2":
            continue
        if directive.name == "server" and directive.block:
            listens = [words for words in directive.values("listen") if "ssl" in words]
            sockets = [words for words in directive.values("listen") if words[0][:5] == "unix:"]
            if not listens and not sockets:
                continue  # it is without TLS already, and no part of what is measured
            plain = [
                (f"127.0.0.1:{PLAIN_PORT}", *(w for w in words[1:] if w not in {"ssl", "http2"}))
                for words in listens
                if not words[0].startswith("[")
            ]
            kept = [d for d in directive.block if d.name not in {"listen", "ssl_reject_handshake"}]
            listening = [Directive("listen", words, ()) for words in plain + sockets]
            own = [files] if listens else []
            changed.append(replace(directive, block=(*listening, *own, *kept)))
        else:
            changed.append(replace(directive, block=tuple(without_tls(directive.block))))
    return changed


def put_static(machine: Machine, content: Path) -> str:
    """Put a file of this machine where both nginxes serve it; returns its path there."""
    machine.run("mkdir", "-p", "/srv/static")
    machine.copy(content, f"/srv/static/{content.name}")
    return f"{STATIC}{content.name}"


def _start(machine: Machine, name: str, configuration: str, *, move_cache: bool = False) -> None:
    """Start one more nginx, as the appliance's own unit does, with folders of its own."""
    machine.write(f"/etc/nginx/{name}.conf", configuration)
    unit = machine.read("/etc/systemd/system/nginx.service")
    unit = unit.replace("/run/nginx/", f"/run/{name}/").replace(
        "RuntimeDirectory=nginx", f"RuntimeDirectory={name}"
    )
    unit = unit.replace("/usr/sbin/nginx ", f"/usr/sbin/nginx -c /etc/nginx/{name}.conf ")
    machine.write(f"/etc/systemd/system/{name}.service", _moved(unit) if move_cache else unit)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", f"{name}.service")


def _moved(words: str) -> str:
    return words.replace(_CACHE, "/var/cache/plain").replace("/run/nginx/", "/run/plain/")
