"""What effects and conditions make of an answer before it is written."""

from dataclasses import replace
from http import HTTPStatus

from fakepypi.distributions.content import FlippedContent
from fakepypi.http.message import Request, Response, redirect, text
from fakepypi.misbehaviour.behaviour import Effects


def distort(response: Response, effects: Effects, number: int) -> Response:
    """Return the answer as the effects want it; `number` is the request's, for `changing_etag`."""
    changes: dict[str, str | None] = {}
    if effects.location is not None:
        response = redirect(effects.status or 302, effects.location)
    elif effects.status is not None:
        response = text(effects.status, f"{effects.status} {phrase(effects.status)}, as told\n")
    if effects.retry_after is not None:
        changes["Retry-After"] = str(effects.retry_after)
    etag = response.header("ETag")
    if effects.changing_etag and etag is not None:
        changes["ETag"] = f'{etag[:-1]}-{number}"'
    if effects.flip_bit is not None:
        response = replace(response, content=FlippedContent(response.content, effects.flip_bit))
    return replace(
        response.with_headers({**changes, **effects.headers}),
        ranges=response.ranges and not effects.ignore_range,
        conditional=response.conditional and not effects.ignore_conditional,
    )


def apply_condition(request: Request, response: Response) -> Response:
    """Return the 304 that a request's If-None-Match makes of a 200, or the response as it is."""
    known = request.header("if-none-match")
    if not response.conditional or response.status != HTTPStatus.OK or known is None:
        return response
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    if "*" not in tags and response.header("ETag") not in tags:
        return response
    unchanged = {k: v for k, v in response.headers.items() if not k.startswith("Content-")}
    return Response(HTTPStatus.NOT_MODIFIED, unchanged)


def phrase(status: int) -> str:
    """Return the reason phrase of a status (RFC 9110 section 15), or one for a made-up status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
