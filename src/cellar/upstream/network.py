"""Connections to upstream: by the addresses that the resolver keeps, and read in large pieces."""

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx
from httpcore import AsyncNetworkBackend, AsyncNetworkStream

from cellar.resolving import Addresses


class LargeReads(AsyncNetworkStream):
    """
    A stream that gives all that has come, as far as it is asked for.

    TLS gives one record of 16 kB at a time, and each piece of a body goes through many hands.
    """

    def __init__(self, stream: AsyncNetworkStream) -> None:
        self._stream = stream
        self._tls: ssl.SSLObject | None = stream.get_extra_info("ssl_object")

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 httpcore's interface
        """Wait for the first bytes, and take with them what needs no more waiting."""
        data = await self._stream.read(max_bytes, timeout)
        while self._tls is not None and data and len(data) < max_bytes:
            try:
                more = self._tls.read(max_bytes - len(data))
            except ssl.SSLWantReadError:
                break
            if not more:
                break
            data += more
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 httpcore's interface
        """Write all."""
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 httpcore's interface
    ) -> AsyncNetworkStream:
        """Go on over TLS."""
        return LargeReads(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Tell of the connection; see httpcore."""
        return self._stream.get_extra_info(info)


class ResolvedNetwork(AsyncNetworkBackend):
    """
    Connects to a host by its kept addresses, one after the other; by its name if none is kept.

    Who the host is, TLS goes on to verify by the name.
    """

    def __init__(self, addresses: Addresses, network: AsyncNetworkBackend | None = None) -> None:
        self._addresses = addresses
        self._network = network or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        """Connect within `timeout` seconds, which the addresses share."""
        addresses = self._addresses.of(host) or [host]
        share = timeout / len(addresses) if timeout else None
        for address in addresses[:-1]:
            try:
                return await self._connect(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._connect(addresses[-1], port, share, local_address, socket_options)

    async def _connect(self, *arguments: Any) -> AsyncNetworkStream:
        return LargeReads(await self._network.connect_tcp(*arguments))

    async def sleep(self, seconds: float) -> None:
        """Sleep; httpcore does between its own tries."""
        await self._network.sleep(seconds)


class ResolvedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport, connecting by kept addresses."""

    def __init__(self, addresses: Addresses, tls: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(verify=tls, limits=limits, trust_env=False)
        # There is no public way to it.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=ResolvedNetwork(addresses),
        )
