"""
A disk that is too small: what goes, what stays, and what clients see of it (promises 5 and 7).

The cache's file system is a real one, as small as each test wants it. The engine looks at it every
ten seconds or so: what it does by itself is waited for.
"""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from support.door import ACCEPT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Machine
    from support.door import Door

    Publish = Callable[..., PublishedFile]
    Read = Callable[[PublishedFile], None]

MIB = 1024 * 1024
WHEEL = 4 * MIB
# As in molecule/alternative/vars/settings.yml. The settings' check wants room for the appliance's
# own zones too, which the tests do not leave.
FILES = 48 * MIB
FLOOR = 16 * MIB
WHOLE_DISK = 2400 * MIB
SMALL_DISK = 96 * MIB


@dataclass(frozen=True)
class Disk:
    """The file system of the cache, from inside the appliance; sizes in bytes."""

    appliance: Machine

    def resize(self, size: int) -> None:
        self.appliance.run(f"mount -o remount,size={size} /srv/cellar")

    def free(self) -> int:
        said = self.appliance.run("df --output=avail --block-size=1 /srv/cellar")
        return int(said.split()[-1])

    def stored(self, zone: str) -> int:
        """Return what a zone of the cache occupies."""
        said = self.appliance.run(f"du --summarize --block-size=1 /srv/cellar/{zone}")
        return int(said.split()[0])

    def is_noticed(self) -> bool:
        """Tell whether the appliance knows that nothing can be written."""
        return bool(
            self.appliance.box.file("/run/cellar-rewriter/disk").linked_to.endswith("/full")
        )

    def take(self, size: int) -> None:
        """Let something else take so much."""
        self.appliance.run(f"fallocate --length {size} /srv/cellar/else")

    def fill(self) -> None:
        """Let something else take all that is free."""
        self.appliance.run("cat /dev/zero >>/srv/cellar/else 2>/dev/null || :")

    def clear(self) -> None:
        """Take that away again."""
        self.appliance.run("rm -f /srv/cellar/else")

    def wait_for(self, what: str, condition: Callable[[], bool]) -> None:
        """
        Return once a condition holds.

        Raises:
            AssertionError: it does not within a minute and a half.

        """
        deadline = time.monotonic() + 90
        while not condition():
            assert time.monotonic() < deadline, f"no {what}; {self.free()} bytes are free"
            time.sleep(0.2)


@pytest.fixture
def disk(appliance: Machine) -> Iterator[Disk]:
    """Make the disk of the cache small, for one test."""
    disk = Disk(appliance)
    disk.resize(SMALL_DISK)
    disk.wait_for("end of the last test's lack of space", lambda: not disk.is_noticed())
    yield disk
    disk.clear()
    disk.wait_for("room for the next test", lambda: disk.free() >= FLOOR)
    disk.resize(WHOLE_DISK)


@pytest.fixture
def publish(fakepypi: FakePyPI, project: str) -> Publish:
    """Publish a file of a project whose name has a beginning that rules know."""
    numbers = iter(range(1000))

    def published(prefix: str = "", size: int = WHEEL) -> PublishedFile:
        version = f"1.{next(numbers)}"
        name = f"{prefix}{project}"
        wheel = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        return fakepypi.publish(name, version, kind="blob", filename=wheel, size=size)

    return published


@pytest.fixture
def read(door: Door) -> Read:
    """Download a file, and see that every byte of it came and is right."""

    def right(file: PublishedFile) -> None:
        answer = door.ask(file.path)
        assert answer.status_code == 200
        assert hashlib.blake2b(answer.content, digest_size=32).hexdigest() == file.blake2b_256

    return right


def fetched(fakepypi: FakePyPI, file: PublishedFile) -> int:
    """Return how many bytes of a file upstream sent."""
    return fakepypi.bytes_sent(path=file.path)


def test_what_is_used_stays_and_what_nobody_asked_for_the_longest_goes(
    disk: Disk, fakepypi: FakePyPI, publish: Publish, read: Read
) -> None:
    used, *others = [publish() for _ in range(16)]
    for file in others:
        disk.wait_for("room", lambda: disk.free() >= FLOOR)
        read(used)
        read(file)
    disk.wait_for("eviction", lambda: disk.stored("files") <= FILES)
    for file in (used, others[-1]):
        read(file)
        assert fetched(fakepypi, file) == file.size
    read(others[0])
    assert fetched(fakepypi, others[0]) == 2 * others[0].size


def test_clients_get_right_bytes_while_more_is_asked_for_than_fits(
    disk: Disk, fakepypi: FakePyPI, publish: Publish, read: Read
) -> None:
    """Over a line that takes half a second for a quarter of what must stay free."""
    flood = [publish() for _ in range(32)]
    with (
        fakepypi.behaving("files", method="GET", shared_rate=FLOOR // 2),
        ThreadPoolExecutor(4) as pool,
    ):
        list(pool.map(read, flood))
    disk.wait_for("room", lambda: disk.free() >= FLOOR and disk.stored("files") <= FILES)
    assert disk.stored("files") >= FILES // 2, "as much as fits is kept"


def test_what_is_small_and_what_is_pinned_stay_while_wheels_go(
    disk: Disk, fakepypi: FakePyPI, door: Door, publish: Publish, read: Read, project: str
) -> None:
    """Resolvers live on pages and metadata, and these are asked for when upstream is down too."""
    small = fakepypi.publish(project, "0.1", requires=["dep>=1"])
    pinned = publish("pinned-")
    asked = [small.metadata_path, f"/simple/{project}/", pinned.path]
    before = [door.ask(str(path), {"Accept": ACCEPT["json"]}).content for path in asked]
    for file in [publish() for _ in range(16)]:
        disk.wait_for("room", lambda: disk.free() >= FLOOR)
        read(file)
    disk.wait_for("room", lambda: disk.free() >= FLOOR)
    # The wheels fit by their own limit; now something else takes what must stay free.
    disk.take(disk.free() - FLOOR // 2)
    disk.wait_for("room again", lambda: disk.free() >= FLOOR)
    with fakepypi.down():
        after = [door.ask(str(path), {"Accept": ACCEPT["json"]}) for path in asked]
    assert [answer.status_code for answer in after] == [200] * 3
    assert [answer.content for answer in after] == before
    disk.appliance.run(f"cellar purge pinned-{project}")  # or it would stay for the next run


@pytest.mark.parametrize("size", [1000, MIB, WHEEL], ids=["small", "middle", "large"])
@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_a_file_is_served_whole_and_not_stored_while_there_is_no_space(
    disk: Disk,
    fakepypi: FakePyPI,
    door: Door,
    publish: Publish,
    read: Read,
    size: int,
    *,
    known: bool,
) -> None:
    """Something else has taken the whole disk, and takes what the cache gives up for it."""
    file = publish(size=size)
    if known:
        read(file)

    def gave_all_up() -> bool:
        nothing_left = disk.stored("files") == 0
        disk.fill()
        return nothing_left

    disk.wait_for("end of what is given up", gave_all_up)
    disk.wait_for("notice of it", disk.is_noticed)
    before = fetched(fakepypi, file)
    for _ in range(2):
        read(file)
    assert fetched(fakepypi, file) - before == 2 * size
    # So runners can go on using the appliance.
    for path in ("/healthz", "/healthz/pages"):
        assert door.ask(path).status_code == 200
