"""Answers to requests for index pages: the index as it is, and as it was on a day."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cellar.index.links import Links, source_of
from cellar.index.merging import merge
from cellar.index.names import is_normalised, is_valid, normalise
from cellar.index.page import Page
from cellar.index.views import Door, Form, read_page, view
from cellar.policy import Answer, Policy, StoragePolicy, Storing, as_of
from cellar.upstream import Found, Indexes
from cellar.upstream.validators import mark
from cellar.web import answers
from cellar.web.policing import absence, timestamp
from cellar.web.serving import Content, Serving, Subject

MEDIA_TYPES = {
    Form.JSON: "application/vnd.pypi.simple.v1+json",
    Form.HTML: "application/vnd.pypi.simple.v1+html",
}
_VIEWS = {(door, form) for door in Door for form in Form} - {(Door.UNFILTERED, Form.HTML)}
# For people who look at a page in a browser: they can follow its links and load files down, and
# nothing that upstream wrote into the page can run, load or send anything.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-downloads"
)


class Pages:
    """Answers requests for index pages."""

    def __init__(
        self,
        serving: Serving,
        indexes: Indexes,
        policy: Policy,
        storage: StoragePolicy,
        links: Links,
    ) -> None:
        self._serving = serving
        self._indexes = indexes
        self._policy = policy
        self._storage = storage
        self._links = links

    async def answer(self, request: Request) -> Response:
        """Answer with the page of a project, as it is or as of the end of a day."""
        parameters = request.path_params
        door, form = parameters["door"], parameters["form"]
        if (door, form) not in _VIEWS:
            return answers.not_found("There is no such door or form.")
        day = None
        if "day" in parameters:
            if (day := _day(parameters["day"])) is None:
                return answers.not_found("This is not a day in the form YYYY-MM-DD.")
            if day > datetime.now(UTC).date():
                return answers.not_found(f"The day {day} has not come yet (UTC).")
        name = parameters["rest"].strip("/")
        if not is_valid(name):
            return answers.not_found("This is not the name of a project.")
        if parameters["rest"] != f"{name}/" or not is_normalised(name):
            prefix = "" if day is None else f"/snapshot/{day}"
            return answers.moved(f"{prefix}/simple/{normalise(name)}/")
        return await self._page(request, name, Door(door), Form(form), day)

    async def _page(
        self, request: Request, project: str, door: Door, form: Form, day: date | None
    ) -> Response:
        if door is not Door.UNFILTERED and (answer := absence(self._policy, project)):
            return answer
        subject = Subject(
            name=f"page of {project}",
            # The first letter of the form and the last one of the door tell all of them apart.
            variant=form[0] + door[-1],
            indexes=self._indexes.owners(project),
            absent=f"The index has no project named {project}.",
        )
        return await self._serving.serve(
            request,
            subject,
            partial(self._indexes.pages, project),
            partial(self._content, subject, project, door, form, day),
        )

    def _content(  # noqa: PLR0913, PLR0917 what a page is made from
        self,
        subject: Subject,
        project: str,
        door: Door,
        form: Form,
        day: date | None,
        found: Mapping[str, Found],
        now: float,
    ) -> Content:
        root = "../../" if day is None else "../../../../"
        pages = {
            index: _read(found[index.name], project)
            for index in subject.indexes
            if index.name in found
        }
        page = merge(list(pages.values()))
        until = None
        if day is not None:
            page = _showing(page, as_of(page.document, day))
        if door is not Door.UNFILTERED:
            shown = self._policy.page(page.document, project, datetime.fromtimestamp(now, UTC))
            page, until = _showing(page, shown.document), timestamp(shown.until)
        return Content(
            body=view(
                page,
                door,
                form,
                links=self._links,
                root=root,
                elsewhere=partial(self._is_elsewhere, project) if self._storage.redirects else None,
            ),
            media_type=MEDIA_TYPES[form],
            serial=page.serial,
            serials={mark(index): of_index.serial for index, of_index in pages.items()},
            until=until,
            header={"Content-Security-Policy": _CONTENT_SECURITY_POLICY}
            if form is Form.HTML
            else {},
        )

    def _is_elsewhere(self, project: str, file: Mapping[str, Any]) -> bool:
        if self._policy.project(project).answer is Answer.REFUSE:
            # Upstream would hand out what the appliance refuses.
            return False
        if source_of(file["url"]).origin in self._links.closed:
            # Upstream would ask the client for a credential.
            return False
        # What the page does not say, the oracle finds out when the file is asked for.
        size = file.get("size")
        known = size if type(size) is int else None
        return self._storage.file(project, file, known).answer is Storing.REDIRECT


def _read(found: Found, project: str) -> Page:
    """Read a page; its serial is that of the header if the body has none."""
    page = read_page(found.body, project=project, url=found.url)
    told = found.last_serial or ""
    # The body's word first: it is what the client gets.
    if page.serial is None and told.isascii() and told.isdigit():
        return replace(page, serial=int(told[:18]))
    return page


def _showing(page: Page, document: Mapping[str, object]) -> Page:
    if document is page.document:
        return page
    return replace(page, document=document, verbatim=None)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    # fromisoformat() knows other spellings; each would be a page of its own in the engine.
    return day if day.isoformat() == text else None
