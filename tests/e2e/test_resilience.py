"""Restarts, reloads and crashes: nobody outside notices, and the cache is what it was."""

from __future__ import annotations

import contextlib
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import requests

from support.door import JSON, Door

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Appliance
    from support.door import OpenDoor


class Load:
    """Clients that ask all the time: for a cached page, a cached file, and what needs Python."""

    def __init__(self, appliance: Appliance, file: PublishedFile) -> None:
        self._appliance = appliance
        self._paths = {
            "page": f"/simple/{file.project}/",
            "file": file.path,
            "through the rewriter": f"/simple/{file.project.upper()}/",
        }
        self._stopping = threading.Event()
        self.answers: dict[str, list[str]] = {what: [] for what in self._paths}

    def _ask(self, what: str, path: str) -> None:
        while not self._stopping.is_set():
            # A new connection each time, as each job of a CI machine has.
            door = Door(self._appliance.outside, self._appliance.server_name, self._appliance.ca)
            try:
                answer = door.ask(path, {"Accept": JSON, "Connection": "close"})
                self.answers[what].append(str(answer.status_code))
            except requests.RequestException as error:
                self.answers[what].append(repr(error))
            time.sleep(0.01)

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._ask, args=pair) for pair in self._paths.items()]
        for thread in threads:
            thread.start()
        try:
            self.wait_for_more()
            yield
            self.wait_for_more()
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join()

    def wait_for_more(self) -> None:
        """Return when every client has got another five answers."""
        wanted = {what: len(got) + 5 for what, got in self.answers.items()}
        deadline = time.monotonic() + 30
        while any(len(self.answers[what]) < count for what, count in wanted.items()):
            assert time.monotonic() < deadline, f"no answers any more: {self.answers}"
            time.sleep(0.01)

    def assert_none_lost(self) -> None:
        expected = {"page": {"200"}, "file": {"200"}, "through the rewriter": {"301"}}
        assert {what: set(got) for what, got in self.answers.items()} == expected


@pytest.fixture
def load(appliance: Appliance, published: PublishedFile, files: OpenDoor) -> Load:
    files("index").page(published.project)
    files("index").ask(published.path)
    return Load(appliance, published)


@pytest.mark.parametrize(
    "command",
    [
        "systemctl reload cellar-rewriter.service",
        "systemctl restart cellar-rewriter.service",
        "systemctl reload nginx.service",
    ],
)
def test_no_request_is_lost_while_the_operator_changes_something(
    appliance: Appliance, load: Load, command: str
) -> None:
    with load.running():
        for _ in range(2):
            appliance.run(command)
            load.wait_for_more()
    load.assert_none_lost()


def test_a_killed_rewriter_comes_back_and_its_clients_wait_instead_of_failing(
    appliance: Appliance, pages: OpenDoor, published: PublishedFile, project: str
) -> None:
    """systemd holds the socket: who asks meanwhile is answered by the next process."""
    appliance.run("systemctl kill --signal=KILL cellar-rewriter.service")
    answer = pages("index").page(project)
    assert (answer.status_code, len(answer.json()["files"])) == (200, 1)
    assert published.filename in answer.text
    appliance.run("systemctl is-active cellar-rewriter.service")


def test_a_killed_worker_of_the_engine_is_replaced_and_the_cache_stays(
    appliance: Appliance, fakepypi: FakePyPI, files: OpenDoor, published: PublishedFile
) -> None:
    files("index").ask(published.path)
    pid = appliance.run("systemctl show --value --property=MainPID nginx.service").strip()
    workers = appliance.run(f"pgrep --parent {pid} --full 'worker process'").split()
    appliance.run(f"kill -KILL {' '.join(workers)}")
    _answers_again(files("index"), published)
    assert fakepypi.totals(path=published.path, method="GET").requests == 1
    running = appliance.run(f"pgrep --parent {pid} --full 'worker process'").split()
    assert len(running) == len(workers)
    assert not set(running) & set(workers)


def test_what_a_killed_worker_leaves_half_written_goes_after_a_day_and_not_before(
    appliance: Appliance, fakepypi: FakePyPI, files: OpenDoor, project: str
) -> None:
    name = f"{project}-1.0-py3-none-any.whl"
    file = fakepypi.publish(project, "1.0", kind="blob", filename=name, size=8_000_000)
    clean = "systemd-tmpfiles --clean /etc/tmpfiles.d/cellar.conf"
    find = "find /var/cache/cellar/temp -type f -size +100k"

    def download() -> None:
        with contextlib.suppress(requests.RequestException):
            files("index").ask(file.path)

    with fakepypi.behaving("files", file.path, shared_rate=1e6):
        client = threading.Thread(target=download)
        client.start()
        deadline = time.monotonic() + 10
        while not (left := appliance.run(find).split()):
            assert time.monotonic() < deadline, "nothing is written on its way into the cache"
        appliance.run("pkill -KILL --full 'nginx: [w]orker process'")
        client.join()
    appliance.run(clean)
    assert appliance.run(find).split() == left
    appliance.run(f"touch --date='25 hours ago' {left[0]}")
    appliance.run(clean)
    assert not appliance.run(find).split()
    assert len(files("index").ask(file.path).content) == file.size


def test_a_mark_of_a_transfer_that_must_not_go_on_goes_after_a_day_and_not_before(
    appliance: Appliance,
) -> None:
    clean = "systemd-tmpfiles --clean /etc/tmpfiles.d/cellar.conf"
    new, old = (f"/run/nginx/own/broken/{age}" for age in ("new", "old"))
    appliance.run(f"touch {new} && touch --date='25 hours ago' {old}")
    appliance.run(clean)
    left = appliance.run("ls /run/nginx/own/broken").split()
    appliance.run(f"rm {new}")
    assert ("new" in left, "old" in left) == (True, False)


def test_a_killed_engine_comes_back_by_itself_with_its_cache(
    appliance: Appliance, fakepypi: FakePyPI, files: OpenDoor, published: PublishedFile
) -> None:
    files("index").ask(published.path)
    files("index").page(published.project)
    appliance.run("systemctl kill --signal=KILL nginx.service")
    _answers_again(files("index"), published)
    assert files("index").page(published.project).status_code == 200
    assert fakepypi.totals(path=published.path, method="GET").requests == 1
    assert fakepypi.totals(path=f"/simple/{published.project}/").requests == 1


def _answers_again(door: Door, file: PublishedFile) -> None:
    """Wait for an answer, at most ten seconds, and see that it is the file."""
    deadline = time.monotonic() + 10
    while True:
        try:
            answer = Door(door.address, door.name, door.ca).ask(file.path)
            break
        except requests.ConnectionError:
            assert time.monotonic() < deadline, "the engine has not come back"
            time.sleep(0.05)
    assert (answer.status_code, len(answer.content)) == (200, file.size)
    assert answer.headers["X-Cache"] == "HIT"
