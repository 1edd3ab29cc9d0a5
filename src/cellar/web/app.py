"""
The ASGI application: which path is answered by what.

The URL alone decides an answer, and If-None-Match whether it is sent again. `door` is index,
intercept or unfiltered, `form` is json or html.

- `GET /{door}/{form}/simple/{project}/`: the page of a project.
- `GET /{door}/{form}/snapshot/{YYYY-MM-DD}/simple/{project}/`: as of the end of that day in UTC.
- `GET /{door}/pypi/{project}/json`, `GET /{door}/pypi/{project}/{version}/json`: the JSON API.
- `GET /{door}/integrity/{project}/{version}/{filename}/provenance`: provenance.
- `GET /file{path}`: what becomes of the file at this path of the appliance, and from where is it?
- `GET /range{path}`: which bytes of it are those at its end that the field Range asks for?
- `GET /healthz` answers without asking upstream.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cellar.index.links import Links
from cellar.index.views import Door
from cellar.policy import Policy, StoragePolicy
from cellar.settings import Settings
from cellar.upstream import Access, Indexes, Rooms
from cellar.web import answers
from cellar.web.documents import Documents
from cellar.web.files import Oracle
from cellar.web.pages import Pages
from cellar.web.policing import can_refuse
from cellar.web.serving import Serving
from cellar.web.space import Space


def create_app(
    settings: Settings,
    accesses: Mapping[str, Access],
    transport: httpx.AsyncBaseTransport | None = None,
    engine: httpx.AsyncBaseTransport | None = None,
) -> Starlette:
    """
    Return the ASGI application of the rewriter.

    `accesses` are what the indexes are asked with, by their names. `transport` replaces the network
    in tests, and `engine` the engine's socket.
    """
    indexes = Indexes(settings, accesses, transport)
    storage = StoragePolicy(settings.file_rules, settings.files, settings.file_zones)
    links = Links.of(settings.indexes)
    policy = Policy(settings.file_rules, partial(can_refuse, links))
    rooms = Rooms()
    serving = Serving(settings.pages, rooms)
    pages = Pages(serving, indexes, policy, storage, links)
    documents = Documents(serving, indexes, policy)
    space = Space(settings.appliance)
    oracle = Oracle(settings, policy, storage, links, rooms, space, engine)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(space.watch())
        yield
        watching.cancel()
        await indexes.aclose()
        await oracle.aclose()

    app = Starlette(
        routes=[
            Route("/healthz", _healthz),
            Route("/file/{uri:path}", oracle.answer),
            Route("/range/{uri:path}", oracle.range),
            Route("/{door}/{form}/simple/{rest:path}", pages.answer),
            Route("/{door}/{form}/snapshot/{day}/simple/{rest:path}", pages.answer),
            *(
                Route(f"/{door}{path}{slash}", endpoint)
                for door in (Door.INDEX, Door.INTERCEPT)
                for slash in ("", "/")
                for path, endpoint in (
                    ("/pypi/{project}/json", partial(documents.json_api, door)),
                    ("/pypi/{project}/{version}/json", partial(documents.json_api, door)),
                    ("/integrity/{project}/{version}/{filename}/provenance", documents.provenance),
                )
            ),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _unexpected},
        lifespan=lifespan,
    )
    # A path means what it says; the only redirects are those to the one spelling of a path.
    app.router.redirect_slashes = False
    return app


async def _healthz(_: Request) -> Response:
    return answers.sentence(HTTPStatus.OK, "The rewriter runs.", {"Cache-Control": "no-store"})


async def _http_error(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return answers.sentence(
            HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD are allowed.", error.headers or {}
        )
    return answers.not_found("There is nothing at this path.")


async def _unexpected(_: Request, __: Exception) -> Response:
    # Starlette raises the exception again after this answer, and the server logs it.
    return answers.unavailable("The rewriter failed to answer.")
