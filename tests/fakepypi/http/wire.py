"""HTTP/1.1 on a stream: requests read by h11, answers written byte by byte, right or wrong."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from urllib.parse import unquote

import h11

from fakepypi.control.journal import RequestRecord
from fakepypi.http.message import Request, Response
from fakepypi.http.stream import Stream
from fakepypi.misbehaviour.behaviour import Effects
from fakepypi.misbehaviour.distortion import phrase
from fakepypi.misbehaviour.rules import Plan

_CHUNK = 128 * 1024
_SLOW_STEPS_PER_SECOND = 50
_ABSOLUTE_FORM = re.compile(r"^https?://[^/?]*", re.IGNORECASE)
_BODILESS = (204, 304)


class RequestReader:
    """Reads one request after the other from a stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._rest = b""

    async def read(self) -> Request | None:
        """
        Return the next request with its body, or None at the end of the stream.

        Raises:
            h11.RemoteProtocolError: what came is not HTTP/1.

        """
        # A parser per request: its idea of our answers must not stand in the way of wrong ones.
        parser = h11.Connection(h11.SERVER)
        if self._rest:
            parser.receive_data(self._rest)
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                if parser.they_are_waiting_for_100_continue:
                    self._stream.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                parser.receive_data(await self._stream.reader.read(_CHUNK))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                self._rest = parser.trailing_data[0]
                return _request(head, bytes(body))
            else:
                return None


def _request(head: h11.Request, body: bytes) -> Request:
    target = head.target.decode("latin-1")
    path, _, query = _ABSOLUTE_FORM.sub("", target).partition("?")
    headers = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in head.headers)
    if head.http_version == b"1.0":
        headers += (("connection", "close"),)
    return Request(
        method=head.method.decode("ascii"),
        target=target,
        path=unquote(path),
        query=query,
        headers=headers,
        body=body,
    )


async def write_response(
    stream: Stream,
    request: Request,
    response: Response,
    plan: Plan,
    record: RequestRecord,
) -> bool:
    """
    Write an answer as the plan wants it, and count its body bytes in the record.

    Returns whether the connection may carry another request.

    Raises:
        OSError: the client has gone.

    """
    clock = asyncio.get_running_loop().time
    started = clock()
    try:
        return await _write(stream, request, response, plan, record)
    finally:
        record.duration = clock() - started
        if record.outcome == "open":
            record.outcome = "aborted"


async def _write(
    stream: Stream, request: Request, response: Response, plan: Plan, record: RequestRecord
) -> bool:
    effects = plan.effects
    if effects.hold:
        await _cleared_or_gone(stream, plan)
    if effects.delay:
        await asyncio.sleep(effects.delay)
    asked_to_close = "close" in (request.header("connection") or "").lower()
    closing = asked_to_close or not _is_framed(effects)
    record.status = response.status
    stream.writer.write(_head(response, effects, closing=closing))
    await stream.writer.drain()
    if request.method != "HEAD" and response.status not in _BODILESS:
        await _write_body(stream, response, plan, record)
    else:
        record.outcome = "completed"
    if effects.reset_after is not None:
        stream.reset()
    return not closing


def _is_framed(effects: Effects) -> bool:
    """Tell whether a client can see where the answer ends, and the next one may follow."""
    ends = (effects.truncate_after, effects.reset_after, effects.status_line)
    whole = all(end is None for end in ends)
    return whole and not effects.length_error and effects.framing != "eof"


def _head(response: Response, effects: Effects, *, closing: bool) -> bytes:
    first = effects.status_line or f"HTTP/1.1 {response.status} {phrase(response.status)}"
    headers = {"Date": formatdate(usegmt=True), **response.headers}
    if effects.framing == "chunked":
        headers["Transfer-Encoding"] = "chunked"
    elif effects.framing is None and response.status not in _BODILESS:
        headers["Content-Length"] = str(response.content.size + effects.length_error)
    if closing:
        headers["Connection"] = "close"
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


async def converse(stream: Stream, answer: Callable[[Request], Awaitable[bool]]) -> None:
    """
    Read requests and have them answered until either side ends it, then close.

    Raises:
        OSError: the client has gone.

    """
    requests = RequestReader(stream)
    try:
        while (request := await requests.read()) is not None:
            if not await answer(request):
                break
    except h11.RemoteProtocolError:
        stream.writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    except asyncio.CancelledError:
        stream.abort()  # the server is going down: no time for manners
        raise
    finally:
        await stream.close()


async def _write_body(
    stream: Stream, response: Response, plan: Plan, record: RequestRecord
) -> None:
    effects, content, writer = plan.effects, response.content, stream.writer
    ends = (content.size, effects.truncate_after, effects.reset_after)
    end = min(size for size in ends if size is not None)
    step, chunked = _CHUNK, effects.framing == "chunked"
    rates = [rate for rate in (effects.rate, effects.shared_rate) if rate is not None]
    if rates:
        step = max(1, min(step // 2, int(min(rates) / _SLOW_STEPS_PER_SECOND)))
    clock, paces = asyncio.get_running_loop().time, plan.paces()
    for pace in paces:
        pace.begin(clock())
    position = 0
    while position < end:
        if position == effects.stall_after:
            await _cleared_or_gone(stream, plan)
        length = min(step, end - position)
        if effects.stall_after is not None and position < effects.stall_after:
            length = min(length, effects.stall_after - position)
        if paces:
            moment = max(pace.turn(length, clock()) for pace in paces)
            await asyncio.sleep(moment - clock())
        data = content.read(position, length)
        writer.write(b"%x\r\n%b\r\n" % (length, data) if chunked else data)
        record.bytes_sent += length  # before any await: whoever has the bytes finds them counted
        position += length
        await writer.drain()
    if end == content.size:
        if chunked:
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        record.outcome = "completed"


async def _cleared_or_gone(stream: Stream, plan: Plan) -> None:
    """
    Wait until the behaviour is cleared.

    Raises:
        ConnectionResetError: the client has gone before.

    """
    waits = {asyncio.ensure_future(plan.cleared()), asyncio.ensure_future(stream.lost.wait())}
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    if stream.lost.is_set():
        raise ConnectionResetError
