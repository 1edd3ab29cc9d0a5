"""A client that reads a file as it comes, stops reading when told, and may leave."""

from __future__ import annotations

import hashlib
import threading
import time
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.door import Door

_CHUNK = 64 * 1024
_PATIENCE = 60.0  # seconds; far more than what is waited for takes on a busy machine


class Download:
    """
    One client's download, under way from now on over a connection of its own.

    `received` counts the bytes that it has read. With `stops_after` it reads that many and no more
    until `go_on`.
    """

    def __init__(self, door: Door, path: str, *, stops_after: int | None = None) -> None:
        self.received = 0
        self._door, self._path = replace(door), path
        self._stops_after = stops_after
        self._reads_on, self._leaves = threading.Event(), threading.Event()
        self._digest: Future[str] = Future()
        threading.Thread(target=self._run, daemon=True).start()

    def wait_for(self, count: int) -> None:
        """
        Return once so many bytes have been read.

        Raises:
            AssertionError: they have not been, within a minute.

        """
        deadline = time.monotonic() + _PATIENCE
        while self.received < count:
            assert time.monotonic() < deadline, f"only {self.received} of {count} bytes came"
            time.sleep(0.01)

    def go_on(self) -> None:
        """Read to the end."""
        self._reads_on.set()

    def leave(self) -> None:
        """Close the connection, whatever is still to come."""
        self._leaves.set()
        self._reads_on.set()

    def result(self) -> str:
        """
        Wait for the end and return the BLAKE2b-256 of all that came, in hex.

        Raises:
            requests.RequestException: it ended too early, or there was no answer.
            AssertionError: the status is not 200.

        """
        return self._digest.result(_PATIENCE)

    def _run(self) -> None:
        try:
            self._digest.set_result(self._read())
        except Exception as error:  # noqa: BLE001 whoever waits for the result gets it
            self._digest.set_exception(error)

    def _read(self) -> str:
        digest = hashlib.blake2b(digest_size=32)
        answer = self._door.ask(self._path, stream=True)
        try:
            assert answer.status_code == 200, answer.status_code
            for data in answer.iter_content(_CHUNK):
                digest.update(data)
                self.received += len(data)
                if self._stops_after is not None and self.received >= self._stops_after:
                    self._reads_on.wait()
                if self._leaves.is_set():
                    break
        finally:
            answer.close()
        return digest.hexdigest()
