"""Connections to upstream by the addresses that the resolver keeps."""

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx
from httpcore import AsyncNetworkBackend, AsyncNetworkStream

from cellar.resolving import Addresses


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
                return await self._network.connect_tcp(
                    address, port, share, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(
            addresses[-1], port, share, local_address, socket_options
        )

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
