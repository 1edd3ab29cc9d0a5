"""What the disk does to the cache is found on the appliance, and no client gets it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Appliance
    from support.door import OpenDoor

CACHE = "/var/cache/cellar"
# Changes one bit of the last byte of every record that has a text in it.
FLIP = """
import pathlib, sys
for path in pathlib.Path(sys.argv[1]).rglob("*"):
    if path.is_file() and sys.argv[2].encode() in (content := bytearray(path.read_bytes())):
        content[-1] ^= 1
        path.write_bytes(content)
        print(path)
"""


def flip(appliance: Appliance, text: str, zone: str) -> list[str]:
    done = appliance.run("python3 -c %s %s %s", FLIP, f"{CACHE}/{zone}", text)
    return done.splitlines()


def test_a_flipped_bit_is_found_by_the_timers_unit_and_the_next_client_gets_the_right_bytes(
    appliance: Appliance, files: OpenDoor, fakepypi: FakePyPI, published: PublishedFile
) -> None:
    right = files("index").ask(published.path).content
    (record,) = flip(appliance, f"{published.path}:", "files")
    assert files("intercept").ask(published.path).content != right, "nothing was damaged"

    unit = appliance.box.run("systemctl start cellar-verifier.service")
    journal = appliance.run("journalctl --boot --unit=cellar-verifier.service")

    assert unit.rc != 0, "an operator has to hear of it"
    assert f"removed {published.path}: its blake2b is " in journal
    assert not appliance.box.file(record).exists
    answer = files("intercept").ask(published.path)
    assert (answer.content, answer.headers["X-Cache"]) == (right, "MISS")
    assert len(fakepypi.requests(path=published.path, method="GET")) == 2
    appliance.run("systemctl start cellar-verifier.service")
    assert appliance.run("systemctl is-active cellar-verifier.timer").strip() == "active"


def test_what_is_wrong_of_one_project_can_be_looked_for_at_once_and_as_root(
    appliance: Appliance, files: OpenDoor, pages: OpenDoor, published: PublishedFile
) -> None:
    metadata = f"{published.path}.metadata"
    pages("index").page(published.project)
    files("index").ask(metadata)
    files("index").ask(published.path)
    assert flip(appliance, f"{metadata}:", "metadata")

    done = appliance.box.run("cellar verify --json %s", published.project)

    found = json.loads(done.stdout)
    assert (done.rc, [each["path"] for each in found["removed"]]) == (1, [metadata])
    assert found["records"]["proven"] == 1
    # What root wrote, the timer could not.
    owners = appliance.run("find /var/lib/cellar/verifier -printf '%u\\n'").split()
    assert set(owners) == {"www-data"}


def test_what_is_purged_is_fetched_anew_by_the_next_client(
    appliance: Appliance, files: OpenDoor, pages: OpenDoor, published: PublishedFile
) -> None:
    pages("index").page(published.project)
    for _ in range(2):
        answer = files("index").ask(published.path)
    assert answer.headers["X-Cache"] == "HIT"

    told = appliance.run("cellar purge %s", published.project)

    assert f"{published.path}: file, 1 record, " in told
    assert f"/simple/{published.project}/: page, " in told
    assert pages("index").page(published.project).headers["X-Cache"] == "MISS"
    answer = files("index").ask(published.path)
    assert (answer.headers["X-Cache"], len(answer.content)) == ("MISS", published.size)
    gone = appliance.box.run("cellar purge absent-%s", published.project)
    assert (gone.rc, gone.stdout) == (1, "0 records removed, 0 B.\n")


@pytest.mark.parametrize("command", ["verify", "purge"])
def test_a_user_who_may_not_read_the_cache_is_told_so(appliance: Appliance, command: str) -> None:
    done = appliance.box.run(f"runuser --user nobody -- cellar {command} six")

    assert done.rc == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
