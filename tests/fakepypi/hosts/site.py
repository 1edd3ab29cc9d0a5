"""The two hosts under their names: who is asked, may it be asked so, and what is the answer."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import count

from fakepypi.control.journal import Journal, RequestRecord
from fakepypi.distributions.catalogue import Catalogue
from fakepypi.hosts.files import FileHost
from fakepypi.hosts.index import IndexHost
from fakepypi.http.message import Link, Request, Response, Role, redirect, text
from fakepypi.http.ranges import apply_range
from fakepypi.misbehaviour.behaviour import Effects
from fakepypi.misbehaviour.distortion import apply_condition, distort
from fakepypi.misbehaviour.rules import Plan, Rules


@dataclass(frozen=True)
class Names:
    """Host names. An extra name plays both hosts, and its pages link to itself."""

    index: str
    files: str
    extra: tuple[str, ...] = ()

    def all(self) -> list[str]:
        """Return every name once."""
        return list(dict.fromkeys([self.index, self.files, *self.extra]))

    def role(self, name: str, path: str) -> Role | None:
        """Return which host a request to `name` is for, or None."""
        if name == self.index and name != self.files:
            return "index"
        if name == self.files:
            return "files"
        if name in self.extra:
            return "files" if path.startswith("/packages/") else "index"
        return None


class Site:
    """Both hosts of one catalogue, with the behaviours in force and the log of requests."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.catalogue = Catalogue()
        self.rules = Rules()
        self.journal = Journal()
        self._numbers = count(1)
        self._index = IndexHost(self.catalogue)
        self._files = FileHost(self.catalogue)

    def answer(self, request: Request, link: Link) -> tuple[Response, Plan, RequestRecord]:
        """Record a request; return its answer and what is to be done to it on the wire."""
        host = (request.header("host") or "").lower()
        name, _, port = host.partition(":")
        role = self.names.role(name, request.path)
        record = RequestRecord.of(request, link, number=next(self._numbers), host=role)
        self.journal.add(record)
        if role is None:
            return text(421, f"421 Misdirected Request: no host {name}\n"), Plan(), record
        plan = self.rules.plan(role, request)
        request = self._with_origins(request, name, f":{port}" if port else "")
        response = self._refusal(role, name, request, link)
        if response is None:
            response = self._handle(role, request, plan.effects)
        response = distort(response, plan.effects, record.number)
        return apply_range(request, apply_condition(request, response)), plan, record

    def _handle(self, role: Role, request: Request, effects: Effects) -> Response:
        if role == "files":
            return self._files.answer(request)
        return self._index.answer(request, effects)

    def _with_origins(self, request: Request, name: str, port: str) -> Request:
        index, files = self.names.index, self.names.files
        if name in self.names.extra:
            index = files = name
        index_origin, files_origin = f"https://{index}{port}", f"https://{files}{port}"
        return replace(request, index_origin=index_origin, files_origin=files_origin)

    def _refusal(self, role: Role, name: str, request: Request, link: Link) -> Response | None:
        if not link.tls:
            if role == "index" and request.method in ("GET", "HEAD"):
                return redirect(HTTPStatus.MOVED_PERMANENTLY, request.index_origin + request.target)
            return text(403, "403 SSL is required\n")
        if link.sni is None and role == "files" and name not in self.names.extra:
            return text(403, "403 SNI is required\n")
        if link.sni not in (None, name):
            return text(421, f"421 Misdirected Request: TLS was for {link.sni}\n")
        return None
