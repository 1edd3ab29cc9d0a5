"""What a lock file names is in the cache before the first client asks for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Appliance
    from support.door import OpenDoor


def warm(appliance: Appliance, text: str) -> tuple[int, dict[str, str]]:
    """Warm what a requirements.txt names; return the exit status and the outcome of each item."""
    written = appliance.run("mktemp --suffix=-requirements.txt").strip()
    appliance.run("sh -c %s", f"cat >{written} <<'END'\n{text}END")
    done = appliance.box.run("cellar warm --json %s", written)
    appliance.run("rm %s", written)
    items = json.loads(done.stdout)["items"]
    return done.rc, {each["name"]: each["outcome"] for each in items}


def test_what_was_warmed_is_served_without_upstream_and_one_missing_file_keeps_nothing_back(
    appliance: Appliance,
    fakepypi: FakePyPI,
    files: OpenDoor,
    pages: OpenDoor,
    published: PublishedFile,
) -> None:
    lock = (
        f"{published.project}==1.0 --hash=sha256:{published.sha256}\n"
        f"absent-{published.project}==1.0\n"
    )

    status, outcomes = warm(appliance, lock)

    assert status == 1, "one is missing"
    assert set(outcomes.values()) >= {"ok fetched", "missing"}, outcomes
    with fakepypi.down():
        for door in ("index", "intercept"):
            assert len(files(door).ask(published.path).content) == published.size
            assert files(door).ask(str(published.metadata_path)).status_code == 200
            assert pages(door).page(published.project).status_code == 200
    assert fakepypi.bytes_sent(path=published.path) == published.size
    assert "ok cached" in warm(appliance, lock)[1].values()
