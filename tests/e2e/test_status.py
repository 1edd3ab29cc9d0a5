"""`cellar status` says what needs a hand, and metrics say it to what watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.inside import look

if TYPE_CHECKING:
    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Appliance
    from support.door import OpenDoor

SETTINGS = "/run/status.toml"
# Tests of trouble upstream fail it more often than an operator would bear.
WITHOUT_PAST = 's#^directory = ".*/traffic"#directory = "/nonexistent"#'
# nginx writes its logs at least once a second.
FLUSH = 1.5

# Changes one bit of the newest file in the cache.
FLIP = """
import pathlib
files = [path for path in pathlib.Path("/var/cache/cellar/files").rglob("*") if path.is_file()]
newest = max(files, key=lambda path: path.stat().st_mtime)
content = bytearray(newest.read_bytes())
content[-1] ^= 1
newest.write_bytes(content)
"""

Trouble = Callable[["Appliance"], AbstractContextManager[tuple[str, ...]]]


@pytest.fixture(autouse=True)
def _freshly_run(appliance: Appliance) -> None:
    """Forget what other tests did to upstream and to the cache."""
    appliance.run("rm -f /var/lib/cellar/verifier/summary.json")
    for name in ("resolver", "verifier", "traffic", "metrics"):
        appliance.run(f"systemctl start cellar-{name}.service")


def problems(appliance: Appliance, *changes: str) -> list[str]:
    """Return what needs a hand; `changes` of the settings are for sed."""
    expressions = " ".join(f"-e '{change}'" for change in (WITHOUT_PAST, *changes))
    appliance.run(f"sed {expressions} /etc/cellar/cellar.toml > {SETTINGS}")
    try:
        done = appliance.box.run(f"cellar status --settings {SETTINGS}")
    finally:
        appliance.run(f"rm {SETTINGS}")
    sentences, _, rows = done.stdout.partition("\n\n")
    assert "Traceback" not in done.stderr, done.stderr
    assert "index door" in rows, done.stdout
    if done.rc == 0:
        assert sentences == "Nothing needs a hand.", done.stdout
        return []
    assert done.rc == 1, done.stdout + done.stderr
    return list(sentences.splitlines())


def test_of_a_good_appliance_nothing_needs_a_hand(appliance: Appliance) -> None:
    assert problems(appliance) == []


@contextmanager
def rewriter_stopped(appliance: Appliance) -> Iterator[tuple[str, ...]]:
    appliance.run("cellar selftest")  # now its pages are cached
    appliance.run("systemctl stop cellar-rewriter.socket cellar-rewriter.service")
    try:
        yield ()
    finally:
        appliance.run("systemctl start cellar-rewriter.socket cellar-rewriter.service")


@contextmanager
def timer_stopped(appliance: Appliance) -> Iterator[tuple[str, ...]]:
    appliance.run("systemctl stop cellar-resolver.timer")
    try:
        yield ()
    finally:
        appliance.run("systemctl start cellar-resolver.timer")


@contextmanager
def disk_full(appliance: Appliance) -> Iterator[tuple[str, ...]]:
    """Say what the rewriter says of a full disk."""
    appliance.run("cd /run/cellar-rewriter && touch full && ln -sfn full disk")
    try:
        yield ()
    finally:
        appliance.run("ln -sfn free /run/cellar-rewriter/disk")


@contextmanager
def damaged(appliance: Appliance) -> Iterator[tuple[str, ...]]:
    """Spoil a file, and let the timer's unit find it."""
    appliance.run("cellar purge demo && cellar selftest")  # now there is one that is new
    appliance.run("python3 -c %s", FLIP)
    assert appliance.box.run("systemctl start cellar-verifier.service").rc != 0
    try:
        yield ()
    finally:
        appliance.run("systemctl start cellar-verifier.service")


@contextmanager
def certificate_ends(_: Appliance) -> Iterator[tuple[str, ...]]:
    """Have it renewed long before its end, by somebody who did not."""
    yield "s/^renew_days = .*/renew_days = 500/", "s/^renews = .*/renews = false/"


TROUBLES: dict[str, tuple[Trouble, list[tuple[str, str]]]] = {
    "the rewriter is stopped": (
        rewriter_stopped,
        [
            ("rewriter: /simple/demo is answered with status 503", "journalctl -u nginx"),
            ("cellar-rewriter.socket is not running", "systemctl enable --now"),
            ("cellar-rewriter.service is not running", "systemctl enable --now"),
        ],
    ),
    "a timer is stopped": (
        timer_stopped,
        [("cellar-resolver.timer is not running", "systemctl enable --now cellar-resolver.timer")],
    ),
    "the disk is full": (disk_full, [("Nothing is stored", "enlarge the file system")]),
    "content was wrong": (
        damaged,
        [
            ("cellar-verifier.service has failed", "journalctl -u cellar-verifier.service"),
            ("The verifier removed something wrong ", "replace the disk"),
        ],
    ),
    "the certificate ends": (
        certificate_ends,
        [("The certificate of ", "run the playbook again")],
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_needs_a_hand_is_named_with_what_to_do_and_the_exit_status_tells(
    appliance: Appliance, trouble: str
) -> None:
    bring_about, expected = TROUBLES[trouble]
    with bring_about(appliance) as changes:
        found = problems(appliance, *changes)

    assert len(found) == len(expected), found
    for sentence, (problem, remedy) in zip(found, expected, strict=True):
        assert sentence.startswith(problem), found
        assert remedy in sentence.partition("; ")[2], found


def test_anybody_on_the_appliance_may_ask(appliance: Appliance) -> None:
    done = appliance.box.run("runuser --user nobody -- cellar status")

    assert done.rc in {0, 1}
    assert "index door      works" in done.stdout, done.stdout + done.stderr


def samples(appliance: Appliance) -> dict[tuple[str, ...], float]:
    """Return all samples of now, by the metric's name and its labels' values, sorted by label."""
    time.sleep(FLUSH)
    for name in ("traffic", "metrics"):
        appliance.run(f"systemctl start cellar-{name}.service")
    status, header, body = look(appliance, "/metrics")
    assert status == "HTTP/1.1 200 OK"
    assert header["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def test_counters_grow_by_what_clients_have_asked_and_by_nothing_else(
    appliance: Appliance,
    files: OpenDoor,
    pages: OpenDoor,
    fakepypi: FakePyPI,
    published: PublishedFile,
) -> None:
    before = samples(appliance)
    for door, count in {"index": 3, "intercept": 2}.items():
        for _ in range(count):
            files(door).ask(published.path)
    pages("index").page(published.project)
    pages("index").ask(f"/simple/{published.project}-is-not-there/")
    after = samples(appliance)

    def growth(metric: str) -> dict[tuple[str, ...], float]:
        keys = [key for key in after if key[0] == f"cellar_{metric}"]
        grown = {key[1:]: after[key] - before.get(key, 0) for key in keys}
        return {key: count for key, count in grown.items() if count}

    assert growth("requests_total") == {
        ("index", "file", "miss", "2xx"): 1,
        ("index", "file", "hit", "2xx"): 2,
        ("intercept", "file", "hit", "2xx"): 2,
        ("index", "page", "miss", "2xx"): 1,
        ("index", "page", "neither", "4xx"): 1,
    }
    served = growth("served_bytes_total")
    assert served["intercept", "file", "hit"] == 2 * published.size
    assert served["index", "file", "miss"] == published.size
    upstream = growth("upstream_bytes_total")
    assert upstream[appliance.names.files, "file"] == fakepypi.bytes_sent(path=published.path)


def test_metrics_say_that_a_good_appliance_is_up_and_since_when(appliance: Appliance) -> None:
    found = samples(appliance)
    now = float(appliance.run("date +%s"))

    ups = {key: value for key, value in found.items() if key[0].endswith("_up")}
    assert len(ups) == 6
    assert set(ups.values()) == {1}, ups
    assert now - found["cellar_metrics_timestamp_seconds",] < 30
    names = {key[1] for key in found if key[0] == "cellar_certificate_end_timestamp_seconds"}
    assert names == {appliance.server_name, appliance.names.index, appliance.names.files}
    units = {key[1]: value for key, value in found.items() if key[0] == "cellar_unit_active"}
    assert units["nginx.service"] == units["cellar-metrics.timer"] == 1, "as www-data"


def test_metrics_are_refused_to_a_network_that_is_not_named(pages: OpenDoor) -> None:
    """By default that is everybody else."""
    refused = pages("index").ask("/metrics")

    assert refused.status_code == 403
    assert refused.text == (
        "Cellar: metrics are for the networks that cellar_metrics_networks names.\n"
    )
    assert "cellar_metrics_networks" not in pages("intercept").ask("/metrics").text


def test_a_login_shell_completes_the_command(appliance: Appliance) -> None:
    typed = r"printf 'cellar selfte\t--help\nexit\n'"

    shown = appliance.run(f"{typed} | script --quiet --command 'bash --login -i' /dev/null")

    assert "Check that this appliance works, through its own doors." in shown
