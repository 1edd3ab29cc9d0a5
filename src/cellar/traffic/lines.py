"""Lines of the engine's two logs: the access log, and the log of what was asked of upstream."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from cellar.selftest import AGENT

# A field of the same name hides the type from its class.
Line = bytes

_SEPARATOR = re.compile(", | : ", re.ASCII)
_OWN_ADDRESSES = {"127.0.0.1", "::1"}
_OWN_SOCKET = "unix:"
_STATUS_LENGTH = 3


class UnreadableLineError(Exception):
    """A line is not what the engine writes."""


class Answer(NamedTuple):
    """
    What one client got: a line of the access log.

    `time` is seconds since 1970, `bytes` are of the body. `cache` is the engine's word in lower
    case, such as hit or miss; "" if no cache was asked. `asked` tells whether the answer came from
    somebody else: upstream, or the rewriter, or another socket of the engine. `is_selftest` tells
    whether the appliance has asked itself.
    """

    time: int
    door: str
    method: str
    path: str
    range: str
    status: int
    bytes: int
    cache: str
    asked: bool
    is_selftest: bool

    @classmethod
    def read(cls, line: Line) -> "Answer":
        """
        Read a line.

        Raises:
            UnreadableLineError: it is not one of the access log.

        """
        fields = _fields(line)
        try:
            return cls(
                _time(fields["time"]),
                str(fields["door"]),
                str(fields["method"]),
                str(fields["uri"]),
                str(fields["range"]),
                int(fields["status"]),
                int(fields["bytes"]),
                str(fields["cache"]).lower(),
                bool(fields["upstream_status"]),
                # Nobody but this machine is believed.
                fields["user_agent"] == AGENT and fields["client"] in _OWN_ADDRESSES,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableLineError from error


class Fetch(NamedTuple):
    """
    What one upstream sent for one request: part of a line of the log of upstream.

    `pool` is the engine's name for upstream, "" if the rewriter asked for the engine. `bytes` are
    of the body. `status` is "200" and the like, "" if there was no answer.
    """

    time: int
    pool: str
    method: str
    path: str
    status: str
    bytes: int
    cache: str


def fetches(line: Line) -> Iterator[Fetch]:
    """
    Yield what a line of the log of upstream tells of upstream; nothing, if only sockets were asked.

    A list has an entry for each address that the engine tried; its own sockets are no upstream.

    Raises:
        UnreadableLineError: it is not a line of that log.

    """
    fields = _fields(line)
    try:
        time, method, path = _time(fields["time"]), str(fields["method"]), str(fields["uri"])
        cache, rewriter_bytes = str(fields["cache"]).lower(), str(fields["rewriter_bytes"])
        lists = (fields["address"], fields["status"], fields["bytes"])
        addresses, statuses, counts = (_SEPARATOR.split(text) for text in lists)
        if rewriter_bytes:
            yield Fetch(time, "", method, path, _status(statuses[-1]), int(rewriter_bytes), cache)
        # Where nothing came, a list may be shorter.
        statuses += [""] * (len(addresses) - len(statuses))
        counts += [""] * (len(addresses) - len(counts))
        for address, status, count in zip(addresses, statuses, counts, strict=False):
            if address and not address.startswith(_OWN_SOCKET):
                sent = int(count) if count.isdigit() else 0
                pool = str(fields["host"])
                yield Fetch(time, pool, method, path, _status(status), sent, cache)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableLineError from error


def _fields(line: Line) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnreadableLineError from error
    if not isinstance(fields, dict):
        raise UnreadableLineError
    return fields


def _status(text: str) -> str:
    return text if len(text) == _STATUS_LENGTH and text.isdigit() else ""


# Lines of one second stand together.
@lru_cache(maxsize=64)
def _time(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
