"""Answers to requests for PyPI's own documents: its JSON API and provenance (PEP 740)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from cellar.index.json_form import parse_json, write_json
from cellar.index.names import is_normalised, is_valid, normalise
from cellar.index.page import PageError
from cellar.index.views import Door
from cellar.policy import Policy
from cellar.settings import PYPI
from cellar.upstream import Found, Indexes
from cellar.upstream.validators import mark
from cellar.web import answers
from cellar.web.policing import absence, refusal, timestamp
from cellar.web.serving import Content, Serving, Subject

JSON_API = "application/json"
PROVENANCE = "application/vnd.pypi.integrity.v1+json"

# What the engine lets through: versions and file names, the characters of their spellings.
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*", re.ASCII)
_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!~-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request is for: a project, and of it maybe a release and a file."""

    project: str
    version: str | None = None
    filename: str | None = None

    @property
    def path(self) -> str:
        """The path of the document on PyPI's index host."""
        rest = "" if self.version is None else f"/{quote(self.version, safe='!+')}"
        if self.filename is None:
            return f"/pypi/{self.project}{rest}/json"
        return f"/integrity/{self.project}{rest}/{quote(self.filename, safe='!+~')}/provenance"


class Documents:
    """Answers requests for documents, which are asked of PyPI for its own projects alone."""

    def __init__(self, serving: Serving, indexes: Indexes, policy: Policy) -> None:
        self._serving = serving
        self._indexes = indexes
        self._policy = policy

    async def json_api(self, door: Door, request: Request) -> Response:
        """Answer with the JSON API's document of a project or of one of its releases."""
        asked = _asked(request)
        if isinstance(asked, Response):
            return asked
        # File URLs stay as PyPI wrote them, which at the index door lead around the appliance.
        kept_back = absence if door is Door.INTERCEPT else refusal
        if answer := kept_back(self._policy, asked.project):
            return answer
        make = partial(self._json_api, asked)
        return await self._document(request, asked, JSON_API, "document", make)

    async def provenance(self, request: Request) -> Response:
        """Answer with a file's provenance; it is no file, so policy has no say in it."""
        asked = _asked(request)
        if isinstance(asked, Response):
            return asked
        return await self._document(request, asked, PROVENANCE, "provenance", self._provenance)

    async def _document(
        self, request: Request, asked: _Asked, media_type: str, what: str, make: Any
    ) -> Response:
        if not self._indexes.is_on_pypi(asked.project):
            return answers.not_found(
                f"PyPI is not asked for documents of {asked.project}, which is another index's."
            )
        subject = Subject(
            name=f"{what} of {asked.project}",
            variant=what[0],
            indexes=(self._indexes.pypi,),
            absent=f"PyPI has no such document: {asked.path}.",
        )
        # Relative to the base of the Simple API, which is /simple/ on the index host.
        fetch = partial(self._indexes.document, f"..{asked.path}", media_type)
        return await self._serving.serve(request, subject, fetch, make)

    def _json_api(self, asked: _Asked, found: Mapping[str, Found], now: float) -> Content:
        answer = found[PYPI]
        document = parse_json(answer.body)
        _check_shape(document, asked.project)
        at = datetime.fromtimestamp(now, UTC)
        shown, until = _shown(document, asked.project, self._policy, at)
        return self._content(
            answer.body if shown is document else write_json(shown),
            JSON_API,
            _serial(document.get("last_serial")),
            timestamp(until),
        )

    def _provenance(self, found: Mapping[str, Found], _: float) -> Content:
        answer = found[PYPI]
        document = parse_json(answer.body)
        if not isinstance(document, dict) or "version" not in document:
            raise PageError("The JSON is not a provenance object.")
        return self._content(answer.body, PROVENANCE, _serial(answer.last_serial), None)

    def _content(
        self, body: bytes, media_type: str, serial: int | None, until: int | None
    ) -> Content:
        return Content(body, media_type, serial, {mark(self._indexes.pypi): serial}, until)


def _asked(request: Request) -> _Asked | Response:
    """Return what is asked for, or the answer if that cannot be."""
    parameters = request.path_params
    name, version = parameters["project"], parameters.get("version")
    filename = parameters.get("filename")
    if not is_valid(name):
        return answers.not_found("This is not the name of a project.")
    if version is not None and not _VERSION.fullmatch(version):
        return answers.not_found("This is not the version of a release.")
    if filename is not None and not _FILENAME.fullmatch(filename):
        return answers.not_found("This is not the name of a file.")
    asked = _Asked(normalise(name), version, filename)
    is_canonical = is_normalised(name) and not request.scope["path"].endswith("/")
    return asked if is_canonical else answers.moved(asked.path)


def _check_shape(document: Any, project: str) -> None:
    info = document.get("info") if isinstance(document, dict) else None
    name = info.get("name") if isinstance(info, dict) else None
    if not isinstance(name, str) or not is_valid(name) or normalise(name) != project:
        raise PageError("The JSON is not the document of the project that was asked for.")
    releases = document.get("releases", {})
    if not isinstance(releases, dict):
        raise PageError("The JSON has no object under the key releases.")
    for files in (document.get("urls", []), *releases.values()):
        if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
            raise PageError("The JSON has a list of files that is none.")


def _shown(
    document: dict[str, Any], project: str, policy: Policy, now: datetime
) -> tuple[dict[str, Any], datetime | None]:
    """
    Return the document without the files that policy keeps back, and until when that holds.

    The same object comes back if nothing is kept back. A release of which every file is kept back
    is left out.
    """
    ends: list[datetime] = []

    def kept(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [file for file in files if offered(file)]

    def offered(file: dict[str, Any]) -> bool:
        # The keys of the Simple API (PEP 691, PEP 700) for what the JSON API calls otherwise.
        entry = {**file, "upload-time": file.get("upload_time_iso_8601")}
        if not isinstance(entry.get("url"), str):
            entry["url"] = ""
        verdict = policy.file(project, entry, now)
        if verdict.until is not None:
            ends.append(verdict.until)
        return policy.shows(project, entry, verdict.answer)

    shown = dict(document)
    if "urls" in document:
        shown["urls"] = kept(document["urls"])
    if "releases" in document:
        left = {version: (files, kept(files)) for version, files in document["releases"].items()}
        shown["releases"] = {
            version: some for version, (files, some) in left.items() if some or not files
        }
    return (document if shown == document else shown), min(ends, default=None)


def _serial(value: object) -> int | None:
    if type(value) is int and value >= 0:
        return value
    found = isinstance(value, str) and value.isascii() and value.isdigit()
    return int(str(value)[:18]) if found else None
