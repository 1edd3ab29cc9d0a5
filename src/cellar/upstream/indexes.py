"""Which index is asked for a project, and what all of them together say."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from cellar.policy.patterns import Patterns
from cellar.resolving import ADDRESSES, Addresses
from cellar.settings import PYPI, IndexSettings, Settings
from cellar.upstream.access import Access
from cellar.upstream.bodies import Room
from cellar.upstream.client import (
    LATE,
    Absent,
    IndexClient,
    NotModified,
    Outcome,
    UpstreamError,
)
from cellar.upstream.validators import Part

PAGE = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
)

# Seconds.
_GRACE = 0.5
# Answers that the same indexes are asked for at a time.
_PLACES = 64

# What is known of each index's last answer, the one with priority first.
Known = Sequence[Part]


Ask = Callable[[], Coroutine[None, None, Outcome]]


class ProjectNotFoundError(Exception):
    """No index of the project has it."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """
    What each index said, the one with priority first.

    If `unchanged`, it is what was known already; else every index that has a page gave it whole.
    """

    said: Sequence[tuple[IndexSettings, Outcome]]
    unchanged: bool


class Indexes:
    """All indexes of an appliance. An index is asked for nothing but the projects it owns."""

    def __init__(
        self,
        settings: Settings,
        accesses: Mapping[str, Access],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare to ask; nothing is connected yet. `transport` replaces the network in tests."""
        upstream = settings.upstream
        addresses = Addresses(Path(settings.resolver.directory) / ADDRESSES)
        self._whole = upstream.connect_timeout + upstream.read_timeout
        self._clients = {
            index.name: IndexClient(upstream, index, accesses[index.name], addresses, transport)
            for index in settings.indexes
        }
        # One place for an answer, with all of its indexes and tries. Who has a place may wait for
        # room, so who has room must never wait for a place: both would wait for each other. By the
        # sets of indexes, so that one that hangs takes the places of its own projects alone.
        self._places: defaultdict[tuple[str, ...], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(_PLACES)
        )
        self._routes = [(Patterns(route.projects), route.indexes) for route in settings.routes]

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()

    def owners(self, project: str) -> tuple[IndexSettings, ...]:
        """Return the indexes of a project (a normalised name), the one with priority first."""
        names = next(names for patterns, names in self._routes if patterns.match(project))
        return tuple(self._clients[name].index for name in names)

    @property
    def pypi(self) -> IndexSettings:
        """The index that owns every project which no other one was given."""
        return self._clients[PYPI].index

    def is_on_pypi(self, project: str) -> bool:
        """Tell whether PyPI is one of the indexes of a project."""
        return self.pypi in self.owners(project)

    async def pages(self, project: str, room: Room, known: Known | None = None) -> Outcomes:
        """
        Ask all indexes of `project` for its page.

        An index that fails is not left out: another one's project of the same name would take its
        place. The whole takes at most `connect_timeout` + `read_timeout` seconds.

        Raises:
            ProjectNotFoundError: when every index says that there is no such project.
            UpstreamError: for any other trouble of any of them.

        """
        return await self._all(self.owners(project), f"{project}/", PAGE, room, known)

    async def document(
        self, path: str, accept: str, room: Room, known: Known | None = None
    ) -> Outcomes:
        """
        Ask PyPI for a document; `path` is relative to the base of its Simple API.

        Raises:
            ProjectNotFoundError: when PyPI has no such document.
            UpstreamError: for any other trouble.

        """
        return await self._all((self.pypi,), path, accept, room, known)

    async def _all(
        self,
        indexes: Sequence[IndexSettings],
        path: str,
        accept: str,
        room: Room,
        known: Known | None,
    ) -> Outcomes:
        def ask(number: int, condition: str | None) -> Ask:
            client = self._clients[indexes[number].name]
            return lambda: client.get(path, accept, room, deadline, condition)

        deadline = asyncio.get_running_loop().time() + self._whole
        conditions = [part.condition for part in known] if known else [None] * len(indexes)
        names = tuple(index.name for index in indexes)
        try:
            # By then every wait has ended by itself, unless an answer comes drop by drop.
            async with self._place(names, deadline), asyncio.timeout_at(deadline + _GRACE):
                outcomes = await _together([ask(n, c) for n, c in enumerate(conditions)])
                unchanged = known is not None and await _unchanged(known, outcomes)
                if not unchanged:
                    # What has not changed is needed again, to be put together with what has.
                    again = [n for n, o in enumerate(outcomes) if isinstance(o, NotModified)]
                    for n, outcome in zip(
                        again, await _together([ask(n, None) for n in again]), strict=True
                    ):
                        outcomes[n] = outcome
        except TimeoutError as error:
            raise _late(names) from error
        if all(isinstance(outcome, Absent) for outcome in outcomes):
            raise ProjectNotFoundError
        return Outcomes(list(zip(indexes, outcomes, strict=True)), unchanged)

    @asynccontextmanager
    async def _place(self, names: tuple[str, ...], deadline: float) -> AsyncIterator[None]:
        # Waited for before anything is asked: the pool's own places can be lost for good.
        places = self._places[names]
        try:
            async with asyncio.timeout_at(deadline):
                await places.acquire()
        except TimeoutError as error:
            raise _late(names, "Too many requests were before this one.") from error
        try:
            yield
        finally:
            places.release()


def _late(names: Sequence[str], reason: str = "") -> UpstreamError:
    return UpstreamError(LATE.format(" or ".join(names)), reason)


async def _unchanged(known: Known, outcomes: Sequence[Outcome]) -> bool:
    def unchanged() -> bool:
        return all(part.holds(o) for part, o in zip(known, outcomes, strict=True))

    # In a thread: a body of many megabytes may have to be digested.
    return await asyncio.to_thread(unchanged)


async def _together(asks: Sequence[Ask]) -> list[Outcome]:
    """Ask at once; the first failure ends all."""
    if len(asks) == 1:
        return [await asks[0]()]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask()) for ask in asks]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
