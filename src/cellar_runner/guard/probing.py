"""
Asks an appliance how it is, the way that jobs go.

Jobs that are led to the intercept door connect for PyPI's two names, so both are tried: the same
address, port, handshake and trust. Over that connection the appliance is then asked for its own
health, by its own name in the field Host: a path of PyPI's is never asked for, and none is hidden.

Handshakes are what a probe costs the appliance. So as long as it is well the names take turns, and
in doubt all are tried.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cellar_runner.plan import BUNDLE, Mode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cellar_runner.host import Host
    from cellar_runner.settings import Settings

#: Seconds for all of it.
PATIENCE = 2.0
# What is asked: does the engine serve, and can it have pages made?
_HEALTH = "/healthz"
_PAGES = "/healthz/pages"
# Bytes; an answer is a sentence.
_LONGEST_ANSWER = 16 * 1024
_OK = 200


@dataclass(frozen=True, slots=True)
class Way:
    """
    How jobs reach the appliance.

    They connect to `host` and `port`: the door itself, or with PROXY the proxy door, which then
    leads to port 443 of a name. `names` are those that a certificate is wanted for. `server_name`
    is the appliance's own. `bundle` is what jobs trust.
    """

    mode: Mode
    host: str
    port: int
    names: tuple[str, ...]
    server_name: str
    bundle: Path


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    How an appliance is: a sentence for what is wrong, "" if it is well.

    `seconds` is how long it took, `certificate_end` when the first certificate that was seen ends
    (seconds since 1970), 0 if none was.
    """

    trouble: str
    seconds: float
    certificate_end: float = 0.0

    @property
    def well(self) -> bool:
        """Tell whether jobs can be sent there."""
        return not self.trouble


def way_of(host: Host, settings: Settings, mode: Mode) -> Way:
    """Return the way of a mode's jobs on a host with these settings."""
    bundle = host.path(BUNDLE)
    own = settings.server_name
    if mode is Mode.INDEX:
        return Way(mode, own, settings.https_port, (own,), own, bundle)
    port = settings.proxy_port if mode is Mode.PROXY else settings.https_port
    return Way(mode, settings.address, port, settings.names, own, bundle)


class _Trouble(Exception):  # noqa: N818 # it becomes a sentence
    """What is wrong, in a sentence."""


class _Deadline:
    """A time at which all waiting ends."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left; raises TimeoutError if there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class Prober:
    """Asks by one way, again and again."""

    def __init__(self, way: Way, patience: float = PATIENCE) -> None:
        """Prepare to ask; `patience` is the seconds for one verdict, whatever happens."""
        self._way = way
        self._patience = patience
        self._names = _Names()
        self._trust = _Trust(way.bundle)
        self._turns = 0
        self._doubt = True

    def probe(self) -> Verdict:
        """Return how the appliance is, within the patience; raises nothing."""
        begun = time.monotonic()
        deadline = _Deadline(self._patience)
        ends: list[float] = []
        trouble = ""
        names = self._way.names
        if not self._doubt:
            names = (names[self._turns % len(names)],)
        self._turns += 1
        try:
            for name, paths in _questions(names):
                ends.append(self._ask(name, paths, deadline))
        except _Trouble as error:
            trouble = str(error)
        self._doubt = bool(trouble)
        return Verdict(trouble, time.monotonic() - begun, min(ends, default=0.0))

    def _ask(self, name: str, paths: tuple[str, ...], deadline: _Deadline) -> float:
        """Connect for a name and ask for paths; return when the certificate ends."""
        context = self._trust.context()
        connection = self._connected(deadline)
        try:
            if self._way.mode is Mode.PROXY:
                self._tunnel(connection, name, deadline)
            tls = self._secured(connection, context, name, deadline)
        except BaseException:
            connection.close()
            raise
        with tls:
            for path in paths:
                self._ask_health(tls, path, deadline)
            return _end(tls)

    @property
    def _there(self) -> str:
        return f"{self._way.host} port {self._way.port}"

    @property
    def _proxy(self) -> str:
        return f"The proxy {self._there}"

    def _connected(self, deadline: _Deadline) -> socket.socket:
        """Connect as clients do: to each address of the name, until one takes the connection."""
        addresses = self._names.look_up(self._way.host, self._way.port, deadline)
        trouble = "nothing is known of it"
        for number, (family, address) in enumerate(addresses):
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(deadline.left() / (len(addresses) - number))
                connection.connect(address)
            except OSError as error:
                connection.close()
                # A time-out of the system's own comes after minutes, and is none of these.
                silent = isinstance(error, TimeoutError)
                trouble = (
                    f"no answer within {deadline.seconds:g} seconds" if silent else _said(error)
                )
            else:
                return connection
        raise _Trouble(f"{self._there} takes no connection: {trouble}.")

    def _tunnel(self, connection: socket.socket, name: str, deadline: _Deadline) -> None:
        """Ask the proxy door for a tunnel (RFC 9110 section 9.3.6)."""
        request = f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n"
        try:
            status, _ = _exchange(connection, request, deadline, body=False)
        except TimeoutError:
            raise _Trouble(
                f"{self._proxy} does not lead to {name} within {deadline.seconds:g} seconds."
            ) from None
        except (OSError, ValueError) as error:
            raise _Trouble(f"{self._proxy} does not lead to {name}: {_said(error)}.") from None
        if status != _OK:
            raise _Trouble(f"{self._proxy} does not lead to {name}: it answered {status}.")

    def _secured(
        self, connection: socket.socket, context: ssl.SSLContext, name: str, deadline: _Deadline
    ) -> ssl.SSLSocket:
        try:
            connection.settimeout(deadline.left())
            return context.wrap_socket(connection, server_hostname=name)
        except TimeoutError:
            raise _Trouble(
                f"{self._there} does not speak TLS for {name} within {deadline.seconds:g} seconds."
            ) from None
        except ssl.SSLCertVerificationError as error:
            raise _Trouble(
                f"The certificate that {self._there} shows for {name} is not trusted:"
                f" {error.verify_message.rstrip('.')}."
            ) from None
        except (OSError, ValueError) as error:
            raise _Trouble(
                f"{self._there} does not speak TLS for {name}: {_said(error)}."
            ) from None

    def _ask_health(self, tls: ssl.SSLSocket, path: str, deadline: _Deadline) -> None:
        fields = f"Host: {self._way.server_name}\r\nUser-Agent: cellar-runner\r\n"
        request = f"GET {path} HTTP/1.1\r\n{fields}\r\n"
        asked = f"{self._there} does not say how it is ({path})"
        try:
            status, body = _exchange(tls, request, deadline)
        except TimeoutError:
            raise _Trouble(f"{asked} within {deadline.seconds:g} seconds.") from None
        except (OSError, ValueError) as error:
            raise _Trouble(f"{asked}: {_said(error)}.") from None
        if status != _OK:
            raise _Trouble(_sentence(body) or f"{asked}: it answered {status}.")


def _questions(names: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the names, and what is asked over the connection for each; all is asked once."""
    *others, last = names
    for name in others[:1]:
        yield name, (_HEALTH,)
    for name in others[1:]:
        yield name, ()
    yield last, (_PAGES,) if others else (_HEALTH, _PAGES)


def _exchange(
    connection: socket.socket, request: str, deadline: _Deadline, *, body: bool = True
) -> tuple[int, str]:
    """
    Send a request and return status and body of the answer (RFC 9112).

    Raises:
        TimeoutError: the answer is not whole in time, however it drips.
        OSError: the connection broke.
        ValueError: that is no answer.

    """
    connection.settimeout(deadline.left())
    connection.sendall(request.encode("ascii"))
    received = b""
    while b"\r\n\r\n" not in received:
        received += _received(connection, received, deadline)
    head, _, rest = received.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    version, _, status = first.partition(" ")
    if not version.startswith("HTTP/1.") or not status[:3].isdigit():
        raise ValueError("its answer is not HTTP")
    length = 0
    for field in fields if body else ():
        name, _, value = field.partition(":")
        if name.lower() == "content-length":
            length = int(value) if value.strip().isdigit() else _LONGEST_ANSWER + 1
    while len(rest) < length:
        rest += _received(connection, received + rest, deadline)
    return int(status[:3]), rest[:length].decode("utf-8", "replace")


def _received(connection: socket.socket, before: bytes, deadline: _Deadline) -> bytes:
    if len(before) > _LONGEST_ANSWER:
        raise ValueError("its answer does not end")
    connection.settimeout(deadline.left())
    received = connection.recv(4096)
    if not received:
        raise ConnectionError("it closed the connection")
    return received


def _sentence(body: str) -> str:
    """Return the sentence that an appliance says in place of 200, "" if it says none."""
    line = body.strip()
    return f"The appliance says: {line}" if line.startswith("Cellar: ") and "\n" not in line else ""


def _said(error: Exception) -> str:
    """Return what the system says of an error, as the end of a sentence."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it is not TLS").replace("_", " ").lower()
    return str(getattr(error, "strerror", None) or error).rstrip(".")


def _end(tls: ssl.SSLSocket) -> float:
    certificate = tls.getpeercert() or {}
    return float(ssl.cert_time_to_seconds(str(certificate["notAfter"])))


class _Trust:
    """What jobs trust: the bundle, read again when it is another one."""

    def __init__(self, bundle: Path) -> None:
        self._bundle = bundle
        self._seen: tuple[int, int, int] | None = None
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """Return the trust; raises _Trouble if the bundle cannot be used."""
        try:
            status = self._bundle.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if self._context is None or seen != self._seen:
                self._context, self._seen = ssl.create_default_context(cafile=self._bundle), seen
        except (OSError, ValueError) as error:
            raise _Trouble(f"{self._bundle} cannot be used: {_said(error)}.") from None
        return self._context


Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]


class _Names:
    """
    Looks up names as jobs do.

    The C library takes as long as it likes, so it does that in a thread of its own. Never in a
    second one for the same name: they would pile up behind a silent server.
    """

    def __init__(self) -> None:
        self._under_way: _Lookup | None = None

    def look_up(self, host: str, port: int, deadline: _Deadline) -> list[Address]:
        """Return the addresses, best first; raises _Trouble."""
        lookup = self._under_way
        if lookup is None or not lookup.is_alive():
            lookup = self._under_way = _Lookup(host, port)
            lookup.start()
        with suppress(TimeoutError):
            lookup.join(deadline.left())
        if lookup.is_alive():
            raise _Trouble(
                f"The name {host} cannot be looked up within {deadline.seconds:g} seconds."
            )
        self._under_way = None
        if isinstance(lookup.found, OSError):
            raise _Trouble(f"The name {host} cannot be looked up: {_said(lookup.found)}.")
        return lookup.found


class _Lookup(threading.Thread):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(daemon=True)
        self._place = host, port
        self.found: list[Address] | OSError = []

    def run(self) -> None:
        """Ask the C library."""
        try:
            found = socket.getaddrinfo(*self._place, type=socket.SOCK_STREAM)
            self.found = [(each[0], each[4]) for each in found]  # type: ignore[misc] # IP only
        except OSError as error:
            self.found = error
        except UnicodeError as error:
            self.found = OSError(str(error))
