"""What Prometheus reads is what the appliance is, in a form that Prometheus understands."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

import cellar
from cellar.traffic.database import DATABASE
from unit.cellar.conftest import world
from unit.cellar.servers import Answer
from unit.cellar.watched import Left
from unit.monitoring.test_alerts import promtool
from unit.traffic.logs import answer, fetch, missed, streamed

if TYPE_CHECKING:
    from pathlib import Path

    from unit.cellar.appliance import World

__all__ = ["promtool", "world"]


@pytest.fixture
def left(world: World) -> Left:
    return Left(world)


class Scrape:
    """The samples of the file that the timer has written."""

    def __init__(self, world: World) -> None:
        result = world.run("metrics")
        assert (result.exit_code, result.output) == (0, "")
        self.text = (world.directory / "metrics/metrics").read_text()
        self._samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for family in text_string_to_metric_families(self.text):
            for sample in family.samples:
                key = (
                    f"cellar_{sample.name.removeprefix('cellar_')}",
                    frozenset(sample.labels.items()),
                )
                assert key not in self._samples
                self._samples[key] = sample.value

    def __call__(self, name: str, **labels: str) -> float:
        return self._samples[f"cellar_{name}", frozenset(labels.items())]

    def all(self, name: str) -> dict[str, float]:
        """Return the samples of a metric by their labels' values, joined by spaces."""
        return {
            " ".join(value for _, value in sorted(labels)): value_of
            for (of, labels), value_of in self._samples.items()
            if of == f"cellar_{name}"
        }


def test_prometheus_accepts_every_line(world: World, left: Left, promtool: Path) -> None:
    left.counted(**{'odd"name\\': {"records": 1, "bytes": 4096}})
    text = Scrape(world).text

    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert r'cellar_zone_bytes{zone="odd\"name\\"} 4096.0' in text


@pytest.mark.usefixtures("left")
def test_of_an_appliance_that_is_well_all_is_up(world: World) -> None:
    world.units = {"nginx.service": "active", "cellar-resolver.timer": "active"}
    scrape = Scrape(world)

    assert scrape("info", version=cellar.__version__) == 1
    assert scrape("problems") == 0
    assert scrape.all("door_up") == {"index": 1, "intercept": 1}
    assert scrape("rewriter_up") == scrape("upstream_up") == scrape("upstream_names_up") == 1
    assert 0 < scrape("upstream_response_seconds") < 5
    assert scrape.all("unit_active") == {"nginx.service": 1, "cellar-resolver.timer": 1}
    assert scrape("stores") == 1
    assert scrape("disk_free_bytes") < scrape("disk_size_bytes")
    assert scrape("disk_min_free_bytes") == 1


def test_times_are_those_of_the_last_runs(world: World, left: Left) -> None:
    scrape = Scrape(world)

    assert 0 <= scrape("metrics_timestamp_seconds") - left.now < 60
    ends = world.certificate_ends.timestamp()
    assert scrape.all("certificate_end_timestamp_seconds") == dict.fromkeys(world.names, ends)
    assert scrape("ca_end_timestamp_seconds") > left.now
    for name in ("resolver_last_run", "verify_last_run", "zones", "traffic"):
        assert scrape(f"{name}_timestamp_seconds") == pytest.approx(left.now - 60, abs=1)


def test_what_the_verifier_counts_is_told(world: World, left: Left) -> None:
    left.verified(records={"proven": 5, "whole": 2}, due=9, removed_total=4)
    left.counted(
        files={"records": 3, "bytes": 12288},
        pages={"records": 2, "bytes": 8192},
        heads={"records": 0, "bytes": 0},
    )
    scrape = Scrape(world)

    assert scrape.all("verify_records") == {"proven": 5, "whole": 2}
    assert (scrape("verify_due_records"), scrape("verify_removed_records_total")) == (9, 4)
    assert scrape.all("zone_bytes") == {"files": 12288, "pages": 8192, "heads": 0}
    assert scrape.all("zone_records") == {"files": 3, "pages": 2, "heads": 0}
    assert scrape.all("zone_max_bytes") == {"pages": 2**31}, "the test's files have no budget"


def test_traffic_is_counted_by_what_it_means_for_the_cache(world: World, left: Left) -> None:
    now = int(left.now)
    left.traffic(
        60,
        *(answer(at=now, bytes=100, door="intercept") for _ in range(3)),
        missed(at=now, bytes=1000),
        missed("/simple/demo/", at=now, bytes=50, cache="REVALIDATED"),
        streamed(at=now, status=502, upstream_status="502", bytes=0),
        b"no line of ours\n",
        fetches=(
            fetch(at=now, bytes="900"),
            fetch(at=now, status="502", bytes="0"),
            fetch(at=now, status="-", bytes="-"),
        ),
    )
    scrape = Scrape(world)

    # One hit of 700 bytes was there before.
    assert scrape.all("requests_total") == {
        "index file hit 2xx": 1,
        "intercept file hit 2xx": 3,
        "index file miss 2xx": 1,
        "index page hit 2xx": 1,
        "index file neither 5xx": 1,
    }
    assert scrape("served_bytes_total", door="intercept", kind="file", outcome="hit") == 300
    assert sum(scrape.all("served_bytes_total").values()) == 700 + 300 + 1000 + 50
    assert scrape.all("uncached_requests_total") == {"error": 1}
    host = "files.example file"
    assert scrape.all("upstream_requests_total") == {host: 3}
    assert scrape.all("upstream_errors_total") == {host: 2}
    assert scrape.all("upstream_bytes_total") == {host: 900}
    assert scrape("unreadable_log_lines_total") == 1


def test_counters_only_grow(world: World, left: Left) -> None:
    """Old days are forgotten, their sums are not: Prometheus takes less for a restart."""
    before = Scrape(world)("requests_total", door="index", kind="file", outcome="hit", status="2xx")
    left.now += 400 * 86400

    left.traffic(0, answer(at=int(left.now)))

    after = Scrape(world)("requests_total", door="index", kind="file", outcome="hit", status="2xx")
    assert (before, after) == (1, 2)


@pytest.mark.usefixtures("left")
def test_what_fails_is_down(world: World) -> None:
    world.appliance.changed = lambda request, answer: (
        Answer(503) if request.path == "/simple/an-example" else answer
    )
    scrape = Scrape(world)
    assert (scrape("rewriter_up"), scrape("problems")) == (0, 1)
    assert scrape.all("door_up") == {"index": 1, "intercept": 1}

    world.appliance.changed = lambda request, answer: (
        Answer(500) if request.header["host"] == "files.example" else answer
    )
    assert Scrape(world).all("door_up") == {"index": 1, "intercept": 0}

    world.upstream = lambda _: Answer(500)
    scrape = Scrape(world)
    assert scrape("upstream_up") == 0
    assert scrape.all("door_up") == {"index": 1, "intercept": 1}
    assert scrape.all("upstream_response_seconds") == {}

    world.changes["appliance"]["https_port"] = 1
    scrape = Scrape(world)
    assert scrape.all("door_up") == {"index": 0, "intercept": 0}
    assert scrape.all("rewriter_up") == {}, "nobody could ask"


def test_what_never_happened_has_the_time_0_and_what_is_not_known_no_sample(
    world: World, left: Left
) -> None:
    for name in ("resolver/addresses.json", "verifier/summary.json", "verifier/zones.json"):
        left.path(name).unlink()
    left.path(f"traffic/{DATABASE}").unlink()
    world.units = None
    scrape = Scrape(world)

    for name in ("resolver_last_run", "verify_last_run", "zones", "traffic"):
        assert scrape(f"{name}_timestamp_seconds") == 0
    for name in ("unit_active", "verify_records", "verify_due_records", "zone_bytes"):
        assert scrape.all(name) == {}
    assert scrape("verify_removed_records_total") == 0


@pytest.mark.usefixtures("left")
def test_a_file_that_cannot_be_written_is_told_and_the_old_one_stays(world: World) -> None:
    old = Scrape(world).text
    place = world.directory / "metrics"
    (place / ".metrics.new").mkdir()

    result = world.run("metrics")

    assert result.exit_code == 2
    assert result.stderr.startswith(f"{place}/metrics cannot be written: ")
    assert (place / "metrics").read_text() == old
