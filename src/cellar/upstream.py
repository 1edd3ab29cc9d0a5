"""How the index upstream is asked for a page."""

import asyncio
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from cellar.decoding import BoundedDecoder, DecodingError
from cellar.settings import IndexSettings, UpstreamSettings

ACCEPT = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
)
MOST_REDIRECTS = 3

_LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=30)
_ABSENT = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}


class ProjectNotFoundError(Exception):
    """Upstream has no page for the project."""


class UpstreamError(Exception):
    """
    Upstream gave no page.

    `sentence` may be shown to clients; `reason` is for the log, on one line, with the details.
    """

    def __init__(self, sentence: str, reason: str = "") -> None:
        """Take the sentence and, if there is more to say to operators, the reason."""
        super().__init__(sentence)
        self.sentence = sentence
        self.reason = _one_line(f"{sentence} {reason}")


@dataclass(frozen=True, slots=True)
class UpstreamPage:
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


class IndexUpstream:
    """Asks the index upstream, over connections that are kept and used again."""

    def __init__(
        self,
        settings: UpstreamSettings,
        index: IndexSettings,
        tls: ssl.SSLContext,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare to ask; nothing is connected yet. `transport` replaces the network in tests."""
        self._settings = settings
        self._index_url = httpx.URL(index.url)
        self._client = httpx.AsyncClient(
            verify=tls,
            transport=transport,
            limits=_LIMITS,
            timeout=httpx.Timeout(settings.read_timeout, connect=settings.connect_timeout),
            headers={
                "Accept": ACCEPT,
                "Accept-Encoding": "gzip",
                "User-Agent": settings.user_agent,
            },
            # Settings decide, not the environment: no proxy variables, no netrc.
            trust_env=False,
            # A cookie would be state that one client's request leaves for another's.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def fetch(self, project: str) -> UpstreamPage:
        """
        Ask for the page of `project` (a normalised name).

        The whole answer takes at most `connect_timeout` + `read_timeout` seconds.

        Raises:
            ProjectNotFoundError: when upstream says that there is no such project (404 or 410).
            UpstreamError: for any other trouble.

        """
        whole = self._settings.connect_timeout + self._settings.read_timeout
        try:
            async with asyncio.timeout(whole):
                return await self._follow(self._index_url.join(f"{project}/"))
        except (TimeoutError, httpx.TimeoutException) as error:
            raise UpstreamError(
                "The index upstream did not answer in time.", _described(error)
            ) from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            if _is_tls_error(error):
                raise UpstreamError(
                    "The index upstream cannot be trusted.", _described(error)
                ) from error
            raise UpstreamError(
                "The index upstream cannot be reached.", _described(error)
            ) from error

    async def _follow(self, url: httpx.URL) -> UpstreamPage:
        for _ in range(MOST_REDIRECTS + 1):
            async with self._client.stream("GET", url) as response:
                if response.status_code == HTTPStatus.OK:
                    return await self._read(response)
                if response.status_code in _ABSENT:
                    raise ProjectNotFoundError
                if not response.has_redirect_location:
                    raise UpstreamError(
                        f"The index upstream answered with status {response.status_code}."
                    )
                target = url.join(response.headers["Location"])
            if _origin(target) != _origin(self._index_url):
                raise UpstreamError("The index upstream redirects elsewhere.", f"To {target}.")
            url = target
        raise UpstreamError("The index upstream redirects too often.")

    async def _read(self, response: httpx.Response) -> UpstreamPage:
        header = response.headers
        try:
            decoder = BoundedDecoder(
                header.get("Content-Encoding", ""), self._settings.page_size_limit
            )
            async for piece in response.aiter_raw():
                decoder.feed(piece)
            body = decoder.finish()
        except DecodingError as error:
            raise UpstreamError("The index upstream's page cannot be read.", str(error)) from error
        return UpstreamPage(
            url=str(response.url),
            body=body,
            cache_control=header.get("Cache-Control"),
            age=header.get("Age"),
            last_serial=header.get("X-PyPI-Last-Serial"),
        )


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    # httpx leaves the scheme's default port out, so that equal origins compare equal.
    return url.scheme, url.host, url.port


def _is_tls_error(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ") + "."


def _one_line(text: str) -> str:
    """Make a text of unknown origin fit for one line of a log."""
    longest = 400
    return "".join(c if c.isprintable() else " " for c in text).strip()[:longest]
