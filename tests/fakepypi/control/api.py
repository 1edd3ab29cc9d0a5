"""The control API: plain HTTP and JSON on a port of its own. README.md lists its resources."""

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl

from fakepypi.control.journal import Selection
from fakepypi.distributions.catalogue import DEMO, make_file
from fakepypi.hosts.simple import dump
from fakepypi.hosts.site import Site
from fakepypi.http.message import Request, Response, text
from fakepypi.jsonform import from_json, many_from_json
from fakepypi.misbehaviour.behaviour import Behaviour
from fakepypi.publication import Publication, PublishedFile


@dataclass(frozen=True)
class _Page:
    project: str
    base64: str
    form: Literal["json", "html"] = "json"


@dataclass(frozen=True)
class _Withdrawal:
    project: str
    filename: str | None = None


@dataclass(frozen=True)
class _Yank:
    project: str
    filename: str
    yanked: bool | str = True


@dataclass(frozen=True)
class _Status:
    project: str
    status: str
    reason: str | None = None


@dataclass(frozen=True)
class _Listening:
    listening: bool


class Listen(Protocol):
    """Opens or closes the ports of both hosts, and returns their numbers."""

    def __call__(self, *, listening: bool) -> Awaitable[dict[str, int | None]]: ...


class Control:
    """Does what a test asks for, and tells what has happened."""

    def __init__(self, site: Site, ca_pem: bytes, listen: Listen) -> None:
        self._site = site
        self._ca_pem = ca_pem
        self._listen = listen
        self._listening = True
        self._actions: dict[tuple[str, str], Callable[[Any], Awaitable[Any]]] = {
            ("GET", "/"): self._about,
            ("POST", "/listening"): self._set_listening,
            ("POST", "/publish"): self._publish,
            ("POST", "/demo"): self._publish_demo,
            ("POST", "/pages"): self._add_page,
            ("POST", "/withdraw"): self._withdraw,
            ("POST", "/yank"): self._yank,
            ("POST", "/status"): self._set_status,
            ("DELETE", "/projects"): self._forget_projects,
            ("GET", "/behaviours"): self._behaviours,
            ("POST", "/behaviours"): self._behave,
            ("DELETE", "/behaviours"): self._clear_behaviours,
            ("GET", "/requests"): self._requests,
            ("GET", "/totals"): self._totals,
            ("DELETE", "/requests"): self._reset_requests,
        }

    async def answer(self, request: Request) -> Response:
        """Return the JSON answer to a control request; 400 with one sentence if it is wrong."""
        if request.path == "/ca.pem":
            return text(200, self._ca_pem.decode(), "application/x-pem-file")
        action = self._actions.get((request.method, request.path))
        if action is None:
            return _json(404, {"error": f"there is no {request.method} {request.path}"})
        try:
            document = json.loads(request.body) if request.body else dict(parse_qsl(request.query))
            return _json(200, await action(document))
        except ValueError as error:
            return _json(400, {"error": str(error)})

    async def publish(self, publications: list[Publication]) -> list[PublishedFile]:
        """
        Build and publish files in the order given.

        Raises:
            ValueError: a publication is impossible, or its file is already there.

        """
        made = [await asyncio.to_thread(make_file, publication) for publication in publications]
        return [self._site.catalogue.add(file) for file in made]

    async def _about(self, _: Any) -> Any:
        names = self._site.names
        serial = self._site.catalogue.serial
        ports = await self._listen(listening=self._listening)
        hosts = {"index_host": names.index, "files_host": names.files, "extra_names": names.extra}
        return {**hosts, **ports, "listening": self._listening, "serial": serial}

    async def _set_listening(self, document: Any) -> Any:
        self._listening = from_json(_Listening, document).listening
        return await self._listen(listening=self._listening)

    async def _publish(self, document: Any) -> Any:
        published = await self.publish(many_from_json(Publication, document))
        return [asdict(file) for file in published]

    async def _publish_demo(self, _: Any) -> Any:
        return [asdict(file) for file in await self.publish(list(DEMO))]

    async def _add_page(self, document: Any) -> Any:
        page = from_json(_Page, document)
        try:
            body = base64.b64decode(page.base64, validate=True)
        except binascii.Error as error:
            raise ValueError(f"the page of {page.project} is not base64: {error}") from error
        return {"serial": self._site.catalogue.add_page(page.project, page.form, body)}

    async def _withdraw(self, document: Any) -> Any:
        wanted = from_json(_Withdrawal, document)
        return {"serial": self._site.catalogue.withdraw(wanted.project, wanted.filename)}

    async def _yank(self, document: Any) -> Any:
        wanted = from_json(_Yank, document)
        catalogue = self._site.catalogue
        serial = catalogue.yank(wanted.project, wanted.filename, yanked=wanted.yanked)
        return {"serial": serial}

    async def _set_status(self, document: Any) -> Any:
        wanted = from_json(_Status, document)
        catalogue = self._site.catalogue
        return {"serial": catalogue.set_status(wanted.project, wanted.status, wanted.reason)}

    async def _forget_projects(self, _: Any) -> Any:
        self._site.catalogue.clear()
        return {"serial": self._site.catalogue.serial}

    async def _behaviours(self, _: Any) -> Any:
        return self._site.rules.listing()

    async def _behave(self, document: Any) -> Any:
        return {"number": self._site.rules.add(Behaviour.from_json(document))}

    async def _clear_behaviours(self, document: Any) -> Any:
        number = document.get("number")
        self._site.rules.clear(None if number is None else int(number))
        return {}

    async def _requests(self, document: Any) -> Any:
        return [asdict(record) for record in self._site.journal.records(_selection(document))]

    async def _totals(self, document: Any) -> Any:
        return asdict(self._site.journal.totals(_selection(document)))

    async def _reset_requests(self, _: Any) -> Any:
        self._site.journal.reset()
        return {}


def _selection(document: Any) -> Selection:
    if "status" in document:
        document = {**document, "status": int(document["status"])}
    return from_json(Selection, document)


def _json(status: int, document: Any) -> Response:
    return text(status, dump(document).decode() + "\n", "application/json")
