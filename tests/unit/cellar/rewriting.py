"""A rewriter with a scripted upstream, and what every one of its answers must be."""

import re
from collections.abc import Callable, Mapping

import httpx

from unit.cellar.support import PAGES, Rewriter, Upstream, scripted

Start = Callable[..., Rewriter]


JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
BODY = (PAGES / "pypi.json").read_bytes()
HTML_BODY = (PAGES / "pypi.html").read_bytes()
# Every view of one project's page.
PATHS = [
    f"/{door}/{form}/simple/an-example/"
    for door in ("index", "intercept")
    for form in ("json", "html")
]


def answer(
    status: int = 200, body: bytes = BODY, header: Mapping[str, str] | None = None
) -> Upstream:
    """Return an upstream that gives the same answer to everything."""
    sent = {"Content-Type": JSON, "Cache-Control": "max-age=600, public", **(header or {})}
    return lambda _: scripted(status, body, sent)


def failing(error: type[Exception], message: str, cause: Exception | None = None) -> Upstream:
    """Return an upstream that cannot be asked."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise error(message) from cause

    return fail


def assert_not_found(response: httpx.Response) -> None:
    assert response.status_code == 404
    assert response.headers["Cache-Control"] == "max-age=60, public"
    assert_is_one_sentence(response)


def assert_is_one_sentence(response: httpx.Response) -> None:
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert re.fullmatch(r"[A-Z][^\n]+\.\n", response.text)
