"""What the index host answers, as PyPI's does behind its CDN."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable
from functools import lru_cache
from html import escape
from typing import Literal
from urllib.parse import quote

from fakepypi.distributions.artifacts import normalise
from fakepypi.distributions.catalogue import Catalogue, Project
from fakepypi.distributions.content import BytesContent
from fakepypi.hosts import legacy, negotiation, simple
from fakepypi.http.message import Request, Response, redirect, text
from fakepypi.misbehaviour.behaviour import Effects

_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": (
        "Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since"
    ),
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Max-Age": "86400",
    "Access-Control-Expose-Headers": "X-PyPI-Last-Serial",
}
_PROVENANCE = "application/vnd.pypi.integrity.v1+json"
_OTHER_PAGES = re.compile(r"/(project|search|rss|user|help|account|pypi)(/|$)")

Handler = Callable[[Request, Effects, "re.Match[str]"], Response]


class IndexHost:
    """The index host of one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = [
            ("GET", re.compile(r"/simple/"), self._root),
            ("GET", re.compile(r"/simple/([^/]+)/"), self._project),
            ("GET", re.compile(r"/simple(?:/[^/]+)?"), self._add_slash),
            ("GET", re.compile(r"/pypi/([^/]+)/json(/?)"), self._legacy_project),
            ("GET", re.compile(r"/pypi/([^/]+)/([^/]+)/json(/?)"), self._legacy_release),
            ("GET", re.compile(r"/integrity/([^/]+)/[^/]+/([^/]+)/provenance"), self._provenance),
            ("GET", re.compile(r"/packages/.+"), self._to_file_host),
            ("GET", re.compile(r"/_/oidc/audience"), self._audience),
            ("POST", re.compile(r"/_/oidc/mint-token"), self._mint_token),
            ("GET", _OTHER_PAGES, self._other_page),
            ("POST", re.compile(r"/pypi/?"), self._other_page),
        ]

    def answer(self, request: Request, effects: Effects) -> Response:
        """Return the answer to a request; `effects` shape the pages themselves."""
        method = "GET" if request.method == "HEAD" else request.method
        allowed = set()
        for route_method, pattern, handler in self._routes:
            match = (pattern.match if pattern is _OTHER_PAGES else pattern.fullmatch)(request.path)
            if match and route_method == method:
                return handler(request, effects, match)
            if match:
                allowed.add(route_method)
        if allowed:
            refusal = text(405, f"405 Method Not Allowed: {request.method} {request.path}\n")
            return refusal.with_headers({"Allow": ", ".join(sorted(allowed))})
        return _not_found()

    def _root(self, request: Request, effects: Effects, _: "re.Match[str]") -> Response:
        form = _form(request, effects)
        render = simple.root_json if form == negotiation.JSON else simple.root_html
        body = render(self._catalogue.projects.values(), self._catalogue.serial)
        return _page(request, body, form, self._catalogue.serial)

    def _project(self, request: Request, effects: Effects, match: "re.Match[str]") -> Response:
        project = self._catalogue.projects.get(normalise(match[1]))
        if project is None:
            return _not_found()
        if match[1] != project.name:
            return _moved(f"/simple/{project.name}/")
        if effects.serial is not None:
            project = project.as_of(effects.serial)
        form = _form(request, effects)
        name: Literal["json", "html"] = "json" if form == negotiation.JSON else "html"
        body = project.raw_pages.get(name) if effects.serial is None else None
        if body is None:
            render = simple.project_json if name == "json" else simple.project_html
            origins = request.files_origin, request.index_origin
            body = render(project, *origins, padding=effects.padding)
        return _page(request, body, form, project.serial)

    def _add_slash(self, request: Request, _: Effects, _match: "re.Match[str]") -> Response:
        if request.path == "/simple":
            return _moved("/simple/")
        name = normalise(request.path.removeprefix("/simple/"))
        return _moved(f"/simple/{name}/") if name in self._catalogue.projects else _not_found()

    def _legacy_project(self, request: Request, _: Effects, match: "re.Match[str]") -> Response:
        project = self._catalogue.projects.get(normalise(match[1]))
        if project is None:
            return _not_found()
        if match[1] != project.name or match[2]:
            return _moved(f"/pypi/{project.name}/json")
        document = legacy.project_document(project, request.files_origin)
        return _legacy(request, document, project)

    def _legacy_release(self, request: Request, _: Effects, match: "re.Match[str]") -> Response:
        project = self._catalogue.projects.get(normalise(match[1]))
        if project is None:
            return _not_found()
        if match[1] != project.name or match[3]:
            return _moved(f"/pypi/{project.name}/{quote(match[2], safe='!+')}/json")
        document = legacy.release_document(project, match[2], request.files_origin)
        return _not_found() if document is None else _legacy(request, document, project)

    def _provenance(self, request: Request, _: Effects, match: "re.Match[str]") -> Response:
        project = self._catalogue.projects.get(normalise(match[1]))
        for file in project.files if project else ():
            if file.filename == match[2] and file.publication.provenance is not None:
                document = simple.dump(file.publication.provenance)
                return _cacheable(request, document, _PROVENANCE, "Accept, Accept-Encoding", 600)
        return _not_found()

    def _to_file_host(self, request: Request, _: Effects, match: "re.Match[str]") -> Response:
        return _moved(request.files_origin + quote(match[0], safe="/!+~"))

    def _audience(self, _request: Request, _: Effects, _match: "re.Match[str]") -> Response:
        return text(200, '{"audience":"fakepypi"}', "application/json")

    def _mint_token(self, request: Request, _: Effects, _match: "re.Match[str]") -> Response:
        """Echo what arrived, so that a test can tell that nothing was lost on the way."""
        received = {
            "authorization": request.header("authorization"),
            "body_sha256": hashlib.sha256(request.body).hexdigest(),
            "body_size": len(request.body),
        }
        answer = {"success": True, "token": "fakepypi-token", "received": received}
        return text(200, json.dumps(answer), "application/json")

    def _other_page(self, request: Request, _: Effects, _match: "re.Match[str]") -> Response:
        """Echo: pages for people are only ever passed through."""
        echo = f"<p>{request.method} {escape(request.target)} {len(request.body)} bytes</p>\n"
        return text(200, echo, "text/html; charset=UTF-8")


def _form(request: Request, effects: Effects) -> str:
    if effects.form is not None:
        return negotiation.JSON if effects.form == "json" else negotiation.TEXT_HTML
    return negotiation.media_type(request.header("accept"), request.query)


def _page(request: Request, body: bytes, form: str, serial: int) -> Response:
    content_type = "text/html; charset=UTF-8" if form == negotiation.TEXT_HTML else form
    page = _cacheable(request, body, content_type, "Accept, Accept-Encoding", 600)
    return page.with_headers({"X-PyPI-Last-Serial": str(serial)})


def _legacy(request: Request, body: bytes, project: Project) -> Response:
    answer = _cacheable(request, body, "application/json", "Accept-Encoding", 900)
    return answer.with_headers({"X-PyPI-Last-Serial": str(project.serial)})


def _cacheable(
    request: Request, body: bytes, content_type: str, vary: str, max_age: int
) -> Response:
    headers = {"Content-Type": content_type}
    if negotiation.accepts_gzip(request.header("accept-encoding")):
        body = _gzip(body)
        headers["Content-Encoding"] = "gzip"
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    headers |= {
        "ETag": f'"{base64.b64encode(digest).decode().rstrip("=")}"',
        "Cache-Control": f"max-age={max_age}, public",
        "Vary": vary,
        **_CORS,
    }
    return Response(200, headers, BytesContent(body), conditional=True)


@lru_cache(maxsize=2048)  # a CDN compresses a page once; `make bench` asks for 1,000 in a row
def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def _moved(location: str) -> Response:
    return redirect(301, location)


def _not_found() -> Response:
    return text(404, "<h1>404 Not Found</h1>\n", "text/html; charset=UTF-8")
