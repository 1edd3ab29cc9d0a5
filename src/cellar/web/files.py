"""The file oracle: whether a file may be handed out, and where it comes from."""

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response

from cellar.decoding import DecodingError
from cellar.freshness import bounded, for_client
from cellar.index.links import Links, Source, source_of
from cellar.index.page import PageError
from cellar.index.views import read_page
from cellar.policy import Answer, Policy, Verdict
from cellar.policy.distributions import project_candidates
from cellar.settings import Settings
from cellar.upstream import Room, Rooms, UpstreamError
from cellar.web import answers
from cellar.web.policing import timestamp

logger = logging.getLogger("cellar.web")

# The header with the path that the origin is asked for.
TARGET = "X-File-Target"
# Seconds for which an answer holds.
_ALLOWED_FRESHNESS = 3600
_REFUSED_FRESHNESS = 600
# What an index serves beside a file, under the file's URL with this behind it.
_SIBLINGS = (".metadata", ".metadata.json", ".asc")
# Seconds that the engine may take beyond what this process takes for a page.
_ENGINE_TIME = 5
_UNAVAILABLE = "The page of the file's project, which policy has to see, is not available."


class Oracle:
    """Answers the engine's questions about files."""

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        links: Links,
        rooms: Rooms,
        engine: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare to answer; `engine` replaces the engine's socket in tests."""
        self._policy = policy
        self._links = links
        self._rooms = rooms
        self._limit = settings.upstream.page_size_limit
        upstream = settings.upstream
        self._client = httpx.AsyncClient(
            transport=engine or httpx.AsyncHTTPTransport(uds=settings.rewriter.engine_socket),
            base_url="http://engine",
            timeout=upstream.connect_timeout + upstream.read_timeout + _ENGINE_TIME,
            headers={"Accept-Encoding": "gzip", "User-Agent": "cellar-rewriter"},
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def answer(self, request: Request) -> Response:
        """Answer whether the file at the appliance's own path may be handed out."""
        source = self._links.source("/" + request.path_params["uri"])
        if source is None:
            return _refused("No index of this appliance has files at this path.", None)
        now = time.time()
        verdict = None
        if self._policy.enforces:
            try:
                verdict = await self._verdict(source, datetime.fromtimestamp(now, UTC))
            except UpstreamError as error:
                logger.warning("No verdict on %s: %s", source.path, error.reason)
                return answers.unavailable(error.sentence)
        until = timestamp(verdict.until) if verdict else None
        if verdict and verdict.answer is Answer.REFUSE:
            return _refused(verdict.sentence, until)
        fresh = bounded(_ALLOWED_FRESHNESS, now, until)
        return answers.sentence(
            HTTPStatus.OK,
            "The file may be handed out.",
            {TARGET: source.target, "Cache-Control": for_client(fresh)},
        )

    async def _verdict(self, source: Source, now: datetime) -> Verdict:
        file = _whole(source)
        filename = file.path.rpartition("/")[2]
        projects = project_candidates(filename)
        for project in projects:
            async with self._rooms.room() as room:
                body = await self._page(project, room)
                entry = None
                if body is not None:
                    entry = await asyncio.to_thread(_entry, body, project, file)
            if entry is not None:
                return self._policy.file(project, entry, now)
        # A file that no page lists has no date and no size. If it may be several projects', whoever
        # would refuse it is right; if it may be nobody's, the rules for all projects are.
        verdicts = [
            self._policy.file(project, {"filename": filename}, now) for project in projects or ("",)
        ]
        refusals = [verdict for verdict in verdicts if verdict.answer is Answer.REFUSE]
        return (refusals or verdicts)[0]

    async def _page(self, project: str, room: Room) -> bytes | None:
        """Return the project's unfiltered page, by way of the engine, which keeps it."""
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


def _refused(sentence: str, until: int | None) -> Response:
    answer = answers.refused(sentence, bounded(_REFUSED_FRESHNESS, time.time(), until))
    answer.headers[answers.REFUSAL] = "1"
    return answer


def _whole(source: Source) -> Source:
    """Return the file that a file belongs to: itself, or the one that it stands beside."""
    for suffix in _SIBLINGS:
        if source.path.endswith(suffix):
            return Source(source.origin, source.path.removesuffix(suffix))
    return source


def _entry(body: bytes, project: str, file: Source) -> Mapping[str, Any] | None:
    """Return what a page says of a file, None if it does not list it."""
    try:
        page = read_page(body, project=project, url="http://engine/")
    except PageError as error:
        raise UpstreamError(_UNAVAILABLE, f"The engine's page is wrong. {error}") from error
    return next((e for e in page.document["files"] if source_of(e["url"]) == file), None)
