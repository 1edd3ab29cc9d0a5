"""Range requests (RFC 9110 section 14): one range, a suffix, or several as multipart/byteranges."""

import re
from dataclasses import replace

from fakepypi.distributions.content import BytesContent, Content, JoinedContent, SlicedContent
from fakepypi.http.message import Request, Response, text

_BOUNDARY = "fakepypi-boundary"
_RANGE = re.compile(r"(\d*)-(\d*)")


def apply_range(request: Request, response: Response) -> Response:
    """Return the 206 or 416 that a request's Range makes of a 200, or the response as it is."""
    header = request.header("range")
    if not response.ranges or response.status != 200 or header is None:
        return response
    if not _unchanged(request.header("if-range"), response):
        return response
    size = response.content.size
    wanted = _parse(header, size)
    if wanted is None:
        return response
    if not wanted:
        refusal = text(416, "416 Range Not Satisfiable\n")
        return refusal.with_headers({"Content-Range": f"bytes */{size}"})
    parts = [SlicedContent(response.content, first, last - first + 1) for first, last in wanted]
    if len(wanted) == 1:
        ((first, last),) = wanted
        partial = replace(response, status=206, content=parts[0])
        return partial.with_headers({"Content-Range": f"bytes {first}-{last}/{size}"})
    return _multipart(response, wanted, parts)


def _multipart(
    response: Response, wanted: list[tuple[int, int]], parts: list[SlicedContent]
) -> Response:
    kind, size = response.header("Content-Type"), response.content.size
    contents: list[Content] = []
    for (first, last), part in zip(wanted, parts, strict=True):
        head = f"\r\n--{_BOUNDARY}\r\nContent-Type: {kind}\r\n"
        head += f"Content-Range: bytes {first}-{last}/{size}\r\n\r\n"
        contents += [BytesContent(head.encode()), part]
    contents.append(BytesContent(f"\r\n--{_BOUNDARY}--\r\n".encode()))
    partial = replace(response, status=206, content=JoinedContent(contents))
    return partial.with_headers({"Content-Type": f"multipart/byteranges; boundary={_BOUNDARY}"})


def _parse(header: str, size: int) -> list[tuple[int, int]] | None:
    """Return the satisfiable ranges as (first, last), or None for a header to be ignored."""
    unit, _, specification = header.partition("=")
    if unit.strip().lower() != "bytes":
        return None
    wanted = []
    for item in specification.split(","):
        match = _RANGE.fullmatch(item.strip())
        if match is None or match[0] == "-":
            return None
        if not match[1]:
            first, last = max(size - int(match[2]), 0), size - 1
        else:
            first, last = int(match[1]), int(match[2] or size - 1)
            if match[2] and last < first:
                return None
        if first < size:
            wanted.append((first, min(last, size - 1)))
    return wanted


def _unchanged(if_range: str | None, response: Response) -> bool:
    return if_range in (None, response.header("ETag"), response.header("Last-Modified"))
