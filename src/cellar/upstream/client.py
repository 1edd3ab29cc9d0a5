"""How one index is asked: over verified TLS, with its own credential, and nowhere else."""

import asyncio
import base64
import random
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from cellar.decoding import DecodingError
from cellar.resolving import Addresses
from cellar.settings import IndexSettings, UpstreamSettings
from cellar.upstream.access import Access
from cellar.upstream.bodies import Room
from cellar.upstream.network import ResolvedTransport

MOST_REDIRECTS = 3
TRIES = 3
# Seconds before the second try, on average; twice that before the third.
RETRY_PAUSE = 0.1
LATE = "The index upstream {} did not answer in time."

# No limit of connections: a request that is ended while it waits in the pool can leave its place
# there taken for good. How many there are at a time is for the caller to bound.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30)
_ABSENT = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_PASSING = {
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class UpstreamError(Exception):
    """
    An upstream gave no answer that can be used.

    `sentence` may be shown to clients; `reason` is for the log, on one line, with the details.
    `passing` tells that the same request may well succeed a moment later.
    """

    def __init__(self, sentence: str, reason: str = "", *, passing: bool = False) -> None:
        """Take the sentence and, if there is more to say to operators, the reason."""
        super().__init__(sentence)
        self.sentence = sentence
        self.reason = _one_line(f"{sentence} {reason}")
        self.passing = passing


@dataclass(frozen=True, slots=True)
class Found:
    """
    An upstream's answer with status 200: the decoded body, and what its header says.

    `url` is the final one, after redirects. The other values are fields of the header, None where
    it lacks them.
    """

    url: str
    body: bytes
    cache_control: str | None
    age: str | None
    last_serial: str | None
    etag: str | None


@dataclass(frozen=True, slots=True)
class NotModified:
    """An upstream's answer with status 304: the one that was asked about is still right."""

    cache_control: str | None
    age: str | None


@dataclass(frozen=True, slots=True)
class Absent:
    """Upstream says that there is nothing of that name."""


Outcome = Found | NotModified | Absent


class IndexClient:
    """Asks one index, over connections that are kept and used again."""

    def __init__(
        self,
        settings: UpstreamSettings,
        index: IndexSettings,
        access: Access,
        addresses: Addresses,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare to ask; nothing is connected yet. `transport` replaces the network in tests."""
        self.index = index
        self._page_size_limit = settings.page_size_limit
        self._connect_timeout = settings.connect_timeout
        self._read_timeout = settings.read_timeout
        self._url = httpx.URL(index.url)
        self._absent = _ABSENT | set(index.missing_statuses)
        self._secrets = _Secrets(access.authorization)
        header = {
            "Accept-Encoding": "gzip",
            "User-Agent": settings.user_agent,
            # By which the appliance knows a request that comes back to it (RFC 8586).
            "CDN-Loop": settings.cdn_loop,
        }
        if access.authorization is not None:
            # No request goes to another origin than the index's own, redirects included.
            header["Authorization"] = access.authorization
        self._client = httpx.AsyncClient(
            transport=transport or ResolvedTransport(addresses, access.tls, _LIMITS),
            headers=header,
            # Settings decide, not the environment: no proxy variables, no netrc.
            trust_env=False,
            # A cookie would be state that one client's request leaves for another's.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def get(
        self, path: str, accept: str, room: Room, deadline: float, etag: str | None = None
    ) -> Outcome:
        """
        Ask for `path`, which is relative to the index's URL.

        `accept` is the value of that field, and with `etag` the answer may be NotModified. Trouble
        that may pass is given three tries in all. Nothing is begun after `deadline` (of the event
        loop's clock) or waits beyond it; an answer that goes on and on is for the caller to end.

        Raises:
            UpstreamError: for any trouble, and every status that says neither yes nor no.

        """
        header = {"Accept": accept}
        if etag is not None:
            header["If-None-Match"] = etag
        for number in range(1, TRIES + 1):
            try:
                return await self._ask(self._url.join(path), header, room, deadline)
            except UpstreamError as error:
                if not error.passing or number == TRIES:
                    raise
            # At random, so that the requests which failed together do not come together again.
            await asyncio.sleep(RETRY_PAUSE * number * random.uniform(0.5, 1.5))  # noqa: S311
        raise AssertionError  # the last try returns or raises

    async def _ask(
        self, url: httpx.URL, header: dict[str, str], room: Room, deadline: float
    ) -> Outcome:
        try:
            return await self._follow(url, header, room, deadline)
        except httpx.TimeoutException as error:
            # Not tried again: an upstream that is slow would get slower.
            raise self._late(_described(error)) from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            if _is_tls_error(error):
                raise self._error(
                    f"The index upstream {self.index.name} cannot be trusted.", _described(error)
                ) from error
            raise self._error(
                f"The index upstream {self.index.name} cannot be reached.",
                _described(error),
                passing=isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError),
            ) from error
        except DecodingError as error:
            raise self._error(
                f"The page of the index upstream {self.index.name} cannot be read.", str(error)
            ) from error

    async def _follow(
        self, url: httpx.URL, header: dict[str, str], room: Room, deadline: float
    ) -> Outcome:
        for _ in range(MOST_REDIRECTS + 1):
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                raise self._late("There was no time left to ask.")
            timeout = httpx.Timeout(
                min(self._read_timeout, left), connect=min(self._connect_timeout, left)
            )
            async with self._client.stream("GET", url, headers=header, timeout=timeout) as response:
                if response.status_code == HTTPStatus.OK:
                    return await self._found(response, room)
                if response.status_code == HTTPStatus.NOT_MODIFIED and "If-None-Match" in header:
                    return NotModified(
                        response.headers.get("Cache-Control"), response.headers.get("Age")
                    )
                room.leave(response)
                if response.status_code in self._absent:
                    return Absent()
                if response.status_code == HTTPStatus.LOOP_DETECTED:
                    raise self._error(
                        f"The index upstream {self.index.name} is this appliance itself: its DNS "
                        "leads the name to it, and cellar_dns_servers is the remedy."
                    )
                if not response.has_redirect_location:
                    raise self._error(
                        f"The index upstream {self.index.name} answered with status "
                        f"{response.status_code}.",
                        passing=response.status_code in _PASSING,
                    )
                target = url.join(response.headers["Location"])
            if _origin(target) != _origin(self._url):
                # Without its path and its query, which may be secrets.
                elsewhere = f"To {target.scheme}://{target.netloc.decode('ascii')}."
                raise self._error(
                    f"The index upstream {self.index.name} redirects elsewhere.", elsewhere
                )
            url = target
        raise self._error(f"The index upstream {self.index.name} redirects too often.")

    async def _found(self, response: httpx.Response, room: Room) -> Found:
        header = response.headers
        body = await room.read(response, self._page_size_limit)
        return Found(
            url=str(response.url),
            body=body,
            cache_control=header.get("Cache-Control"),
            age=header.get("Age"),
            last_serial=header.get("X-PyPI-Last-Serial"),
            etag=header.get("ETag"),
        )

    def _late(self, reason: str) -> UpstreamError:
        return self._error(LATE.format(self.index.name), reason)

    def _error(self, sentence: str, reason: str = "", *, passing: bool = False) -> UpstreamError:
        return UpstreamError(sentence, self._secrets.hidden(reason), passing=passing)


class _Secrets:
    """Keeps a credential out of texts: an upstream may send back what it was sent."""

    def __init__(self, authorization: str | None) -> None:
        self._secrets: list[str] = []
        if authorization is not None:
            encoded = authorization.partition(" ")[2]
            pair = base64.b64decode(encoded).decode("utf-8", "replace")
            self._secrets = [encoded, pair, pair.partition(":")[2]]

    def hidden(self, text: str) -> str:
        for secret in self._secrets:
            if secret:
                text = text.replace(secret, "***")
        return text


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    # httpx leaves the scheme's default port out, so that equal origins compare equal.
    return url.scheme, url.host, url.port


def _is_tls_error(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            # A connection that broke off during the handshake says nothing about trust.
            return not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        cause = cause.__cause__ or cause.__context__
    return False


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ") + "."


def _one_line(text: str) -> str:
    """Make a text of unknown origin fit for one line of a log."""
    longest = 400
    return "".join(c if c.isprintable() else " " for c in text).strip()[:longest]
