"""Asking an appliance from itself, where nothing but Debian's Python is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.deployment import Appliance

_LOOK = """
import socket, ssl, sys
name, ca, path = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
with context.wrap_socket(socket.create_connection(("127.0.0.1", 443)), server_hostname=name) as tls:
    lines = [f"GET {path} HTTP/1.1", f"Host: {name}", "Connection: close", "", ""]
    tls.sendall("\\r\\n".join(lines).encode())
    sys.stdout.write(tls.makefile("rb").read().decode())
"""


def look(appliance: Appliance, path: str) -> tuple[str, dict[str, str], str]:
    """Ask the index door for a path; return the status line, the header and the body."""
    name, ca = appliance.server_name, "/etc/cellar/public/ca.pem"
    said = appliance.run("python3 -c %s %s %s %s", _LOOK, name, ca, path)
    header, _, body = said.partition("\r\n\r\n")
    status, *fields = header.split("\r\n")
    return status, dict(field.split(": ", 1) for field in fields), body
