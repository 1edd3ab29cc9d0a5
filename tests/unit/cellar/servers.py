"""Scripted HTTPS servers on loopback, for tests that need a real connection."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import trustme


@dataclass(frozen=True)
class Request:
    """What a client sent: the method, the path and the header, its names in lower case."""

    method: str
    path: str
    header: dict[str, str]


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    header: dict[str, str] = field(default_factory=dict)


Script = Callable[[Request], Answer]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    script: Script
    tls: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        # In the connection's own thread, so that a handshake cannot hold up other clients.
        try:
            with self.tls.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)
        except OSError:
            pass  # the client went away, or does not trust this server: tests see it there


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else every answer waits 40 ms for the client to acknowledge the TLS session ticket.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        header = {name.lower(): value for name, value in self.headers.items()}
        answer = cast("_Server", self.server).script(Request(self.command, self.path, header))
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.header}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class names it
        pass


@contextmanager
def https_server(
    ca: trustme.CA, names: list[str], script: Script, ends: datetime | None = None
) -> Iterator[int]:
    """Serve `script` on 127.0.0.1 with a certificate for `names`, until `ends`; yields the port."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.script = script
    server.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(*names, not_after=ends).configure_cert(server.tls)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
