"""Clients: a connection each, all on one epoll, as Python is quick enough while it only reads."""

from __future__ import annotations

import re
import resource
import select
import socket
import ssl
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bench.downloads.load import Download, Downloads, Load

_PIECE = 256 * 1024
_PIECES_AT_FIRST, _PIECES_A_TURN = 2, 16  # then it is another client's turn
_LONGEST_HEAD = 64 * 1024
_REDIRECTS = {301, 302, 303, 307, 308}
_LONGEST_SETTLING = 30.0  # seconds, for the handshakes


@dataclass
class _Turns:
    """
    How many pieces a client reads before it is another one's turn.

    A few, while there are clients `without` a first byte: theirs are not late because others read.
    """

    without: int

    @property
    def pieces(self) -> int:
        return _PIECES_AT_FIRST if self.without else _PIECES_A_TURN


# What a client waits for: the events of epoll on its connection.
_Steps = Generator[int, None, None]


@dataclass
class _Client:
    """A client's connection, which a redirect replaces, and what came of it."""

    load: Load
    context: ssl.SSLContext
    epoll: select.epoll
    by_number: dict[int, _Client]
    turns: _Turns
    until: float = 0.0
    begun: float = 0.0
    done: Download = field(default_factory=Download)
    steps: _Steps = field(init=False)
    connection: socket.socket = field(init=False)
    events: int = 0

    def wait(self, events: int) -> None:
        if events != self.events:
            self.epoll.modify(self.connection, events)
            self.events = events

    def connect(self, address: str, port: int, name: str, *, tls: bool) -> _Steps:
        """Connect, as far as to the end of the handshake."""
        connection = socket.create_connection((address, port))
        connection.settimeout(0)
        if tls:
            connection = self.context.wrap_socket(
                connection, server_hostname=name, do_handshake_on_connect=False
            )
        self.connection = connection
        self.by_number[connection.fileno()] = self
        self.events = select.EPOLLIN
        self.epoll.register(connection, self.events)
        while isinstance(connection, ssl.SSLSocket):
            try:
                connection.do_handshake()
                break
            except ssl.SSLWantReadError:
                yield select.EPOLLIN
            except ssl.SSLWantWriteError:
                yield select.EPOLLOUT

    def close(self) -> None:
        if self.connection.fileno() == -1:
            return
        self.by_number.pop(self.connection.fileno(), None)
        self.epoll.unregister(self.connection)
        self.connection.close()

    def download(self, path: str, name: str) -> _Steps:
        """Ask, follow redirects as installers do, and read to the end of the body."""
        while True:
            request = f"GET {path} HTTP/1.1\r\nHost: {name}\r\nAccept-Encoding: identity\r\n\r\n"
            self.connection.sendall(request.encode())
            buffer = memoryview(bytearray(_PIECE))
            head = b""
            while b"\r\n\r\n" not in head:
                count = self._read(buffer)
                if count is None:
                    yield select.EPOLLIN
                elif count == 0 or len(head) > _LONGEST_HEAD:
                    raise ConnectionError("the connection ended within the head of an answer")
                else:
                    head += buffer[:count]
            head, _, rest = head.partition(b"\r\n\r\n")
            status, headers = _parsed(head)
            if status not in _REDIRECTS:
                yield from self._body(status, headers, len(rest), buffer)
                return
            self.done.redirects += 1
            self.close()
            target = urlsplit(headers["location"])
            name, path = target.hostname or name, target.path
            address = self.load.elsewhere or self.load.address
            yield from self.connect(address, target.port or 443, name, tls=True)

    def _body(self, status: int, headers: dict[str, str], count: int, buffer: memoryview) -> _Steps:
        done = self.done
        length = int(headers["content-length"])
        done.status = status
        discarding = 0 if isinstance(self.connection, ssl.SSLSocket) else socket.MSG_TRUNC
        turn = 0
        while True:
            if count and done.first is None:
                done.first = time.perf_counter() - self.begun
                self.turns.without -= 1
            done.bytes += count
            length -= count
            if length <= 0:
                break
            turn += 1
            read = self._read(buffer, discarding) if turn % self.turns.pieces else None
            if read is None:
                yield select.EPOLLIN
            elif read == 0:
                raise ConnectionError("the connection ended within a body")
            count = read or 0
        done.last = time.perf_counter() - self.begun

    def _read(self, buffer: memoryview, flags: int = 0) -> int | None:
        """Return how many bytes came, None if none are there yet."""
        try:
            if flags:
                return self.connection.recv_into(buffer, len(buffer), flags)
            return self.connection.recv_into(buffer)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None

    def again(self) -> _Steps:
        """Download the file as often as the load wants it."""
        try:
            while True:
                yield from self.download(self.load.path, self.load.name)
                if time.perf_counter() >= self.until:
                    return
        finally:
            self.close()


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    match = re.match(r"HTTP/1\.[01] (\d{3})", first)
    if match is None:
        raise ConnectionError(f"no HTTP: {first!r}")
    pairs = (line.partition(":") for line in lines)
    return int(match[1]), {name.lower(): value.strip() for name, _, value in pairs}


def _drive(clients: list[_Client], epoll: select.epoll, deadline: float) -> None:
    """Let all clients take their steps until each is through, or until the deadline."""
    waiting: set[int] = set()

    def step(client: _Client) -> None:
        try:
            client.wait(next(client.steps))
        except StopIteration:
            waiting.discard(id(client))
        except (OSError, ValueError, KeyError) as failure:
            client.done.failure = repr(failure)
            waiting.discard(id(client))

    waiting.update(id(client) for client in clients)
    for client in clients:
        step(client)
    by_number = clients[0].by_number
    while waiting and (left := deadline - time.perf_counter()) > 0:
        for number, _ in epoll.poll(left):
            ready = by_number.get(number)
            if ready is not None and id(ready) in waiting:
                step(ready)


def put_on(load: Load) -> Downloads:
    """Put the load on, and return what came of it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # as wrk
    epoll = select.epoll()
    by_number: dict[int, _Client] = {}
    turns = _Turns(load.clients)
    clients = [_Client(load, context, epoll, by_number, turns) for _ in range(load.clients)]
    for client in clients:
        client.steps = client.connect(load.address, load.port, load.name, tls=load.tls)
    _drive(clients, epoll, time.perf_counter() + _LONGEST_SETTLING)
    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.perf_counter()
    for client in clients:
        client.begun, client.until = begun, begun + load.seconds
        client.steps = client.again()
    # Whoever asks for a time breaks off at its end: an average to the last byte would also measure
    # how the last ones had everything for themselves.
    _drive(clients, epoll, begun + (load.seconds or load.within))
    seconds = time.perf_counter() - begun
    for client in clients:
        client.steps.close()
    epoll.close()
    after = resource.getrusage(resource.RUSAGE_SELF)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Downloads(tuple(client.done for client in clients), seconds, processor)
