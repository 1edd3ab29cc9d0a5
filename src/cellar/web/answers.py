"""The answers that are no page: sentences, redirects and refusals."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import PlainTextResponse, Response

# A 404 is remembered for PyPI's own time, so that a new project is seen soon.
NOT_FOUND_FRESHNESS = 60
# Seconds. pip obeys it at each of its five tries, so a longer one makes failing slow.
RETRY_AFTER = 1
# The worker makes it the reason phrase of the status line, and takes it out of the header.
REASON = "X-Cellar-Reason"
# What the engine is to do with a file that it must not serve from its cache; a 403 without this is
# upstream's.
FILE_ANSWER = "X-File-Answer"

# How many bytes of content upstream sent for an answer, for the engine's log.
UPSTREAM_BYTES = "X-Upstream-Bytes"

_LONGEST_REASON = 200
_REMEMBERED = f"max-age={NOT_FOUND_FRESHNESS}, public"


def sentence(status: HTTPStatus, text: str, header: Mapping[str, str]) -> Response:
    """Answer with one sentence."""
    return PlainTextResponse(f"{text}\n", status_code=status, headers=header)


def not_found(text: str) -> Response:
    """Answer that there is no such thing."""
    return sentence(HTTPStatus.NOT_FOUND, text, {"Cache-Control": _REMEMBERED})


def moved(location: str) -> Response:
    """Answer that a page has another path."""
    return sentence(
        HTTPStatus.MOVED_PERMANENTLY,
        f"The page is at {location}.",
        {"Location": location, "Cache-Control": _REMEMBERED},
    )


def unavailable(text: str) -> Response:
    """Answer that there is trouble which may pass."""
    # 503 for every trouble: pip gives up at once on 504 and 429, and retries 503.
    return sentence(
        HTTPStatus.SERVICE_UNAVAILABLE,
        text,
        {"Retry-After": str(RETRY_AFTER), "Cache-Control": "no-store"},
    )


def kept_back(answer: str, text: str, header: Mapping[str, str]) -> Response:
    """
    Answer the engine that a file is not to be served from its cache, and what to do instead.

    `answer` is "absent", "redirect" or "stream". `text` is for nobody but who looks.
    """
    kept = {"Cache-Control": _REMEMBERED, FILE_ANSWER: answer, **header}
    return sentence(HTTPStatus.FORBIDDEN, text, kept)


def refused(text: str, fresh: int = NOT_FOUND_FRESHNESS) -> Response:
    """
    Answer that policy keeps something back, for `fresh` seconds.

    pip shows the reason phrase, uv the detail of the problem (RFC 9457), people either.
    """
    problem = {"title": "Refused by policy", "status": HTTPStatus.FORBIDDEN, "detail": text}
    reason = "".join(c if c.isascii() and c.isprintable() else "?" for c in text)
    return Response(
        json.dumps(problem),
        HTTPStatus.FORBIDDEN,
        {REASON: reason[:_LONGEST_REASON], "Cache-Control": f"max-age={fresh}, public"},
        "application/problem+json",
    )
