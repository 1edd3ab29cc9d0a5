"""One accepted TCP connection as a stream that knows when its peer has gone."""

import asyncio
import socket
import ssl
import struct
from dataclasses import dataclass

_HANDSHAKE_TIMEOUT = 10.0
_SHUTDOWN_TIMEOUT = 1.0


class _Protocol(asyncio.StreamReaderProtocol):
    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self.lost = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost.set()

    def eof_received(self) -> bool:
        super().eof_received()
        return False  # as TLS does in any case: a client that ends its side has gone


class _Paused(asyncio.Protocol):
    """Reads nothing: the first bytes are for TLS."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()


@dataclass(frozen=True)
class Stream:
    """Reader, writer, and an event set when the connection is lost, however it was."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    lost: asyncio.Event

    @classmethod
    async def over(cls, connected: socket.socket, context: ssl.SSLContext | None) -> "Stream":
        """
        Take over an accepted socket, with TLS if there is a context.

        Raises:
            OSError: the client went away or its TLS handshake failed.

        """
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = _Protocol(reader)
        transport: asyncio.Transport | None
        if context is None:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, connected)
        else:
            # Two steps, for the one-step form leaks the socket if cancelled before the handshake.
            plain, _ = await loop.connect_accepted_socket(_Paused, connected)
            transport = await loop.start_tls(
                plain,
                protocol,
                context,
                server_side=True,
                ssl_handshake_timeout=_HANDSHAKE_TIMEOUT,
                ssl_shutdown_timeout=_SHUTDOWN_TIMEOUT,
            )
            if transport is None:
                raise ConnectionAbortedError("the client left during its TLS handshake")
            protocol.connection_made(transport)
        transport.set_write_buffer_limits(high=1, low=0)  # drain() waits until all has left
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return cls(reader, writer, protocol.lost)

    def reset(self) -> None:
        """Break the connection with RST."""
        linger_not_at_all(self.writer.get_extra_info("socket"))
        self.abort()

    def abort(self) -> None:
        """Close at once; what is unsent is dropped."""
        # In Debian 12's Python 3.11.2 a TLS transport that is lost cannot be aborted.
        if not self.lost.is_set():
            self.writer.transport.abort()

    async def close(self) -> None:
        """Send what is left and close, within a second; at once if cancelled."""
        try:
            self.writer.close()
            async with asyncio.timeout(_SHUTDOWN_TIMEOUT):
                await self.lost.wait()
        except TimeoutError:
            pass  # a peer that does not read is not waited for
        finally:
            self.abort()


def linger_not_at_all(connected: socket.socket) -> None:
    """Make the next close of a socket send RST and drop what is unsent."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
