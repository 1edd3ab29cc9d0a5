"""`cellar verify` and `cellar purge`, as operators and the timer call them."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from cellar.cli import main
from unit.cellar.support import write_settings
from unit.store.conftest import _engine, nginx_program, stocked
from unit.store.stocked import REVISION, SLICE, flip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from unit.store.stocked import Stocked

    Cellar = Callable[..., Result]

__all__ = ["_engine", "nginx_program", "stocked"]

WHEEL = "demo-1.0-py3-none-any.whl"


@pytest.fixture
def cellar(stocked: Stocked, tmp_path: Path) -> Cellar:
    """Return the command, with the settings of the engine's appliance."""
    directory = tmp_path / "verifier"
    directory.mkdir()
    settings = write_settings(
        tmp_path / "cellar.toml",
        appliance={"cache_dir": str(stocked.cache)},
        pages={"revision": REVISION},
        verifier={"directory": str(directory)},
    )

    def run(*arguments: str) -> Result:
        command, *rest = arguments
        return CliRunner().invoke(main, [command, "--settings", str(settings), *rest])

    return run


@pytest.fixture
def path(stocked: Stocked) -> str:
    path = stocked.publish(WHEEL, 1000)
    stocked.fetch(path)
    return path


def summary(tmp_path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((tmp_path / "verifier/summary.json").read_text())
    return found


@pytest.mark.usefixtures("path")
def test_a_sound_cache_is_told_in_one_line(cellar: Cellar, tmp_path: Path) -> None:
    result = cellar("verify")

    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "Looked at 2 records, 1.0 kB of content: 1 proven, 1 whole. 0 more are due.\n"
    )
    assert summary(tmp_path)["records"] == {"proven": 1, "whole": 1}


def test_what_is_removed_is_named_with_the_reason(
    cellar: Cellar, stocked: Stocked, path: str, tmp_path: Path
) -> None:
    flip(stocked.places(path, "file")[0])

    result = cellar("verify")

    assert result.exit_code == 1
    first, last = result.stdout.splitlines()
    assert first.startswith(f"removed {path}: its blake2b is ")
    assert last.startswith("Looked at 2 records")
    assert [each["path"] for each in summary(tmp_path)["removed"]] == [path]  # type: ignore[attr-defined]
    assert cellar("verify").exit_code == 0
    assert summary(tmp_path)["removed"] == []


def test_what_was_removed_is_counted_over_all_runs(
    cellar: Cellar, stocked: Stocked, path: str, tmp_path: Path
) -> None:
    """Whoever looks every minute, or in the morning, has to hear of it too."""
    cellar("verify")
    assert (summary(tmp_path)["removed_total"], summary(tmp_path)["last_removed"]) == (0, 0)
    for total in (1, 2):
        flip(stocked.places(path, "file")[0])
        cellar("verify", "--all")
        damaged = summary(tmp_path)
        assert (damaged["removed_total"], damaged["last_removed"]) == (total, damaged["ended"])
        cellar("verify")
        sound = summary(tmp_path)
        assert (sound["removed_total"], sound["last_removed"]) == (total, damaged["ended"])
        stocked.fetch(path)


@pytest.mark.usefixtures("path")
def test_each_run_counts_what_zones_hold_as_the_engine_does_in_blocks_of_the_disk(
    cellar: Cellar, stocked: Stocked, tmp_path: Path
) -> None:
    stocked.fetch(stocked.publish(f"other-{WHEEL}", 3 * SLICE))
    begin = time.time()

    cellar("verify")

    counted = json.loads((tmp_path / "verifier/zones.json").read_text())
    block = os.statvfs(stocked.cache).f_bsize
    places = [place for place in (stocked.cache / "files").rglob("*") if place.is_file()]
    assert len(places) == 4
    assert begin <= counted["when"] <= time.time()
    assert counted["zones"]["files"] == {
        "records": 4,
        "bytes": sum(-(-place.stat().st_size // block) * block for place in places),
    }
    assert counted["zones"]["metadata"] == {"records": 0, "bytes": 0}


def test_what_was_looked_at_lately_is_looked_at_again_only_if_somebody_asks(
    cellar: Cellar, path: str
) -> None:
    cellar("verify")

    def looked_at(*arguments: str) -> dict[str, int]:
        result = cellar("verify", "--json", *arguments)
        assert result.exit_code == 0, result.output
        found: dict[str, int] = json.loads(result.stdout)["records"]
        return found

    assert looked_at() == {}
    assert looked_at(path) == {"proven": 1, "whole": 1}
    assert looked_at("--all") == {"proven": 1, "whole": 1}
    assert looked_at("absent") == {}


def test_what_is_purged_is_told_thing_by_thing(cellar: Cellar, stocked: Stocked, path: str) -> None:
    (place,) = stocked.places(path, "file")
    size = place.stat().st_size

    dry = cellar("purge", "--dry-run", "demo")
    assert place.exists()
    done = cellar("purge", "demo")

    assert (dry.exit_code, done.exit_code) == (0, 0)
    assert f"{path}: file, 1 record, {size / 1000:.1f} kB\n" in done.stdout
    assert dry.stdout.replace("would be removed", "removed") == done.stdout
    assert done.stdout.splitlines()[-1].startswith("2 records removed, ")
    again = cellar("purge", "demo")
    assert (again.exit_code, again.stdout) == (1, "0 records removed, 0 B.\n")


def test_a_program_gets_the_same_as_json(cellar: Cellar, path: str) -> None:
    told = json.loads(cellar("purge", "--json", path).stdout)

    assert {(each["kind"], each["path"], each["zone"], each["records"]) for each in told} == {
        ("file", path, "files", 1),
        ("verdict on a file", path, "oracle", 1),
    }


@pytest.mark.parametrize("command", ["verify", "purge"])
def test_what_names_nothing_is_refused_in_one_sentence(cellar: Cellar, command: str) -> None:
    result = cellar(command, "a b")

    assert result.exit_code == 2
    assert result.stderr == (
        "'a b' is no name of a project or of a file, no path and no pattern.\n"
    )


def test_a_verifier_without_its_folder_says_which(cellar: Cellar, tmp_path: Path) -> None:
    (tmp_path / "verifier").rmdir()

    result = cellar("verify")

    assert result.exit_code == 2
    assert str(tmp_path / "verifier") in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_file_that_is_named_is_read_once_and_not_once_for_each_slice(
    cellar: Cellar, stocked: Stocked
) -> None:
    path = stocked.publish(WHEEL, 2 * SLICE + 9)
    stocked.fetch(path)

    found = json.loads(cellar("verify", "--json", path).stdout)

    assert found["records"] == {"proven": 3, "whole": 1}
    assert found["bytes"] == 2 * SLICE + 9
