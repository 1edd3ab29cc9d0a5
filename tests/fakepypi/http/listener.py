"""A listening TCP socket whose connections can be refused, cut and taken up again."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import partial

_BACKLOG = 1024


class Listener:
    """Accepts connections and hands each bare socket to `serve` in a task of its own."""

    def __init__(
        self, address: str, port: int, serve: Callable[[socket.socket], Awaitable[None]]
    ) -> None:
        self._address = address
        self.port = port
        self._serve = serve
        self._accepting: asyncio.Task[None] | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._failures: list[Exception] = []

    def open(self) -> None:
        """
        Bind and accept; port 0 becomes the port the system chose, and stays it.

        Raises:
            OSError: the address cannot be bound.

        """
        if self._accepting is not None:
            return
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        listening = socket.socket(family)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self._address, self.port))
            listening.listen(_BACKLOG)
            listening.settimeout(0)
        except OSError:
            listening.close()
            raise
        self.port = listening.getsockname()[1]
        self._accepting = asyncio.create_task(self._accept(listening))

    async def close(self) -> None:
        """
        Refuse new connections and cut those that are open.

        Raises:
            ExceptionGroup: what went wrong in `serve` itself since `open`.

        """
        if self._accepting is None:
            return
        tasks = [self._accepting, *self._connections]
        self._accepting = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._failures:
            raise ExceptionGroup(f"serving on port {self.port} failed", self._failures)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with listening:
            while True:
                connected, _ = await loop.sock_accept(listening)
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                task = asyncio.create_task(self._run(connected))
                self._connections.add(task)
                task.add_done_callback(partial(self._done, connected))

    def _done(self, connected: socket.socket, task: "asyncio.Task[None]") -> None:
        self._connections.discard(task)
        connected.close()  # here, for a task cancelled before its first step closes nothing

    async def _run(self, connected: socket.socket) -> None:
        try:
            await self._serve(connected)
        except Exception as failure:  # noqa: BLE001 (kept for close(), where somebody is listening)
            self._failures.append(failure)
