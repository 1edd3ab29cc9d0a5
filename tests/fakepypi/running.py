"""Runs a fakepypi inside the test process, on loopback, in a thread of its own."""

import asyncio
import tempfile
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from fakepypi.client import FakePyPI
from fakepypi.hosts.site import Names
from fakepypi.server import Config, Server

Ready = Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]]


@contextmanager
def running(
    index_host: str = "index.example",
    files_host: str = "files.example",
    extra_names: tuple[str, ...] = ("localhost",),
    *,
    state: Path | None = None,
    plain_http: bool = False,
) -> Iterator[FakePyPI]:
    """
    Yield the client of a server on free loopback ports; both are gone afterwards.

    `state` keeps the CA for a later server; without it each server has a CA of its own.

    Raises:
        OSError: no port can be bound.
        ExceptionGroup: at the end, if the server itself has failed.

    """
    names = Names(index_host, files_host, extra_names)
    with tempfile.TemporaryDirectory() as scratch:
        config = Config(names, state or Path(scratch), http_port=0 if plain_http else None)
        ready: Ready = Future()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="fakepypi") as pool:
            serving = pool.submit(asyncio.run, _serve(config, ready))
            serving.add_done_callback(lambda _: ready.cancel())
            try:
                loop, stopping, control_port = ready.result()
            except CancelledError:
                serving.result()
                raise
            client = FakePyPI(f"http://127.0.0.1:{control_port}")
            try:
                yield client
            finally:
                client.close()
                loop.call_soon_threadsafe(stopping.set)
                serving.result()


async def _serve(config: Config, ready: Ready) -> None:
    async with Server(config).running() as server:
        stopping = asyncio.Event()
        ready.set_result((asyncio.get_running_loop(), stopping, server.control.port))
        await stopping.wait()
