"""What answers about pages and documents have in common: conditions, freshness, trouble."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from cellar.compression import compress
from cellar.freshness import bounded, for_client, for_engine, freshness
from cellar.index.page import PageError
from cellar.index.views import REVISION
from cellar.settings import IndexSettings, PagesSettings
from cellar.upstream import (
    Absent,
    Found,
    NotModified,
    Outcomes,
    ProjectNotFoundError,
    Room,
    Rooms,
    UpstreamError,
)
from cellar.upstream.indexes import Known
from cellar.upstream.validators import Part, Tag, compose, mark, parse
from cellar.web import answers

# Two at a time: compressing lets another thread run, and no memory is taken for more.
_RENDERINGS = 2

logger = logging.getLogger("cellar.web")


@dataclass(frozen=True, slots=True)
class Content:
    """
    What is served: an identity-encoded body and its media type, which `header` goes with.

    `serial` is that of the content as a whole, `serials` those of the indexes that it is made from,
    by their marks. `until` is when it changes by itself, in seconds since 1970, None for never.
    """

    body: bytes
    media_type: str
    serial: int | None
    serials: Mapping[str, int | None]
    until: float | None
    header: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """
    What is asked for.

    `name` says it in sentences. `variant` tells apart the contents that are made of the same
    answers of upstream, and is of lower-case letters. `absent` is the sentence for a 404.
    """

    name: str
    variant: str
    indexes: tuple[IndexSettings, ...]
    absent: str


Fetch = Callable[[Room, Known | None], Awaitable[Outcomes]]
Ask = Callable[[Known | None], Awaitable[Outcomes]]
Make = Callable[[Mapping[str, Found], float], Content]


class _OlderError(Exception):
    """Upstream's page is older than the one that the engine has."""


class Serving:
    """Serves what is made from answers of upstream."""

    def __init__(self, settings: PagesSettings, rooms: Rooms) -> None:
        self._settings = settings
        self._rooms = rooms
        self._rendering = asyncio.Semaphore(_RENDERINGS)

    async def serve(self, request: Request, subject: Subject, fetch: Fetch, make: Make) -> Response:
        """
        Answer a request.

        `fetch` asks upstream, and is told what is known. `make` makes the content from what the
        indexes of the subject have (by their names), for a time in seconds since 1970; it is called
        in a thread and may raise PageError.
        """
        async with self._rooms.room() as room:
            asked = request.headers.get("If-None-Match")
            answer = await self._answered(asked, subject, partial(fetch, room), make)
        answer.headers[answers.UPSTREAM_BYTES] = str(room.received)
        return answer

    async def _answered(
        self, asked: str | None, subject: Subject, fetch: Ask, make: Make
    ) -> Response:
        try:
            return await self._served(asked, subject, fetch, make)
        except ProjectNotFoundError:
            return answers.not_found(subject.absent)
        except UpstreamError as error:
            sentence, reason = error.sentence, error.reason
        except PageError as error:
            sentence = f"The page of the index upstream {_named(subject)} cannot be read."
            reason = f"The upstream's page is wrong. {error}"
        except _OlderError as error:
            sentence = f"The page of the index upstream {_named(subject)} is older than one before."
            reason = f"The upstream's page is old. {error}"
        logger.warning("No %s: %s", subject.name, reason)
        return answers.unavailable(sentence)

    async def _served(
        self, asked: str | None, subject: Subject, fetch: Ask, make: Make
    ) -> Response:
        now = time.time()
        tag = parse(asked)
        revision = f"{self._settings.revision}-{REVISION}{subject.variant}"
        known = tag.parts if tag and tag.conditions(revision, subject.indexes, now) else None
        outcomes = await fetch(known)
        if outcomes.unchanged and tag and asked:
            return self._answer(None, asked, outcomes, now, tag.until)
        # In a thread: a page of many megabytes must not hold up the loop, which also tells the
        # arbiter that this worker lives.
        async with self._rendering:
            content, body, etag = await asyncio.to_thread(
                self._render, outcomes, make, revision, tag, now
            )
        if etag == asked:
            return self._answer(None, etag, outcomes, now, content.until)
        answer = self._answer(body, etag, outcomes, now, content.until)
        answer.headers.update(content.header)
        answer.headers["Content-Type"] = content.media_type
        answer.headers["Content-Encoding"] = "gzip"
        if content.serial is not None:
            answer.headers["X-PyPI-Last-Serial"] = str(content.serial)
        return answer

    def _render(
        self, outcomes: Outcomes, make: Make, revision: str, tag: Tag | None, now: float
    ) -> tuple[Content, bytes, str]:
        """Return the content, its gzip-encoded body and its entity tag."""
        said = [(i, o) for i, o in outcomes.said if isinstance(o, Found | Absent)]
        found = {index.name: outcome for index, outcome in said if isinstance(outcome, Found)}
        content = make(found, now)
        for part in tag.parts if tag else ():
            serial = content.serials.get(part.mark)
            if part.serial is not None and serial is not None and serial < part.serial:
                raise _OlderError(f"Its serial is {serial}, after {part.serial}.")
        body = compress(content.body)
        until = None if content.until is None else int(content.until)
        parts = tuple(Part.of(i, outcome, content.serials.get(mark(i))) for i, outcome in said)
        bodies = {mark(index): o.body for index, o in said if isinstance(o, Found)}
        etag = compose(Tag(revision, until, parts), bodies, content.body)
        return content, body, etag

    def _answer(
        self, body: bytes | None, etag: str, outcomes: Outcomes, now: float, until: float | None
    ) -> Response:
        fresh = bounded(self._freshness(outcomes), now, until)
        header = {
            "ETag": etag,
            "Vary": "Accept, Accept-Encoding",
            "Cache-Control": for_engine(fresh),
            "X-Client-Cache-Control": for_client(fresh),
        }
        status = HTTPStatus.NOT_MODIFIED if body is None else HTTPStatus.OK
        return Response(body, status, header)

    def _freshness(self, outcomes: Outcomes) -> int:
        limit = self._settings.max_age
        # As a 404 of one index alone: its project may appear any minute.
        absent = min(limit, answers.NOT_FOUND_FRESHNESS)
        return min(
            freshness(outcome.cache_control, outcome.age, limit=limit)
            if isinstance(outcome, Found | NotModified)
            else absent
            for _, outcome in outcomes.said
        )


def _named(subject: Subject) -> str:
    return " or ".join(index.name for index in subject.indexes)
