"""Asking the proxy door of an appliance, from wherever Debian's Python is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from support.deployment import Machine

PORT = 3128

# One JSON document of a list; every answer is the head and the body, or what kept it away.
_ASK = r"""
import json, socket, sys
def answer(address, port, request):
    with socket.create_connection((address, port), timeout=25) as connection:
        connection.sendall(request.encode("latin-1"))
        said = b""
        while b"\r\n\r\n" not in said:
            part = connection.recv(65536)
            if not part:
                return said
            said += part
        head, _, body = said.partition(b"\r\n\r\n")
        fields = [line.lower().split(b":") for line in head.split(b"\r\n")[1:]]
        lengths = [field[1] for field in fields if field[0] == b"content-length"]
        while lengths and len(body) < int(lengths[0]):
            part = connection.recv(65536)
            if not part:
                break
            body += part
        return head + b"\r\n\r\n" + body
def tried(address, port, request):
    try:
        return answer(address, port, request).decode("latin-1")
    except OSError as error:
        return f"{type(error).__name__}"
address, port, requests = json.loads(sys.argv[1])
print(json.dumps([tried(address, port, request) for request in requests]))
"""

# A tunnel, TLS in it, one request over that.
_LOOK = r"""
import hashlib, json, socket, ssl, sys
(address, port), target, name, ca, host, path = json.loads(sys.argv[1])
connection = socket.create_connection((address, port), timeout=25)
connection.sendall(f"CONNECT {target} HTTP/1.0\r\n\r\n".encode())
said = b""
while not said.endswith(b"\r\n\r\n"):
    byte = connection.recv(1)
    assert byte, said
    said += byte
assert said.split()[1] == b"200", said
context = ssl.create_default_context(cafile=ca)
if not ca:
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with context.wrap_socket(connection, server_hostname=name) as tls:
    shown = hashlib.sha256(tls.getpeercert(True)).hexdigest()
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", "", ""]
    tls.sendall("\r\n".join(lines).encode())
    whole = tls.makefile("rb").read()
head, _, body = whole.partition(b"\r\n\r\n")
print(json.dumps([shown, head.decode("latin-1"), body.decode("latin-1")]))
"""


@dataclass(frozen=True)
class Said:
    """An answer of the proxy itself: status (0 for none), header fields in lower case, body."""

    status: int
    fields: Mapping[str, str]
    body: str

    @classmethod
    def read(cls, raw: str) -> Said:
        head, _, body = raw.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        words = first.split(" ", 2)
        fields = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        return cls(int(words[1]) if words[0].startswith("HTTP/") else 0, fields, body)


@dataclass(frozen=True)
class Seen:
    """What is at the end of a tunnel: the certificate's SHA-256, the status line and the rest."""

    certificate: str
    head: str
    body: str

    @property
    def status(self) -> int:
        return int(self.head.split(" ", 2)[1])

    def field(self, name: str) -> str | None:
        """Return a header field, None if there is none."""
        for line in self.head.split("\r\n")[1:]:
            found, _, value = line.partition(":")
            if found.lower() == name.lower():
                return value.strip()
        return None


@dataclass(frozen=True)
class Proxy:
    """The proxy door at an address, for a machine that asks it."""

    machine: Machine
    address: str
    port: int = PORT

    def ask(self, *requests: str) -> list[Said]:
        """Send each request as it is, over a connection of its own, and return the answers."""
        return [Said.read(raw) for raw in self._run(_ASK, [self.address, self.port, requests])]

    def connect(self, *targets: str) -> list[Said]:
        """Ask for a tunnel to each target, "host:port", as pip does: with no header at all."""
        return self.ask(*(f"CONNECT {target} HTTP/1.0\r\n\r\n" for target in targets))

    def look(
        self, target: str, path: str = "/", *, name: str = "", host: str = "", ca: str = ""
    ) -> Seen:
        """
        Ask over TLS in a tunnel; `name` is SNI's, `host` the header field's, else the target's.

        Without `ca`, a file on the machine, any certificate will do.

        Raises:
            AssertionError: there is no tunnel, or no TLS in it.

        """
        name = name or target.rpartition(":")[0]
        ends: Sequence[Any] = [[self.address, self.port], target, name, ca, host or name, path]
        return Seen(*self._run(_LOOK, ends))

    def _run(self, program: str, given: Sequence[Any]) -> list[Any]:
        said = self.machine.run("/usr/bin/python3 -c %s %s", program, json.dumps(given))
        found: list[Any] = json.loads(said)
        return found
