"""A client that hides nothing: one request over a socket of its own, and all that came back."""

import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """
    What came until the end, and how it ended.

    Header names are lower case; the body is as it came, chunks and codings included. `end` is
    "closed" (FIN), "reset" (RST), or "silence" (nothing more within the timeout).
    """

    first_line: str
    headers: Mapping[str, str]
    body: bytes
    end: Literal["closed", "reset", "silence"]

    @property
    def status(self) -> int:
        """The status code; 0 if there is no status line."""
        parts = self.first_line.split()
        return int(parts[1]) if self.first_line.startswith("HTTP/") else 0


@dataclass(frozen=True)
class RawClient:
    """
    Asks `address`:`port` over TLS, whatever host name a request is for.

    `ca` is the only trusted CA (PEM file); `timeout` is in seconds of silence.
    """

    port: int
    ca: Path
    address: str = "127.0.0.1"
    timeout: float = 5.0

    def ask(
        self,
        host: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes = b"",
    ) -> Answer:
        """
        Send one request with SNI and Host both `host`, and read to the end.

        Raises:
            OSError: no connection, or no TLS with a certificate for `host`.

        """
        context = ssl.create_default_context(cafile=str(self.ca))
        request = request_bytes(host, path, headers, method=method, body=body)
        return self._exchange(context, host, request)

    def ask_with_sni(self, sni: str | None, request: bytes) -> Answer:
        """
        Send bytes over TLS with any SNI or none; the certificate is not checked.

        Raises:
            OSError: no connection, or no TLS.

        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return self._exchange(context, sni, request)

    def _exchange(self, context: ssl.SSLContext, sni: str | None, request: bytes) -> Answer:
        with socket.create_connection((self.address, self.port), self.timeout) as connected:
            secured = _Secured(connected, context, sni)
            return exchange(secured.write, secured.read, request)


class _Secured:
    """TLS over a socket that keeps RST and FIN apart, which ssl.SSLSocket does not."""

    def __init__(
        self, connected: socket.socket, context: ssl.SSLContext, server_name: str | None
    ) -> None:
        self._socket = connected
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._carry_out(self._tls.do_handshake)

    def write(self, data: bytes) -> None:
        self._carry_out(lambda: self._tls.write(data))

    def read(self) -> bytes:
        try:
            return self._carry_out(lambda: self._tls.read(65536))
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""

    def _carry_out(self, action: Callable[[], T]) -> T:
        while True:
            try:
                result = action()
            except ssl.SSLWantReadError:
                self._socket.sendall(self._outgoing.read())
                if data := self._socket.recv(65536):
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            else:
                self._socket.sendall(self._outgoing.read())
                return result


def request_bytes(
    host: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    body: bytes = b"",
) -> bytes:
    """Return a request that closes its connection, as bytes."""
    fields = {"Host": host, "Connection": "close", **(headers or {})}
    if body:
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def exchange(write: Callable[[bytes], None], read: Callable[[], bytes], request: bytes) -> Answer:
    """Write a request and read to the end (`read` returns nothing), or to a timeout."""
    end: Literal["closed", "reset", "silence"] = "closed"
    received = bytearray()
    try:
        write(request)
        while data := read():
            received += data
    except ConnectionResetError:
        end = "reset"
    except TimeoutError:
        end = "silence"
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    first_line, *fields = head.decode("latin-1").split("\r\n")
    named = (field.partition(": ") for field in fields)
    return Answer(first_line, {name.lower(): value for name, _, value in named}, body, end)
