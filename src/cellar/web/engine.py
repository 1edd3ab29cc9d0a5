"""What the rewriter asks of the engine: pages that it keeps, and what upstream says of files."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

import httpx

from cellar.decoding import DecodingError
from cellar.settings import Settings
from cellar.upstream import Room, UpstreamError

# Seconds that the engine may take beyond what this process takes for a page.
_ENGINE_TIME = 5
# Seconds for the head of a file, for which a client waits; without it the file is served as well.
_HEAD_TIME = 5
_UNAVAILABLE = "The page of the file's project, which policy has to see, is not available."


@dataclass(frozen=True, slots=True)
class Head:
    """A file host's answer to HEAD: its status, the length in bytes, and where it redirects to."""

    status: int
    length: int | None
    location: str | None

    @classmethod
    def of(cls, status: int, header: Mapping[str, str]) -> Self:
        """Read a header (RFC 9110 sections 8.6 and 10.2.2)."""
        length = header.get("Content-Length", "")
        known = status == HTTPStatus.OK and length.isascii() and length.isdigit()
        return cls(status, int(length[:18]) if known else None, header.get("Location"))


class Engine:
    """The engine's own socket, by which it answers the rewriter out of its cache or by upstream."""

    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None) -> None:
        """Prepare to ask; `transport` replaces the socket in tests."""
        self._limit = settings.upstream.page_size_limit
        upstream = settings.upstream
        self._client = httpx.AsyncClient(
            transport=transport or httpx.AsyncHTTPTransport(uds=settings.rewriter.engine_socket),
            base_url="http://engine",
            timeout=upstream.connect_timeout + upstream.read_timeout + _ENGINE_TIME,
            headers={"Accept-Encoding": "gzip", "User-Agent": "cellar-rewriter"},
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def page(self, project: str, room: Room) -> bytes | None:
        """
        Return what the indexes offer of a project, whatever policy says, None if there is nothing.

        Raises:
            UpstreamError: when that is not to be had.

        """
        try:
            async with self._client.stream("GET", f"/simple/{project}/") as response:
                if response.status_code == HTTPStatus.NOT_FOUND:
                    return None
                if response.status_code != HTTPStatus.OK:
                    raise UpstreamError(
                        _UNAVAILABLE, f"The engine answered with status {response.status_code}."
                    )
                return await room.read(response, self._limit)
        except (httpx.TransportError, DecodingError) as error:
            reason = f"Of the engine: {type(error).__name__}: {error}."
            raise UpstreamError(_UNAVAILABLE, reason) from error

    async def head(self, origin: str, target: str) -> Head | None:
        """
        Return what the file host `origin` says of the path `target`, None if it says nothing.

        `origin` is "pypi" for PyPI's, else a host with its port unless that is 443.
        """
        try:
            response = await self._client.head(f"/heads/{origin}{target}", timeout=_HEAD_TIME)
        except httpx.HTTPError:
            return None
        return Head.of(response.status_code, response.headers)
