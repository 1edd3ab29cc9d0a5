"""What the engine is told of the space on the disk of the cache."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from cellar.web.space import Space
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
def mark(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run/no-space"


@pytest.fixture
def space(tmp_path: Path, mark: Path) -> Space:
    appliance = {"min_free": MIN_FREE, "no_space_file": str(mark)}
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
    space: Space, system: System, mark: Path, free: int, *, large: bool, anything: bool
) -> None:
    system.f_bavail = free
    space.tell()
    assert (space.is_for_large_files(), not mark.exists()) == (large, anything)


def test_the_engine_is_told_when_there_is_space_again(
    space: Space, system: System, mark: Path
) -> None:
    system.f_bavail = 0
    space.tell()
    system.f_bavail = MIN_FREE
    space.tell()
    assert not mark.exists()


def test_what_another_process_left_behind_is_removed_at_the_start(
    space: Space, system: System, mark: Path
) -> None:
    assert system.f_bavail > MIN_FREE
    mark.touch()
    space.tell()
    assert not mark.exists()


def test_the_disk_is_looked_at_all_the_time(space: Space, system: System, mark: Path) -> None:
    async def fill() -> None:
        watching = asyncio.create_task(space.watch())
        await asyncio.sleep(0.1)
        system.f_bavail = 0
        await asyncio.sleep(1)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching

    asyncio.run(fill())
    assert mark.exists()


def test_a_file_that_cannot_be_made_is_complained_of_once(
    space: Space, system: System, mark: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mark.parent.rmdir()
    system.f_bavail = 0
    for _ in range(3):
        space.tell()
    assert len(caplog.records) == 1
