"""The running server: HTTPS for both hosts, plain HTTP if wanted, and the control port."""

import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from weakref import WeakKeyDictionary

from fakepypi.control.api import Control
from fakepypi.control.journal import RequestRecord
from fakepypi.hosts.site import Names, Site
from fakepypi.http.authority import certificate_authority, server_context
from fakepypi.http.listener import Listener
from fakepypi.http.message import Link, Request
from fakepypi.http.stream import Stream, linger_not_at_all
from fakepypi.http.wire import converse, write_response
from fakepypi.misbehaviour.rules import Plan


@dataclass(frozen=True)
class Config:
    """Names, addresses and ports; port 0 is any free port, `http_port` None no plain HTTP."""

    names: Names
    state: Path
    address: str = "127.0.0.1"
    https_port: int = 0
    http_port: int | None = None
    control_address: str = "127.0.0.1"
    control_port: int = 0


@dataclass
class Server:
    """A fakepypi: site and control API on their ports, for as long as `running` lasts."""

    config: Config
    site: Site = field(init=False)

    def __post_init__(self) -> None:
        config = self.config
        self.site = Site(config.names)
        self._numbers = count(1)
        self._sni: WeakKeyDictionary[ssl.SSLObject, str] = WeakKeyDictionary()
        authority = certificate_authority(config.state)
        self._context = server_context(authority, config.names.all())
        self._context.sni_callback = self._note_sni
        self.https = Listener(config.address, config.https_port, self._serve_https)
        self.http = Listener(config.address, config.http_port or 0, self._serve_http)
        self.control = Listener(config.control_address, config.control_port, self._serve_control)
        self.api = Control(self.site, authority.cert_pem.bytes(), self._listen)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Server"]:
        """
        Serve while the context lasts.

        Raises:
            OSError: a port cannot be bound.

        """
        try:
            await self._listen(listening=True)
            self.control.open()
            yield self
        finally:
            await self._listen(listening=False)
            await self.control.close()

    async def _listen(self, *, listening: bool) -> dict[str, int | None]:
        wanted = [self.https] + [self.http] * (self.config.http_port is not None)
        for listener in wanted:
            if listening:
                listener.open()
            else:
                await listener.close()
        http_port = None if self.config.http_port is None else self.http.port
        return {"https_port": self.https.port, "http_port": http_port}

    def _note_sni(self, tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name is not None:
            self._sni[tls] = name

    async def _serve_https(self, connected: socket.socket) -> None:
        plan = self.site.rules.plan_connection()
        if plan.effects.connection == "reset":
            linger_not_at_all(connected)
            return
        if plan.effects.connection == "silent":
            await plan.cleared()
        await self._serve(connected, self._context)

    async def _serve_http(self, connected: socket.socket) -> None:
        await self._serve(connected, None)

    async def _serve(self, connected: socket.socket, context: ssl.SSLContext | None) -> None:
        with contextlib.suppress(OSError):
            stream = await Stream.over(connected, context)
            tls = stream.writer.get_extra_info("ssl_object")
            link = Link(next(self._numbers), tls is not None, self._sni.get(tls) if tls else None)

            async def answer(request: Request) -> bool:
                response, plan, record = self.site.answer(request, link)
                return await write_response(stream, request, response, plan, record)

            await converse(stream, answer)

    async def _serve_control(self, connected: socket.socket) -> None:
        with contextlib.suppress(OSError):
            stream = await Stream.over(connected, None)

            async def answer(request: Request) -> bool:
                response = await self.api.answer(request)
                record = RequestRecord.of(request, Link())
                return await write_response(stream, request, response, Plan(), record)

            await converse(stream, answer)
