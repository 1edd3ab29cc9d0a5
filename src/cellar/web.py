"""
How the rewriter speaks HTTP to the caching engine in front of it, its only client.

`GET /{door}/{form}/simple/{project}/` is the page of a project; the URL alone decides the answer.
`GET /healthz` answers without asking upstream.
"""

import asyncio
import gzip
import hashlib
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cellar.freshness import freshness
from cellar.index.names import is_normalised, is_valid, normalise
from cellar.index.page import PageError
from cellar.index.views import REVISION, Door, Form, View, read_page, view
from cellar.settings import Settings
from cellar.upstream import IndexUpstream, ProjectNotFoundError, UpstreamError, UpstreamPage

MEDIA_TYPES = {
    Form.JSON: "application/vnd.pypi.simple.v1+json",
    Form.HTML: "application/vnd.pypi.simple.v1+html",
}
# A 404 is remembered for PyPI's own time, so that a new project is seen soon.
_NOT_FOUND_FRESHNESS = "max-age=60, public"
# Seconds. pip obeys it at each of its five tries, so a longer one makes failing slow.
RETRY_AFTER = 1

logger = logging.getLogger("cellar.web")


def create_app(
    settings: Settings,
    tls: ssl.SSLContext,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Starlette:
    """
    Return the ASGI application of the rewriter.

    `tls` verifies upstream; `transport` replaces the network in tests.
    """
    upstream = IndexUpstream(settings.upstream, settings.indexes[0], tls, transport)
    pages = _Pages(settings, upstream)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await upstream.aclose()

    app = Starlette(
        routes=[
            Route("/healthz", _healthz),
            Route("/{door}/{form}/simple/{rest:path}", pages.answer),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _unexpected},
        lifespan=lifespan,
    )
    # A path means what it says; the only redirects are those to a project's normalised name.
    app.router.redirect_slashes = False
    return app


class _Pages:
    """Answers requests for index pages."""

    def __init__(self, settings: Settings, upstream: IndexUpstream) -> None:
        self._settings = settings
        self._upstream = upstream

    async def answer(self, request: Request) -> Response:
        try:
            door = Door(request.path_params["door"])
            form = Form(request.path_params["form"])
        except ValueError:
            return _not_found("There is no such door or form.")
        rest = request.path_params["rest"]
        name = rest.strip("/")
        if not is_valid(name):
            return _not_found("This is not the name of a project.")
        if rest != f"{name}/" or not is_normalised(name):
            return _redirect(f"/simple/{normalise(name)}/")
        return await self._page(name, door, form)

    async def _page(self, project: str, door: Door, form: Form) -> Response:
        try:
            found = await self._upstream.fetch(project)
            # In a thread: a page of many megabytes must not hold up the loop, which also tells the
            # arbiter that this worker lives.
            shown, body, etag = await asyncio.to_thread(self._render, found, project, door, form)
        except ProjectNotFoundError:
            return _not_found(f"The index has no project named {project}.")
        except UpstreamError as error:
            logger.warning("No page of %s: %s", project, error.reason)
            return _unavailable(error.sentence)
        except PageError as error:
            logger.warning("No page of %s: The upstream's page is wrong. %s", project, error)
            return _unavailable("The index upstream's page cannot be read.")
        fresh = freshness(found.cache_control, found.age, limit=self._settings.pages.max_age)
        header = {
            "Content-Encoding": "gzip",
            "ETag": etag,
            "Vary": "Accept, Accept-Encoding",
            "Cache-Control": f"max-age={fresh}, public",
        }
        if (serial := _serial(shown, found)) is not None:
            header["X-PyPI-Last-Serial"] = serial
        return Response(body, headers=header, media_type=MEDIA_TYPES[form])

    def _render(
        self, found: UpstreamPage, project: str, door: Door, form: Form
    ) -> tuple[View, bytes, str]:
        """Return the view, its gzip-encoded body and its entity tag."""
        page = read_page(found.body, project=project, url=found.url)
        shown = view(page, door, form, files_url=self._settings.indexes[0].files[0])
        # Without a time in the gzip header, equal pages are equal bytes.
        return shown, gzip.compress(shown.body, compresslevel=6, mtime=0), _etag(shown.body)


def _etag(body: bytes) -> str:
    """Return a strong entity tag (RFC 9110 section 8.8.3) of an identity-encoded body."""
    digest = hashlib.sha256(b"%d\0" % REVISION + body)
    return f'"{digest.hexdigest()[:32]}"'


def _serial(shown: View, found: UpstreamPage) -> str | None:
    # The body's word first: it is what the client gets.
    if shown.serial is not None:
        return str(shown.serial)
    told = found.last_serial or ""
    return told if told.isascii() and told.isdigit() else None


def _sentence(status: HTTPStatus, sentence: str, header: Mapping[str, str]) -> Response:
    return PlainTextResponse(f"{sentence}\n", status_code=status, headers=header)


def _not_found(sentence: str) -> Response:
    return _sentence(HTTPStatus.NOT_FOUND, sentence, {"Cache-Control": _NOT_FOUND_FRESHNESS})


def _redirect(location: str) -> Response:
    return _sentence(
        HTTPStatus.MOVED_PERMANENTLY,
        f"The page is at {location}.",
        {"Location": location, "Cache-Control": _NOT_FOUND_FRESHNESS},
    )


def _unavailable(sentence: str) -> Response:
    # 503 for every trouble: pip gives up at once on 504 and 429, and retries 503.
    return _sentence(
        HTTPStatus.SERVICE_UNAVAILABLE,
        sentence,
        {"Retry-After": str(RETRY_AFTER), "Cache-Control": "no-store"},
    )


async def _healthz(_: Request) -> Response:
    return _sentence(HTTPStatus.OK, "The rewriter runs.", {"Cache-Control": "no-store"})


async def _http_error(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return _sentence(
            HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD are allowed.", error.headers or {}
        )
    return _not_found("There is nothing at this path.")


async def _unexpected(_: Request, __: Exception) -> Response:
    # Starlette raises the exception again after this answer, and the server logs it.
    return _unavailable("The rewriter failed to answer.")
