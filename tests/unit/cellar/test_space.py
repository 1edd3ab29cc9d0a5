"""What the engine is told of the space on the disk of the cache."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from cellar.web.space import Space, is_told_full
from unit.cellar.support import settings

if TYPE_CHECKING:
    from pathlib import Path

MIN_FREE = 2**30


@dataclass
class System:
    f_bavail: int
    f_frsize: int = 1


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    """Return the file system of the cache, all of it free at first."""
    system = System(2**40)
    monkeypatch.setattr(os, "statvfs", lambda _: system)
    return system


@pytest.fixture
def link(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run/disk"


@pytest.fixture
def space(tmp_path: Path, link: Path) -> Space:
    appliance = {"min_free": MIN_FREE, "disk_link": str(link)}
    return Space(settings(tmp_path, appliance=appliance).appliance)


@pytest.mark.parametrize(
    ("free", "large", "anything"),
    [
        (MIN_FREE // 2, True, True),
        (MIN_FREE // 2 - 1, False, True),
        (MIN_FREE // 4, False, True),
        (MIN_FREE // 4 - 1, False, False),
        (0, False, False),
    ],
)
def test_large_files_are_given_up_first_and_then_everything(
    space: Space, system: System, link: Path, free: int, *, large: bool, anything: bool
) -> None:
    system.f_bavail = free
    space.tell()
    assert (space.is_for_large_files(), not is_told_full(link)) == (large, anything)


def test_the_engine_can_follow_what_it_is_told(space: Space, system: System, link: Path) -> None:
    """It looks where the link really leads, as realpath(3) does."""
    space.tell()
    assert link.resolve(strict=True) == link.with_name("free")
    system.f_bavail = 0
    space.tell()
    assert link.resolve(strict=True) == link.with_name("full")


def test_the_engine_is_told_when_there_is_space_again(
    space: Space, system: System, link: Path
) -> None:
    system.f_bavail = 0
    space.tell()
    system.f_bavail = MIN_FREE
    space.tell()
    assert not is_told_full(link)


def test_what_another_process_said_is_put_right_at_the_start(
    space: Space, system: System, link: Path
) -> None:
    assert system.f_bavail > MIN_FREE
    link.symlink_to("full")
    # It was killed, and has had the number that this one has now.
    link.with_name(f".disk.{os.getpid()}").symlink_to("full")
    space.tell()
    assert not is_told_full(link)
    assert {path.name for path in link.parent.iterdir()} == {"disk", "free"}


def test_without_a_rewriter_nothing_is_said(link: Path) -> None:
    assert not is_told_full(link)


def test_the_disk_is_looked_at_all_the_time(space: Space, system: System, link: Path) -> None:
    async def fill() -> None:
        watching = asyncio.create_task(space.watch())
        await asyncio.sleep(0.1)
        system.f_bavail = 0
        await asyncio.sleep(1)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching

    asyncio.run(fill())
    assert is_told_full(link)


def test_a_link_that_cannot_be_made_is_complained_of_once(
    space: Space, system: System, link: Path, caplog: pytest.LogCaptureFixture
) -> None:
    link.parent.rmdir()
    system.f_bavail = 0
    for _ in range(3):
        space.tell()
    assert len(caplog.records) == 1
