"""How a worker drains, turn by turn."""

import asyncio
import gc
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from uvicorn import Config

from cellar.worker import DrainingProtocol, DrainingServer, spare_the_collector

REQUEST = b"GET / HTTP/1.1\r\nHost: engine\r\n\r\n"
DEADLINE = 10.0


async def application(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    assert await receive()
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until uvicorn, which has no event for it, has come so far."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 there is no event to wait for
            await asyncio.sleep(0)


class Worker:
    """A server in this process, on a socket that outlives it as systemd's does."""

    def __init__(self, path: Path, answering: Any = application) -> None:
        self.path = str(path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.listener.settimeout(0)
        config = Config(
            answering,
            http=DrainingProtocol,
            lifespan="off",
            log_config=None,
            # As long as in service, so that no connection ends by itself while a test looks.
            timeout_keep_alive=75,
        )
        self.server = DrainingServer(config)

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.server.serve([self.listener.dup()]))
        await until(lambda: self.server.started)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.should_exit = True
        await asyncio.wait_for(self.task, DEADLINE)
        self.listener.close()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        known = len(self.server.server_state.connections)
        reader, writer = await asyncio.open_unix_connection(self.path)
        await until(lambda: len(self.server.server_state.connections) > known)
        return reader, writer

    async def drain(self) -> None:
        """Return when the worker has begun to drain."""
        self.server.should_exit = True
        await until(lambda: not self.server.servers[0].is_serving())


def test_a_request_on_a_connection_from_just_before_the_reload_is_answered(tmp_path: Path) -> None:
    async def scenario() -> bytes:
        async with Worker(tmp_path / "s") as worker:
            reader, writer = await worker.connect()
            await worker.drain()
            writer.write(REQUEST[:10])
            await asyncio.sleep(0)
            writer.write(REQUEST[10:])
            # Up to the end of the connection: the worker is about to go.
            answer = await asyncio.wait_for(reader.read(), DEADLINE)
            writer.close()
            return answer

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 204 ")


def test_a_connection_on_which_nothing_comes_does_not_hold_the_worker(tmp_path: Path) -> None:
    async def scenario() -> bytes:
        async with Worker(tmp_path / "s") as worker:
            reader, writer = await worker.connect()
            await worker.drain()
            answer = await asyncio.wait_for(reader.read(), DEADLINE)
            writer.close()
            return answer

    assert asyncio.run(scenario()) == b""


def test_an_idle_connection_is_closed_at_once(tmp_path: Path) -> None:
    async def scenario() -> bytes:
        async with Worker(tmp_path / "s") as worker:
            reader, writer = await worker.connect()
            writer.write(REQUEST)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 ")
            await worker.drain()
            # Sooner than a silent new connection, which is waited for.
            answer = await asyncio.wait_for(reader.read(), 1)
            writer.close()
            return answer

    assert asyncio.run(scenario()) == b""


def test_connections_that_nobody_has_accepted_yet_are_left_to_the_next_worker(
    tmp_path: Path,
) -> None:
    async def scenario() -> bytes:
        async with Worker(tmp_path / "s") as worker:
            await worker.drain()
            reader, writer = await asyncio.open_unix_connection(worker.path)
            writer.write(REQUEST)
            next_worker = DrainingServer(worker.server.config)
            task = asyncio.create_task(next_worker.serve([worker.listener.dup()]))
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE)
            writer.close()
            next_worker.should_exit = True
            await asyncio.wait_for(task, DEADLINE)
            return answer

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 204 ")


def test_a_connection_that_is_being_accepted_when_the_worker_stops_is_answered(
    tmp_path: Path,
) -> None:
    async def scenario() -> bytes:
        worker = Worker(tmp_path / "s")
        server, sockets = worker.server, [worker.listener]
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup(sockets)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(worker.path)
            client.sendall(REQUEST)
            client.settimeout(0)
            # In the first turn asyncio sees the connection, in the second it has accepted it but
            # has not made its transport yet.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            async with asyncio.timeout(DEADLINE):
                await server.shutdown(sockets)
            loop = asyncio.get_running_loop()
            return await asyncio.wait_for(loop.sock_recv(client, 4096), DEADLINE)

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 204 ")


REFUSAL = "an_example-2.zip is refused by rule a-rule: it is younger than 7 days."


async def refusing(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    assert await receive()
    headers = [(b"x-cellar-reason", REFUSAL.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def test_an_answers_reason_is_in_its_status_line_and_nowhere_else(tmp_path: Path) -> None:
    async def scenario() -> bytes:
        async with Worker(tmp_path / "s", refusing) as worker:
            reader, writer = await worker.connect()
            writer.write(REQUEST * 2)
            heads = [await reader.readuntil(b"\r\n\r\n") for _ in range(2)]
            writer.close()
            assert heads[0] == heads[1]
            return heads[0]

    head = asyncio.run(scenario())
    assert head.startswith(f"HTTP/1.1 403 {REFUSAL}\r\n".encode())
    assert head.count(REFUSAL.encode()) == 1
    assert b"cellar" not in head.lower()


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """Count the runs of the garbage collector, by the generation that each is of."""
    generations: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            generations.append(info["generation"])

    before = gc.get_threshold()
    gc.callbacks.append(note)
    yield generations
    gc.callbacks.remove(note)
    gc.set_threshold(*before)
    gc.unfreeze()


def test_a_large_page_is_read_without_the_garbage_collector(collections: list[int]) -> None:
    page = json.dumps([{"hashes": {}, "core-metadata": {}, "yanked": False}] * 2_400)
    json.loads(page)
    assert collections, "by default it comes along"
    spare_the_collector()
    collections.clear()
    json.loads(page)
    assert collections == []


def test_the_garbage_collector_still_comes_along(collections: list[int]) -> None:
    spare_the_collector()
    collections.clear()
    for _ in range(50_000):
        cycle: list[object] = []
        cycle.append(cycle)
    assert len(collections) >= 4
    assert len(gc.get_objects()) < 30_000
