"""What operators and their monitoring see of the guard."""

from __future__ import annotations

import json
import os
import re
import time
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cellar_runner.cli import main
from unit.runner.guard.conftest import METRICS, TROUBLE, World
from unit.runner.trees import write

if TYPE_CHECKING:
    from pathlib import Path


def metrics(world: World) -> dict[str, float]:
    """Return the samples without a label by their names."""
    text = world.host.path(METRICS).read_text()
    families = list(text_string_to_metric_families(text))
    assert all(family.documentation for family in families)
    return {s.name: s.value for family in families for s in family.samples if not s.labels}


def test_metrics_say_where_jobs_go_and_why(world: World) -> None:
    guard = world.guard()
    before = time.time()
    world.pass_time(guard, 20)
    world.well, world.takes = False, 1.5
    world.pass_time(guard, 20)
    found = metrics(world)
    times = {name for name in found if name.endswith("_timestamp_seconds")}
    assert times == {
        "cellar_runner_since_timestamp_seconds",
        "cellar_runner_guard_timestamp_seconds",
        "cellar_runner_probe_timestamp_seconds",
        "cellar_runner_certificate_end_timestamp_seconds",
    }
    assert found.pop("cellar_runner_certificate_end_timestamp_seconds") == 2e9
    assert all(before <= found.pop(name) <= time.time() for name in times & set(found))
    failed = found.pop("cellar_runner_failed_probes_total")
    assert 2 <= failed <= 10
    assert found == {
        "cellar_runner_routed": 0,
        "cellar_runner_paused": 0,
        "cellar_runner_appliance_up": 0,
        "cellar_runner_probe_seconds": 1.5,
        "cellar_runner_withdrawals_total": 1,
    }
    (info,) = (
        sample
        for family in text_string_to_metric_families(world.host.path(METRICS).read_text())
        for sample in family.samples
        if sample.labels
    )
    assert info.name == "cellar_runner_info"
    assert info.labels == {"mode": "proxy", "appliance": "cellar.example", "fail": "open"}


def test_a_change_is_in_the_metrics_at_once_and_else_they_rest_for_a_while(world: World) -> None:
    guard = world.guard()
    guard.turn()
    world.now += 2
    path = world.host.path(METRICS)
    seen = {path.stat().st_ino}
    for _ in range(30):
        world.pass_time(guard, 2)
        seen.add(path.stat().st_ino)
    assert len(seen) <= 5

    world.well = False
    world.pass_time(guard, 2)
    assert metrics(world)["cellar_runner_appliance_up"] == 0
    world.pass_time(guard, 2)
    assert metrics(world)["cellar_runner_routed"] == 0


def test_the_hand_of_an_operator_is_in_the_metrics_at_the_next_turn(world: World) -> None:
    guard = world.guard()
    world.pass_time(guard, 4)
    for command, paused in (("pause", 1), ("resume", 0)):
        main([command], world.host)
        guard.turn()
        assert metrics(world)["cellar_runner_paused"] == paused
        assert metrics(world)["cellar_runner_routed"] == 1 - paused


def test_who_reads_metrics_may_be_anybody_and_finds_no_half_file(world: World) -> None:
    before = os.umask(0o077)
    try:
        world.guard().turn()
    finally:
        os.umask(before)
    path = world.host.path(METRICS)
    assert path.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_monitoring_that_is_not_there_is_no_trouble_for_jobs(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.host.path(METRICS).parent.rmdir()
    guard = world.guard()
    world.pass_time(guard, 60)
    world.well = False
    world.pass_time(guard, 10)
    assert not world.routed
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_what_was_counted_goes_on_after_the_guard_was_started_again(world: World) -> None:
    world.well = False
    world.pass_time(world.guard(), 10)
    world.guard().turn()
    assert metrics(world)["cellar_runner_withdrawals_total"] == 1
    world.boot(2)
    world.guard().turn()
    assert metrics(world)["cellar_runner_withdrawals_total"] == 0


def status(world: World, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    capsys.readouterr()
    assert main(["status", *options], world.host) == 0
    return capsys.readouterr().out


STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}"


def guard_says(text: str) -> list[str]:
    return [line.split(maxsplit=1)[1] for line in text.splitlines() if line.startswith("Guard ")]


def test_status_says_how_the_appliance_is_and_when_jobs_come_back(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    guard = world.guard()
    world.takes = 0.25
    world.pass_time(guard, 10)
    (line,) = guard_says(status(world, capsys))
    assert re.fullmatch(rf"The appliance is well; it answered in 0[.]25 s[.] \({STAMP}\)", line)

    world.well = False
    world.pass_time(guard, 10)
    text = status(world, capsys)
    assert re.match(rf"Jobs go directly to PyPI since {STAMP}: {re.escape(TROUBLE)}\n", text)
    found, back = guard_says(text)
    assert re.fullmatch(rf"{re.escape(TROUBLE)} \({STAMP}\)", found)
    assert re.fullmatch(rf"If all goes well from now on, jobs come back at {STAMP}[.]", back)

    document = json.loads(status(world, capsys, "--json"))
    assert document["guard"]["runs"] is True
    assert document["guard"]["well"] is False
    assert document["guard"]["trouble"] == TROUBLE
    assert 0 < document["guard"]["comes_back"] - time.time() < 10


def test_status_says_that_nobody_guards(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = guard_says(status(world, capsys))
    assert line == "The guard does not run: `systemctl start cellar-runner-guard.service`."
    assert json.loads(status(world, capsys, "--json"))["guard"] == {"runs": False}

    world.guard().turn()
    path: Path = world.host.path("/run/cellar-runner/guard.json")
    document = json.loads(path.read_text())
    write(path, json.dumps({**document, "at": time.time() - 60}))
    (line,) = guard_says(status(world, capsys))
    assert re.fullmatch(
        rf"The guard does not run, and did until {STAMP}:"
        r" `systemctl start cellar-runner-guard[.]service`[.]",
        line,
    )


@pytest.mark.parametrize(
    ("closed", "paused", "line"),
    [
        (True, False, "Jobs stay with it whatever happens (cellar_runner_fail: closed)."),
        (False, True, "The guard does not probe while paused."),
    ],
)
def test_status_says_why_the_guard_does_not_act(
    world: World, capsys: pytest.CaptureFixture[str], line: str, *, closed: bool, paused: bool
) -> None:
    world.settings(fail="closed" if closed else "open")
    if paused:
        main(["pause"], world.host)
    world.well = False
    world.pass_time(world.guard(), 10)
    assert guard_says(status(world, capsys))[-1] == line
