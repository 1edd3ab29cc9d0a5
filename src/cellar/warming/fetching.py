"""Asking for everything that is wanted, several at once, and for nothing twice."""

import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

import httpx

from cellar.index.page import PageError
from cellar.index.views import read_page
from cellar.policy.texts import one_line
from cellar.settings import Settings
from cellar.warming.doors import JSON, Doors, fault, stored
from cellar.warming.planning import Job, Listing, Places, Plan
from cellar.warming.report import Kind, Outcome, Result
from cellar.warming.selecting import Filters
from cellar.warming.wanted import Wanted

T = TypeVar("T")
R = TypeVar("R")

# The most that is asked for at once, so that a file of which the beginning alone is there is told
# from a whole one, and a broken transfer goes on.
PIECE = 8 * 1024 * 1024
# Seconds before each further try, while upstream is in trouble.
RETRY_PAUSES = (1.0, 5.0)
_RANGE = re.compile(r"bytes ([0-9]+)-[0-9]+/([0-9]+)", re.ASCII)


class Track(Protocol):
    """Passes on what is done; it is told how many there will be, and what they are."""

    def __call__(self, items: Iterable[T], label: str, length: int) -> Iterator[T]:
        """Yield the items."""


class _TroubleError(Exception):
    """There is trouble which may pass; the message says what trouble."""


class _StoppedError(Exception):
    """Whoever wanted this has gone."""


def warm(  # noqa: PLR0913, PLR0917 what warming is made of
    settings: Settings,
    doors: Doors,
    wanted: Iterable[Wanted],
    filters: Filters,
    parallel: int,
    track: Track,
) -> Iterator[Result]:
    """
    Have the appliance fetch what is wanted, and yield the outcome of each item as it is known.

    First come the pages of the projects, then the files with their metadata and the documents of
    releases that are installed by them, at most `parallel` at once. When the caller stops, so
    does all that is under way.
    """
    projects: dict[str, list[Wanted]] = {}
    for each in dict.fromkeys(wanted):
        projects.setdefault(each.project, []).append(each)
    places = Places(settings)
    stop = threading.Event()
    fetcher = _Fetcher(doors, stop)

    def planned(project: str) -> tuple[list[Result], list[Job]]:
        results, listing = fetcher.pages(project)
        found = list(Plan(places, filters, listing).jobs(projects[project]))
        jobs = [each for each in found if isinstance(each, Job)]
        return [*results, *(each for each in found if isinstance(each, Result))], jobs

    with _workers(parallel, stop) as executor:
        jobs: dict[Job, None] = {}
        pages = _each(executor, planned, list(projects))
        for results, found in track(pages, "Pages", len(projects)):
            yield from results
            jobs |= dict.fromkeys(found)
        yield from track(_each(executor, fetcher.fetch, list(jobs)), "Files", len(jobs))


@contextmanager
def _workers(count: int, stop: threading.Event) -> Iterator[ThreadPoolExecutor]:
    executor = ThreadPoolExecutor(count)
    try:
        yield executor
    finally:
        stop.set()
        executor.shutdown(cancel_futures=True)


def _each(executor: ThreadPoolExecutor, work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Do something with each item, several at once, and yield what comes of it when it does."""
    for future in as_completed([executor.submit(work, item) for item in items]):
        yield future.result()


@dataclass(slots=True)
class _Transfer:
    """How far a file has been read, over several tries."""

    digest: Any = field(default_factory=hashlib.sha256)
    length: int = 0
    total: int | None = None
    outcome: Outcome = Outcome.CACHED

    @property
    def is_done(self) -> bool:
        return self.total is not None and self.length >= self.total


class _Fetcher:
    """Asks for one thing after another; several threads may."""

    def __init__(self, doors: Doors, stop: threading.Event) -> None:
        self._doors = doors
        self._stop = stop

    def pages(self, project: str) -> tuple[list[Result], Listing]:
        """Return the outcome of a project's page at each door, and what the index door has."""
        results = []
        listing = Listing(project, Outcome.FAILED, {})
        for name, door in self._doors.pages.items():
            item = Result(
                Kind.PAGE, f"page of {project}, {door}", Outcome.FAILED, "", f"/simple/{project}/"
            )
            result, body = self._persistently(item, partial(self._page, item, name))
            if name == self._doors.index:
                result, listing = _read(result, body, project, f"https://{name}{item.path}")
            results.append(result)
        return results, listing

    def fetch(self, job: Job) -> Result:
        """Return the outcome of a file, of its metadata, or of the document of a release."""
        return self._document(job) if job.kind is Kind.DOCUMENT else self._whole_file(job)

    def _document(self, job: Job) -> Result:
        item = Result(job.kind, job.name, Outcome.FAILED, "", job.path)
        door = self._doors.intercept
        if door is None:
            return _changed(item, Outcome.LEFT_OUT, "the door that it is asked at is closed")
        result, _ = self._persistently(item, partial(self._page, item, door))
        return result

    def _whole_file(self, job: Job) -> Result:
        item = Result(job.kind, job.name, Outcome.FAILED, "", job.path)
        transfer = _Transfer()
        result, _ = self._persistently(item, lambda: (self._file(item, transfer), b""))
        if result.outcome not in {Outcome.CACHED, Outcome.FETCHED}:
            return result
        digest = transfer.digest.hexdigest()
        if job.sha256 and digest not in job.sha256:
            promised = " or ".join(sorted(job.sha256))
            detail = f"its SHA-256 is {digest}, and not {promised} as promised"
            return _changed(result, Outcome.FAILED, detail)
        return result

    def _persistently(
        self, item: Result, attempt: Callable[[], tuple[Result, bytes]]
    ) -> tuple[Result, bytes]:
        """Try again while there is trouble."""
        for pause in (*RETRY_PAUSES, None):
            if self._stop.is_set():
                raise _StoppedError
            try:
                return attempt()
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                problem = one_line(f"no answer: {type(error).__name__}: {error}")
            except _TroubleError as error:
                problem = str(error)
            if pause is not None and self._stop.wait(pause):
                raise _StoppedError
        return _changed(item, Outcome.FAILED, problem), b""

    def _page(self, item: Result, name: str) -> tuple[Result, bytes]:
        with self._doors.ask(name, item.path, Accept=JSON, Accept_Encoding="gzip") as response:
            if response.status_code != HTTPStatus.OK:
                return _faulty(item, response), b""
            body = response.read()
            return _changed(item, stored(response), "", len(body)), body

    def _file(self, item: Result, transfer: _Transfer) -> Result:
        while not transfer.is_done:
            span = f"bytes={transfer.length}-{transfer.length + PIECE - 1}"
            with self._doors.ask(
                self._doors.index, item.path, Range=span, Accept_Encoding="identity"
            ) as response:
                if not response.is_success:
                    return _faulty(item, response)
                outcome = stored(response)
                if outcome is Outcome.NOT_STORED:
                    # What of it is still to come costs upstream's time, and nobody's gain.
                    return _changed(item, outcome, "it is passed through to whoever asks")
                if outcome is Outcome.FETCHED:
                    transfer.outcome = outcome
                self._take(response, transfer)
        return _changed(item, transfer.outcome, "", transfer.length)

    def _take(self, response: httpx.Response, transfer: _Transfer) -> None:
        """Read a piece, or all if that is what the answer is."""
        part = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if part is None:
            transfer.digest, transfer.length = hashlib.sha256(), 0
        elif int(part[1]) != transfer.length:
            raise _TroubleError(f"byte {transfer.length} was asked for, and not {part[1]}")
        else:
            transfer.total = int(part[2])
        for chunk in response.iter_raw():
            if self._stop.is_set():
                raise _StoppedError
            transfer.digest.update(chunk)
            transfer.length += len(chunk)
        if part is None:
            transfer.total = transfer.length


def _read(result: Result, body: bytes, project: str, url: str) -> tuple[Result, Listing]:
    """Return what a page has, with its outcome."""
    if not body:
        return result, Listing(project, result.outcome, {})
    try:
        files = read_page(body, project=project, url=url).document["files"]
    except PageError as error:
        detail = one_line(f"it is no index page: {error}").rstrip(".")
        return _changed(result, Outcome.FAILED, detail), Listing(project, Outcome.FAILED, {})
    return result, Listing(project, result.outcome, {file["filename"]: file for file in files})


def _faulty(item: Result, response: httpx.Response) -> Result:
    outcome, detail = fault(response)
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        raise _TroubleError(detail)
    return _changed(item, outcome, detail)


def _changed(item: Result, outcome: Outcome, detail: str, count: int = 0) -> Result:
    return replace(item, outcome=outcome, detail=detail, bytes=count)
