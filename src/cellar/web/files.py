"""
The file oracle: what becomes of a file, where it comes from, and how much of it there is.

The engine asks before it serves a file, and remembers the answer by the file's path.
"""

import asyncio
import logging
import os
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urljoin

import httpx
from starlette.requests import Request
from starlette.responses import Response

from cellar.freshness import bounded, for_client
from cellar.index.links import Links, Source, source_of
from cellar.index.page import Page, PageError
from cellar.index.views import read_page
from cellar.policy import Answer, Policy, Storage, StoragePolicy, Storing, Verdict
from cellar.policy.distributions import project_candidates
from cellar.settings import Settings
from cellar.upstream import Rooms, UpstreamError
from cellar.web import answers
from cellar.web.engine import Engine, Head
from cellar.web.policing import timestamp

logger = logging.getLogger("cellar.web")

# What the engine reads of an answer: the path that the origin is asked for, the zone of the cache
# and the greatest size that is stored, where upstream has the file, and the first and last byte.
TARGET = "X-File-Target"
ZONE = "X-File-Zone"
LIMIT = "X-File-Limit"
LOCATION = "X-File-Location"
RANGE = "X-File-Range"
_COMMON_ZONE = "files"
_METADATA_ZONE = "metadata"
_METADATA_LIMIT = 16 * 2**20
# Seconds for which an answer holds: if policy judges, if the same path is the same file for ever,
# if it may become another one, if its size could not be learnt, and while there is no space.
_JUDGED_FRESHNESS = 3600
_FRESHNESS = 30 * 86400
_UNHASHED_FRESHNESS = 600
_UNKNOWN_FRESHNESS = 60
_NO_SPACE_FRESHNESS = 10
_REFUSED_FRESHNESS = 600
# Files up to this size are stored as long as there is any space.
_SMALL = 2**20
# What an index serves beside a file, under the file's URL with this behind it.
_SIBLINGS = (".metadata", ".metadata.json", ".asc")
# Other paths of PyPI's file host than today's, in the characters that the engine lets through.
_OLD_PATH = re.compile(r"packages(?:/(?!\.\.?(?:/|\Z))[A-Za-z0-9._+!~-]+)+", re.ASCII)
# In place of a hash, in paths of files that have none.
_UNHASHED = "-"
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
        engine: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare to answer; `engine` replaces the engine's socket in tests."""
        self._policy = policy
        self._storage = storage
        self._links = links
        self._rooms = rooms
        self._engine = Engine(settings, engine)
        self._pypi = source_of(links.pypi[0]).origin
        self._cache_dir = settings.appliance.cache_dir
        self._least_space = settings.appliance.min_free // 2

    async def aclose(self) -> None:
        """Close all connections."""
        await self._engine.aclose()

    async def answer(self, request: Request) -> Response:
        """Answer what becomes of the file at the appliance's own path."""
        path = request.path_params["uri"]
        source = self._links.source("/" + path)
        if source is None:
            if not _OLD_PATH.fullmatch(path):
                return _refused("No index of this appliance has files at this path.", None)
            found = await self._followed(path)
            if isinstance(found, Response):
                return found
            source = found
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
        return await self._stored(source, path, now, until)

    async def range(self, request: Request) -> Response:
        """Answer which bytes, from its beginning, the last bytes of a file are."""
        source = self._links.source("/" + request.path_params["uri"])
        suffix = _SUFFIX.fullmatch(request.headers.get("Range", ""))
        head = await self._head(source) if source and suffix else None
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

    async def _stored(self, source: Source, path: str, now: float, until: int | None) -> Response:
        """Answer for a file that policy lets through."""
        storage, fresh = await self._storing(source, path)
        if self._policy.enforces:
            fresh = min(fresh, _JUDGED_FRESHNESS)
        fresh = bounded(fresh, now, until)
        if storage.answer is Storing.REFUSE:
            return _refused(storage.sentence, until)
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
        if not await self._is_listed(source, path):
            # Whoever asks may have made the hash up, and could fill the cache with copies of one
            # file. What was stored while its page had it is served all the same.
            header |= {LIMIT: "0", "Cache-Control": for_client(_UNKNOWN_FRESHNESS)}
        return answers.sentence(HTTPStatus.OK, "The file may be handed out.", header)

    async def _is_listed(self, source: Source, path: str) -> bool:
        """Tell whether a page has the file with the hash in its path, or nobody can say."""
        if source.origin == self._pypi or f"/{_UNHASHED}/" in f"/{path}":
            return True  # the path is the content, or says nothing of it
        file = _whole(source)
        beside = len(source.path) - len(file.path)
        wanted = path[: len(path) - beside]
        projects = project_candidates(file.path.rpartition("/")[2])
        for project in projects:
            try:
                async with self._rooms.room() as room:
                    body = await self._engine.page(project, room)
                    paths = await asyncio.to_thread(self._paths, body, project) if body else set()
            except UpstreamError:
                return True
            if wanted in paths:
                return True
        return not projects

    def _paths(self, body: bytes, project: str) -> set[str]:
        """Return the appliance's own (decoded) paths of the files on a page."""
        paths = map(self._links.cached_path, _read(body, project).document["files"])
        return {unquote(path.partition("#")[0]) for path in paths if path}

    async def _storing(self, source: Source, path: str) -> tuple[Storage, int]:
        """Return what becomes of a file, and for how many seconds that is known."""
        file = _whole(source)
        if file is not source:
            return Storage(Storing.STORE, _METADATA_ZONE, _METADATA_LIMIT), _FRESHNESS
        filename = source.path.rpartition("/")[2]
        fresh = _UNHASHED_FRESHNESS if f"/{_UNHASHED}/" in f"/{path}" else _FRESHNESS
        size = None
        if self._storage.has_limits:
            head = await self._head(source)
            size = head.length if head else None
            if size is None:
                fresh = _UNKNOWN_FRESHNESS
        storage = self._storage.named(filename, size)
        is_large = size is None or size > _SMALL
        if storage.answer is Storing.STORE and is_large and not self._has_space():
            # Served if it is there, and else not stored: better than an end where the disk has one.
            return replace(storage, limit=0), _NO_SPACE_FRESHNESS
        return storage, fresh

    async def _head(self, source: Source) -> Head | None:
        origin = "pypi" if source.origin == self._pypi else source.origin
        return await self._engine.head(origin, source.target)

    def _has_space(self) -> bool:
        try:
            system = os.statvfs(self._cache_dir)
        except OSError:
            return True
        return system.f_bavail * system.f_frsize >= self._least_space

    async def _verdict(self, source: Source, now: datetime) -> Verdict:
        file = _whole(source)
        filename = file.path.rpartition("/")[2]
        projects = project_candidates(filename)
        for project in projects:
            async with self._rooms.room() as room:
                body = await self._engine.page(project, room)
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


def _refused(sentence: str, until: int | None) -> Response:
    answer = answers.refused(sentence, bounded(_REFUSED_FRESHNESS, time.time(), until))
    answer.headers[answers.FILE_ANSWER] = "refused"
    return answer


def _whole(source: Source) -> Source:
    """Return the file that a file belongs to: itself, or the one that it stands beside."""
    for suffix in _SIBLINGS:
        if source.path.endswith(suffix):
            return Source(source.origin, source.path.removesuffix(suffix))
    return source


def _entry(body: bytes, project: str, file: Source) -> Mapping[str, Any] | None:
    """Return what a page says of a file, None if it does not list it."""
    files = _read(body, project).document["files"]
    return next((entry for entry in files if source_of(entry["url"]) == file), None)


def _read(body: bytes, project: str) -> Page:
    try:
        return read_page(body, project=project, url="http://engine/")
    except PageError as error:
        sentence = "The page of the file's project, which policy has to see, cannot be read."
        raise UpstreamError(sentence, f"The engine's page is wrong. {error}") from error
