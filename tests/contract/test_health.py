"""/healthz: whether clients are well served here, as balancers and the guards of runners ask it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import requests

from fakepypi.raw import RawClient, request_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fakepypi.client import FakePyPI
    from support.deployment import Appliance
    from support.door import Door, OpenDoor

PATHS = ("/healthz", "/healthz/pages")
LOGS = "/var/log/cellar/access.log /var/log/cellar/upstream.log /var/log/cellar/error.log"
# Seconds until a change is seen at the latest: an answer is kept for one, and a question takes one.
SEEN = 4.0


def wait_for(door: Door, path: str, status: int) -> requests.Response:
    """Ask until the answer has this status; that must not take long."""
    deadline = time.monotonic() + SEEN
    while (answer := door.ask(path)).status_code != status:
        assert time.monotonic() < deadline, f"{path}: {answer.status_code} {answer.text}"
        time.sleep(0.1)
    return answer


@pytest.fixture
def door(pages: OpenDoor) -> Door:
    return pages("index")


@pytest.mark.parametrize("path", PATHS)
def test_an_appliance_that_is_well_says_so(appliance: Appliance, door: Door, path: str) -> None:
    answers = [
        door.ask(path),
        door.ask(path, method="HEAD"),
        requests.get(f"http://{appliance.outside}{path}", allow_redirects=False, timeout=10),
    ]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


@pytest.mark.parametrize("path", PATHS)
def test_it_can_be_asked_in_a_connection_that_was_opened_for_pypi(
    appliance: Appliance, path: str
) -> None:
    """A runner's guard goes the way of its jobs: the same address, handshake and certificate."""
    for name in (appliance.names.index, appliance.names.files):
        client = RawClient(443, appliance.ca, appliance.outside)
        answer = client.ask_with_sni(name, request_bytes(appliance.server_name, path))
        assert answer.status == 200


@pytest.mark.parametrize("path", PATHS)
def test_a_path_of_pypis_is_not_hidden(
    appliance: Appliance, at: OpenDoor, fakepypi: FakePyPI, path: str
) -> None:
    for name in (appliance.names.index, appliance.names.files):
        before = fakepypi.totals(path=path).requests
        at(name).ask(path)
        assert fakepypi.totals(path=path).requests == before + 1


@contextmanager
def without_rewriter(appliance: Appliance) -> Iterator[None]:
    units = "cellar-rewriter.socket cellar-rewriter.service"
    appliance.run(f"systemctl stop {units}")
    try:
        yield
    finally:
        appliance.run(f"systemctl start {units}")


def test_a_rewriter_that_is_gone_is_seen_and_the_engine_is_well_all_the_same(
    appliance: Appliance, door: Door
) -> None:
    with without_rewriter(appliance):
        answer = wait_for(door, "/healthz/pages", 503)
        assert answer.text.startswith("Cellar: the index rewriter gives no answer")
        assert answer.headers["Retry-After"] == "1"
        assert door.ask("/healthz").status_code == 200
    wait_for(door, "/healthz/pages", 200)


def test_a_rewriter_that_hangs_is_seen(appliance: Appliance, door: Door) -> None:
    signal = "systemctl kill --signal={} cellar-rewriter.service"
    appliance.run(signal.format("STOP"))
    try:
        begun = time.monotonic()
        wait_for(door, "/healthz/pages", 503)
        assert time.monotonic() - begun < SEEN
        assert door.ask("/healthz").status_code == 200
    finally:
        appliance.run(signal.format("CONT"))
    wait_for(door, "/healthz/pages", 200)


def test_a_disk_that_cannot_be_written_is_seen(appliance: Appliance, door: Door) -> None:
    """A file system that has become read-only, say: what is not in the cache would break off."""
    place = "/var/cache/cellar/temp/proxy"
    appliance.run(f"chmod 0500 {place} && chown root {place}")
    try:
        for path in PATHS:
            answer = wait_for(door, path, 503)
            assert answer.text == "Cellar: the engine cannot write to the disk of its cache.\n"
    finally:
        appliance.run(f"chmod 0700 {place} && chown www-data {place}")
    for path in PATHS:
        wait_for(door, path, 200)


def test_nobody_who_reads_the_logs_sees_a_probe(
    appliance: Appliance, door: Door, project: str
) -> None:
    """Nor counts it: of all that an appliance serves to many runners, most would be probes."""
    time.sleep(1.5)  # what other tests asked under PyPI's names is written by then
    counts = [int(appliance.run("sh -c %s", f"wc -l < {log}")) for log in LOGS.split()]
    for _ in range(20):
        assert {door.ask(path).status_code for path in PATHS} == {200}
    door.ask(f"/marker-{project}")
    deadline = time.monotonic() + 10
    while appliance.box.run(f"grep -q marker-{project} {LOGS}").rc != 0:
        assert time.monotonic() < deadline, "nothing is logged at all"
        time.sleep(0.2)
    for log, count in zip(LOGS.split(), counts, strict=True):
        new = appliance.run("tail -n +%s %s", str(count + 1), log)
        assert "health" not in new


def test_a_thousand_probes_are_answered_within_what_they_wait_for(door: Door) -> None:
    begun = time.monotonic()
    answers = [each for _ in range(5) for each in door.ask_at_once(100, "/healthz/pages")]
    assert {answer.status_code for answer in answers} == {200}
    assert max(answer.elapsed.total_seconds() for answer in answers) < 2
    assert time.monotonic() - begun < 30
