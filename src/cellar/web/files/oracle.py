"""
The file oracle: what becomes of a file, where it comes from, and how much of it there is.

The engine asks before it serves a file, and remembers the answer by the file's path.
"""

import logging
import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urljoin

import httpx
from starlette.requests import Request
from starlette.responses import Response

from cellar.freshness import bounded, for_client
from cellar.index.links import Links, Source, source_of
from cellar.policy import Answer, Policy, Storage, StoragePolicy, Storing, Verdict
from cellar.settings import Settings
from cellar.upstream import Rooms, UpstreamError
from cellar.web import answers
from cellar.web.engine import Engine
from cellar.web.files.listings import Listing, Listings
from cellar.web.files.paths import is_old, is_unhashed, whole
from cellar.web.files.storing import UNKNOWN_FRESHNESS, Store
from cellar.web.policing import timestamp
from cellar.web.space import Space

logger = logging.getLogger("cellar.web")

# What the engine reads of an answer: the path that the origin is asked for, the zone of the cache
# and the greatest size that is stored, where upstream has the file, and the first and last byte.
TARGET = "X-File-Target"
ZONE = "X-File-Zone"
LIMIT = "X-File-Limit"
LOCATION = "X-File-Location"
RANGE = "X-File-Range"
_COMMON_ZONE = "files"
# Seconds for which an answer holds, if policy judges, and if it refuses.
_JUDGED_FRESHNESS = 3600
_REFUSED_FRESHNESS = 600
_REDIRECTS = {301, 302, 303, 307, 308}
_ABSENT = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
# RFC 9110 section 14.1.2, the last bytes; more digits than any file has bytes are cut.
_SUFFIX = re.compile(r"bytes=-([0-9]{1,18})", re.ASCII)


class Oracle:
    """Answers the engine's questions about files."""

    def __init__(  # noqa: PLR0913, PLR0917 what answers are made of
        self,
        settings: Settings,
        policy: Policy,
        storage: StoragePolicy,
        links: Links,
        rooms: Rooms,
        space: Space,
        engine: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare to answer; `engine` replaces the engine's socket in tests."""
        self._policy = policy
        self._links = links
        self._engine = Engine(settings, engine)
        self._listings = Listings(self._engine, links, rooms)
        self._pypi = source_of(links.pypi[0]).origin
        self._store = Store(storage, self._engine, self._pypi, space)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._engine.aclose()

    async def answer(self, request: Request) -> Response:
        """Answer what becomes of the file at the appliance's own path."""
        path = request.path_params["uri"]
        source = self._links.source("/" + path)
        if source is None:
            if not is_old(path):
                return _refused("No index of this appliance has files at this path.", None)
            found = await self._followed(path)
            if isinstance(found, Response):
                return found
            source = found
        now = time.time()
        listing = verdict = None
        if self._policy.enforces:
            try:
                listing = await self._listings.find(source, path)
            except UpstreamError as error:
                logger.warning("No verdict on %s: %s", source.path, error.reason)
                return answers.unavailable(error.sentence)
            verdict = self._verdict(source, listing, datetime.fromtimestamp(now, UTC))
        until = timestamp(verdict.until) if verdict else None
        if verdict and verdict.answer is Answer.REFUSE:
            return _refused(verdict.sentence, until)
        storage, fresh = await self._store.decision(source, path)
        if storage.answer is Storing.REFUSE:
            return _refused(storage.sentence, until)
        if storage.answer is Storing.STORE and not await self._is_proven(source, path, listing):
            # What was stored while its page had it is served all the same.
            storage, fresh = replace(storage, limit=0), UNKNOWN_FRESHNESS
        if self._policy.enforces:
            fresh = min(fresh, _JUDGED_FRESHNESS)
        return self._handed_out(source, storage, bounded(fresh, now, until))

    async def range(self, request: Request) -> Response:
        """Answer which bytes, from its beginning, the last bytes of a file are."""
        source = self._links.source("/" + request.path_params["uri"])
        suffix = _SUFFIX.fullmatch(request.headers.get("Range", ""))
        head = await self._store.head(source) if source and suffix else None
        wanted = int(suffix[1]) if suffix else 0
        if head is None or not head.length or not wanted:
            return answers.not_found("Which bytes these are is not known.")
        first = max(0, head.length - wanted)
        known = {RANGE: f"bytes={first}-{head.length - 1}", "Cache-Control": "max-age=60"}
        return answers.sentence(HTTPStatus.OK, "The bytes are known.", known)

    async def _followed(self, path: str) -> Source | Response:
        """Return where PyPI's file host leads from one of its old paths, or the answer to it."""
        head = await self._engine.head("pypi", f"/{path}")
        if head is None or head.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return answers.unavailable("PyPI's file host does not say where this path leads.")
        if head.status in _ABSENT:
            return answers.kept_back("absent", "PyPI's file host has no such file.", {})
        if head.status in _REDIRECTS and head.location is not None:
            url = urljoin(f"https://{self._pypi}/{path}", head.location)
            found = self._links.cached_path({"url": url})
            source = self._links.source(f"/{found}") if found else None
            if source is not None and source.origin == self._pypi:
                return source
        # Neither a way to a file of today nor none: what it is, its client may see. A redirect is
        # not followed, so wherever it leads, the appliance does not go there.
        return answers.kept_back("stream", "This is passed through.", {TARGET: f"/{path}"})

    async def _is_proven(self, source: Source, path: str, listing: Listing | None) -> bool:
        """
        Tell whether a path says the truth of its content, or nothing, or nobody can tell.

        PyPI's path is the content. Whoever asks may have made the hash in another one up, and could
        fill the cache with copies of one file.
        """
        if source.origin == self._pypi or is_unhashed(path):
            return True
        try:
            listing = listing or await self._listings.find(source, path)
        except UpstreamError:
            return True
        return listing.is_own_path or not listing.projects

    def _verdict(self, source: Source, listing: Listing, now: datetime) -> Verdict:
        if listing.project is not None and listing.entry is not None:
            return self._policy.file(listing.project, listing.entry, now)
        # A file that no page lists has no date and no size. If it may be several projects', whoever
        # would refuse it is right; if it may be nobody's, the rules for all projects are.
        filename = whole(source).path.rpartition("/")[2]
        verdicts = [
            self._policy.file(project, {"filename": filename}, now)
            for project in listing.projects or ("",)
        ]
        refusals = [verdict for verdict in verdicts if verdict.answer is Answer.REFUSE]
        return (refusals or verdicts)[0]

    def _handed_out(self, source: Source, storage: Storage, fresh: int) -> Response:
        """Answer how the engine hands a file out that nobody refuses."""
        header = {TARGET: source.target, "Cache-Control": for_client(fresh)}
        # Where a credential is wanted, the client has none.
        is_closed = storage.answer is Storing.REDIRECT and source.origin in self._links.closed
        if storage.answer is Storing.STREAM or is_closed:
            return answers.kept_back("stream", "This is passed through.", header)
        if storage.answer is Storing.REDIRECT:
            header[LOCATION] = f"https://{source.origin}{source.target}"
            return answers.kept_back("redirect", "Upstream itself has this.", header)
        header[ZONE] = storage.zone or _COMMON_ZONE
        header[LIMIT] = "none" if storage.limit is None else str(storage.limit)
        return answers.sentence(HTTPStatus.OK, "The file may be handed out.", header)


def _refused(sentence: str, until: int | None) -> Response:
    answer = answers.refused(sentence, bounded(_REFUSED_FRESHNESS, time.time(), until))
    answer.headers[answers.FILE_ANSWER] = "refused"
    return answer
