"""What the pages that the engine keeps say of a file."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from cellar.index.links import Links, Source, source_of
from cellar.index.page import PageError
from cellar.index.views import read_page
from cellar.policy.distributions import project_candidates
from cellar.upstream import Rooms, UpstreamError
from cellar.web.engine import Engine
from cellar.web.files.paths import whole


@dataclass(frozen=True, slots=True)
class Listing:
    """
    What pages say of a file.

    `projects` are those that the file's name may belong to. `project` is the one whose page has its
    URL, and `entry` that page's (PEP 691); both None if none has. `is_own_path` tells whether the
    appliance's own path, hash and all, is the one that the page leads to.
    """

    projects: tuple[str, ...]
    project: str | None = None
    entry: Mapping[str, Any] | None = None
    is_own_path: bool = False


class Listings:
    """Finds files on the pages of their projects."""

    def __init__(self, engine: Engine, links: Links, rooms: Rooms) -> None:
        """Prepare to find: pages come from the engine's socket, each read in a room of its own."""
        self._engine = engine
        self._links = links
        self._rooms = rooms

    async def find(self, source: Source, path: str) -> Listing:
        """
        Return what pages say of the file from `source` at the appliance's own (decoded) `path`.

        Of what stands beside a file, that file's listing is returned.

        Raises:
            UpstreamError: a page is not to be had, or cannot be read.

        """
        file = whole(source)
        beside = len(source.path) - len(file.path)
        own = path[: len(path) - beside]
        projects = tuple(project_candidates(file.path.rpartition("/")[2]))
        for project in projects:
            async with self._rooms.room() as room:
                body = await self._engine.page(project, room)
                entries = await asyncio.to_thread(_entries, body, project, file) if body else []
            if entries:
                is_own = any(self._own_path(entry) == own for entry in entries)
                return Listing(projects, project, entries[0], is_own)
        return Listing(projects)

    def _own_path(self, entry: Mapping[str, Any]) -> str | None:
        path = self._links.cached_path(entry)
        return path and unquote(path.partition("#")[0])


def _entries(body: bytes, project: str, file: Source) -> list[Mapping[str, Any]]:
    try:
        page = read_page(body, project=project, url="http://engine/")
    except PageError as error:
        sentence = "The page of the file's project, which policy has to see, cannot be read."
        raise UpstreamError(sentence, f"The engine's page is wrong. {error}") from error
    files: list[Mapping[str, Any]] = page.document["files"]
    return [entry for entry in files if source_of(entry["url"]) == file]
