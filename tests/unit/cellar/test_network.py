"""How a body comes over TLS: in few pieces, and with all the trouble that there is."""

import asyncio
import random
import ssl
from pathlib import Path

import httpx
import pytest
import trustme
from httpcore import AsyncNetworkStream

from cellar.resolving import Addresses
from cellar.upstream.network import LargeReads, ResolvedTransport
from unit.cellar.servers import Answer, https_server

RECORD = 16 * 1024
BODY = random.Random(0).randbytes(40 * RECORD + 1)


def test_a_piece_of_a_body_is_larger_than_a_record_of_tls(tmp_path: Path) -> None:
    async def pieces(port: int, tls: ssl.SSLContext) -> list[bytes]:
        transport = ResolvedTransport(Addresses(tmp_path), tls, httpx.Limits())
        async with (
            httpx.AsyncClient(transport=transport) as client,
            client.stream("GET", f"https://localhost:{port}/") as response,
        ):
            # Meanwhile several records come.
            await asyncio.sleep(0.2)
            return [piece async for piece in response.aiter_raw()]

    ca = trustme.CA()
    tls = ssl.create_default_context()
    ca.configure_trust(tls)
    with https_server(ca, ["localhost"], lambda _: Answer(200, BODY)) as port:
        came = asyncio.run(pieces(port, tls))
    assert b"".join(came) == BODY
    assert max(map(len, came)) > 2 * RECORD


class Coming(AsyncNetworkStream):
    """A stream over TLS, and what takes of it without waiting; each in turn gives what comes."""

    def __init__(self, *coming: bytes | Exception) -> None:
        self.left = list(coming)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109 httpcore's interface
        return self.taken(max_bytes)

    def taken(self, most: int) -> bytes:
        came = self.left.pop(0)
        if isinstance(came, Exception):
            raise came
        if came[most:]:
            self.left.insert(0, came[most:])
        return came[:most]

    def get_extra_info(self, info: str) -> object:
        assert info == "ssl_object"
        return type("SSLObject", (), {"read": staticmethod(self.taken)})


def read(coming: Coming, most: int) -> bytes:
    return asyncio.run(LargeReads(coming).read(most))


@pytest.mark.parametrize("end", [ssl.SSLWantReadError(), b""], ids=["a pause", "the end"])
def test_what_has_come_is_read_up_to_a_pause_or_the_end(end: bytes | Exception) -> None:
    assert read(Coming(b"ab", b"cd", end, b"ef"), 100) == b"abcd"


def test_no_more_is_read_than_was_asked_for() -> None:
    coming = Coming(b"ab", b"cd", b"ef")
    assert read(coming, 3) == b"abc"
    assert coming.left == [b"d", b"ef"]


def test_nothing_is_read_behind_the_end() -> None:
    coming = Coming(b"", b"ab")
    assert read(coming, 100) == b""
    assert coming.left == [b"ab"]


def test_a_record_that_is_wrong_is_not_taken_for_a_pause() -> None:
    with pytest.raises(ssl.SSLError, match="bad record"):
        read(Coming(b"ab", ssl.SSLError("bad record")), 100)
