"""The doors of the appliance, tried in the way that jobs go."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from cellar_runner.plan import Mode
from cellar_runner.refusal import Refusal

if TYPE_CHECKING:
    from cellar_runner.settings import Settings

_HTTPS = 443


class Unreachable(Refusal):
    """Nobody answers, or nobody who speaks what the appliance speaks."""


class Foreign(Refusal):
    """Somebody answers who is not the appliance, as far as certificates tell."""


def try_doors(settings: Settings, mode: Mode, *, timeout: float = 5) -> None:
    """
    Connect as the clients of a mode do: TLS for each name, by name, with the authorities alone.

    `timeout` is for each step, in seconds.

    Raises:
        Unreachable: a door does not answer.
        Foreign: it answers with a certificate that is not of the authorities, or of another name.

    """
    if mode is Mode.INDEX:
        _handshake(settings, settings.server_name, settings.server_name, mode, timeout)
        return
    for name in settings.names:
        _handshake(settings, settings.address, name, mode, timeout)


def context_for(settings: Settings) -> ssl.SSLContext:
    """Return what the appliance's certificate is verified with; the system's, if it is public."""
    if not settings.authorities:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata="".join(settings.authorities))
    return context


def _handshake(settings: Settings, host: str, name: str, mode: Mode, timeout: float) -> None:
    port = settings.proxy_port if mode is Mode.PROXY else settings.https_port
    door = f"the appliance ({host}, port {port})"
    try:
        with socket.create_connection((host, port), timeout=timeout) as connection:
            if mode is Mode.PROXY:
                _connect(connection, name, door)
            with context_for(settings).wrap_socket(connection, server_hostname=name):
                return
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message.rstrip(".")
        whose = "cellar_runner_ca_files" if settings.authorities else "the system's trust store"
        raise Foreign(
            f"{door} answers for {name} with a certificate that does not fit to {whose}: {reason}"
        ) from error
    except OSError as error:
        late = isinstance(error, TimeoutError)
        reason = "it takes too long" if late else error.strerror or str(error)
        raise Unreachable(f"{door} does not answer for {name}: {reason}") from error


def _connect(connection: socket.socket, name: str, door: str) -> None:
    """Ask a proxy for a tunnel to a name (RFC 9110, section 9.3.6)."""
    target = f"{name}:{_HTTPS}"
    connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        received = connection.recv(4096)
        answer += received
        if not received or len(answer) > 2**16:
            raise Unreachable(f"{door} is no proxy: it answers a CONNECT by {answer[:80]!r}")
    status = answer.split(b"\r\n", 1)[0].split(b" ", 2)
    if len(status) < 2 or status[1] != b"200":  # noqa: PLR2004 # version and status
        line = answer.split(b"\r\n", 1)[0].decode(errors="replace")
        raise Unreachable(f"{door} does not let jobs reach {name}: {line}")
