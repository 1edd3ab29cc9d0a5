"""
A gunicorn worker that runs the ASGI application in uvicorn and drains without losing a request.

uvicorn's own shutdown closes connections whose request has not arrived yet. A client whose
connection was accepted a moment before a reload would see that as a failure of upstream.
"""

import asyncio
import gc
import socket
import sys
from typing import Any

import h11
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from uvicorn import Server
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

from cellar.web.answers import REASON

# How long a draining worker waits for the first bytes of a connection that it has accepted.
_FIRST_REQUEST_TIMEOUT = 2.0
# A page of 2,400 files has 10,000 objects that the collector has to look at, none of them garbage.
# By default it would do so fourteen times while it is read, and every third page go through all
# that the worker is made of besides, which takes 20 ms.
_NEW_OBJECTS = 10_000
# As h11 has names of fields.
_REASON = REASON.lower().encode("ascii")


def spare_the_collector() -> None:
    """Let the garbage collector leave alone what is there already, and come less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])


class ReasonConnection(h11.Connection):
    """Writes the reason phrase that an answer brings along in a header of its own."""

    def send_with_data_passthrough(self, event: h11.Event) -> list[bytes] | None:
        """Return the bytes of an event."""
        if isinstance(event, h11.Response):
            reason = next((value for name, value in event.headers if name == _REASON), None)
            if reason is not None:
                event = h11.Response(
                    status_code=event.status_code,
                    headers=[(name, value) for name, value in event.headers if name != _REASON],
                    reason=reason,
                )
        return super().send_with_data_passthrough(event)


class DrainingProtocol(H11Protocol):
    """Answers one more request on a connection that was new when the worker began to drain."""

    _draining = False

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Begin a connection."""
        super().__init__(*arguments, **named)
        self.conn = ReasonConnection(h11.SERVER)

    def shutdown(self) -> None:
        """Close the connection if it is idle, else after its answer."""
        if self.cycle is None:
            self._draining = True
            self.loop.call_later(_FIRST_REQUEST_TIMEOUT, self._close_if_silent)
        else:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Take bytes of the request."""
        super().data_received(data)
        if self._draining and self.cycle is not None:
            self.cycle.keep_alive = False

    def _close_if_silent(self) -> None:
        if self.cycle is None:
            super().shutdown()


class DrainingServer(Server):
    """Stops accepting first, and shuts down once accepted connections have their protocol."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain: no new connections, then an answer to every request that has begun."""
        loop = asyncio.get_running_loop()
        for listener in sockets or []:
            loop.remove_reader(listener.fileno())
        # asyncio makes the transport of an accepted connection in the next turn of the loop and
        # connects its protocol in the one after; in Python 3.11 a server that was closed in between
        # drops the connection (python/cpython#109564).
        for _ in range(2):
            await asyncio.sleep(0)
        await super().shutdown(sockets)


class RewriterWorker(UvicornWorker):  # type: ignore[misc] # the base has no types
    """One process of the rewriter."""

    CONFIG_KWARGS: dict[str, Any] = {  # noqa: RUF012 as the base class declares it
        "loop": "asyncio",
        "http": DrainingProtocol,
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "server_header": False,
        # The URL alone decides an answer.
        "proxy_headers": False,
    }

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        server = DrainingServer(config=self.config)
        self._install_sigquit_handler()
        spare_the_collector()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
