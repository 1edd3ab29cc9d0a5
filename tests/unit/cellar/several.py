"""Settings with a private index beside PyPI, and an upstream that plays both."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from unit.cellar.support import PYPI, PYPI_ROUTE, scripted

ACME: dict[str, Any] = {
    **PYPI,
    "name": "acme",
    "url": "https://packages.acme.example/pypi/simple/",
    "files": ["https://packages.acme.example/files/"],
    "missing_statuses": [403],
}
# Who owns what: acme's own names, names that both have, and the rest.
SEVERAL: dict[str, Any] = {
    "indexes": [PYPI, ACME],
    "routes": [
        {"projects": ["acme", "acme-*"], "indexes": ["acme"]},
        {"projects": ["both"], "indexes": ["acme", "pypi"]},
        PYPI_ROUTE,
    ],
}
AUTHORIZATION = "Basic Y2k6aHVudGVyMg=="  # ci:hunter2

Answerer = Callable[[httpx.Request], httpx.Response]


def page(project: str, *files: dict[str, Any], **more: Any) -> bytes:
    """Return a page in JSON form; keys of `meta` may be given in `more`."""
    meta = {"api-version": "1.4", **more.pop("meta", {})}
    return json.dumps({"meta": meta, "name": project, "files": files, **more}).encode()


def file(filename: str, host: str = "https://files.example/packages/", **more: Any) -> Any:
    return {"filename": filename, "url": f"{host}{filename}", "hashes": {}, **more}


class Upstreams:
    """
    Several indexes in one script: what each host answers to a path, and what each was asked.

    An answer is a body (status 200), a status alone, or a whole response.
    """

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = answers
        self.asked: list[tuple[str, str, str | None]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = {"index.example": "pypi", "packages.acme.example": "acme"}[request.url.host]
        condition = request.headers.get("If-None-Match")
        self.asked.append((name, request.url.path, condition))
        answer = self.answers[name]
        if isinstance(answer, int):
            return scripted(answer, b"no page")
        if isinstance(answer, bytes):
            return scripted(body=answer)
        response = answer(request)
        assert isinstance(response, httpx.Response)
        return response


def tagged(body: bytes, etag: str, **header: str) -> Answerer:
    """Return an upstream that knows conditional requests."""

    def answer(request: httpx.Request) -> httpx.Response:
        names = {name.replace("_", "-"): value for name, value in header.items()}
        if request.headers.get("If-None-Match") == etag:
            return scripted(304, header={"ETag": etag, **names})
        return scripted(body=body, header={"ETag": etag, **names})

    return answer
