"""A host that is a folder, and an appliance that is a thread."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from cellar_runner.host import Host
from unit.runner.trees import write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NAMES = ("index.example", "files.example")


class Appliance:
    """
    A TLS server for names, with an authority of its own, and a proxy in front of it.

    `answer` is what the proxy says to a CONNECT; `asked` are the first lines of what it was asked.
    """

    def __init__(self, *names: str) -> None:
        self.authority = trustme.CA()
        self.pem = self.authority.cert_pem.bytes().decode()
        self.answer = b"HTTP/1.1 200 Connection established\r\n\r\n"
        self.asked: list[str] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*names).configure_cert(self._context)
        self._sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.port, self.proxy_port = (each.getsockname()[1] for each in self._sockets)
        for server, proxied in zip(self._sockets, (False, True), strict=True):
            threading.Thread(target=self._serve, args=(server, proxied), daemon=True).start()

    def close(self) -> None:
        for server in self._sockets:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()

    def _serve(self, server: socket.socket, proxied: bool) -> None:  # noqa: FBT001
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(5)
                if proxied:
                    self.asked.append(connection.recv(4096).split(b"\r\n")[0].decode())
                    connection.sendall(self.answer)
                # A client that has gone without a word: ssl would leave a socket open for it.
                if not connection.recv(1, socket.MSG_PEEK):
                    continue
                with self._context.wrap_socket(connection, server_side=True) as tls:
                    tls.recv(1)


@pytest.fixture
def appliances() -> Iterator[Any]:
    """Return what starts appliances."""
    with ExitStack() as stack:

        def start(*names: str) -> Appliance:
            made = Appliance(*(names or (*NAMES, "127.0.0.1")))
            stack.callback(made.close)
            return made

        yield start


@pytest.fixture
def appliance(appliances: Any) -> Appliance:
    made: Appliance = appliances()
    return made


@pytest.fixture
def root_pem() -> str:
    """Return a certificate that the system trusts."""
    return trustme.CA().cert_pem.bytes().decode()


@pytest.fixture
def host(tmp_path: Path, root_pem: str) -> Host:
    """Return a Debian-like host with systemd."""
    made = Host(tmp_path / "host")
    write(made.path("/etc/ssl/certs/ca-certificates.crt"), f"# system\n{root_pem}")
    write(made.path("/etc/hosts"), "127.0.0.1 localhost\n")
    write(made.path("/etc/environment"), "")
    write(made.path("/usr/sbin/update-ca-certificates"), "#!/bin/sh\n", 0o755)
    made.path("/run/systemd/system").mkdir(parents=True)
    made.path("/etc/profile.d").mkdir()
    return made


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Return the commands that ran, as far as anybody can tell."""
    ran: list[tuple[str, ...]] = []

    def run(command: Any) -> str:
        ran.append(command.arguments)
        return ""

    monkeypatch.setattr("cellar_runner.routing._run", run)
    return ran


def settings_of(appliance: Appliance, **changes: Any) -> dict[str, Any]:
    """Return the settings of a host that uses an appliance."""
    return {
        "mode": "intercept",
        "address": "127.0.0.1",
        "server_name": "127.0.0.1",
        "names": list(NAMES),
        "https_port": appliance.port,
        "proxy_port": appliance.proxy_port,
        "no_proxy": ["localhost", "127.0.0.1", "::1"],
        "targets": "auto",
        "authorities": [appliance.pem],
        "metrics_file": "/run/cellar-runner/cellar-runner.prom",
        "fail": "open",
        **changes,
    }


def install_settings(host: Host, settings: Mapping[str, Any]) -> None:
    """Write the settings like the role does."""
    write(host.path("/var/lib/cellar-runner/settings.json"), json.dumps(settings), 0o600)
