"""The guard at work on a host: what jobs find there while the appliance comes and goes."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cellar_runner import routing
from cellar_runner.cli import main
from cellar_runner.converging import Outcome
from cellar_runner.guard.reporting import guard_document
from cellar_runner.plan import Mode
from support.rendering import ROOT
from unit.runner.guard.conftest import TROUBLE, World
from unit.runner.trees import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cellar_runner.host import Host

# What operators are promised, in seconds.
SOON = 10.0
# How long a probe may take.
PATIENCE = 2.0


@pytest.mark.parametrize("takes", [0.0, 0.3, PATIENCE], ids=["refused", "slow", "black hole"])
@pytest.mark.parametrize("late", [0.0, 0.5, 1.99])
def test_jobs_go_past_an_appliance_that_is_gone_within_ten_seconds(
    world: World, takes: float, late: float
) -> None:
    """From whatever moment on, and however long it takes to see it."""
    guard = world.guard()
    world.pass_time(guard, 60)
    assert world.routed

    died = world.now
    world.now += late
    world.well, world.takes = False, takes
    while world.routed:
        world.pass_time(guard, 2)
    assert world.now - died <= SOON
    assert world.state.why == TROUBLE.rstrip(".")


@pytest.mark.parametrize("takes", [0.0, 1.0, PATIENCE])
def test_jobs_come_back_within_ten_seconds(world: World, takes: float) -> None:
    guard = world.guard()
    world.well = False
    world.pass_time(guard, 60)
    assert not world.routed

    world.well, world.takes = True, takes
    recovered = world.now
    while not world.routed:
        world.pass_time(guard, 2)
    assert world.now - recovered <= SOON
    assert world.state.why == "the appliance is well"


def test_one_lost_probe_changes_nothing(world: World) -> None:
    guard = world.guard()
    before = world.state
    for _ in range(5):
        world.pass_time(guard, 2)
        world.well = False
        world.pass_time(guard, 2)
        world.well = True
    assert world.routed
    assert world.state.since == before.since


def test_an_appliance_that_fails_whenever_it_is_used_is_used_less_and_less(world: World) -> None:
    guard = world.guard()
    moments, routed = [], True
    end = world.now + 3600
    while world.now < end:
        world.well = not routed
        world.pass_time(guard, 2)
        if world.state.routed is not routed:
            routed = world.state.routed
            moments.append(world.now)
    assert len(moments) <= 36
    pauses = [later - earlier for earlier, later in zip(moments[::2], moments[1::2], strict=False)]
    assert pauses == sorted(pauses)
    assert pauses[0] <= SOON
    assert max(pauses) >= 300


def test_after_the_start_of_a_host_nothing_is_led_to_an_appliance_that_nobody_has_seen(
    world: World,
) -> None:
    """A host that lost its power comes up with the routes that it had."""
    world.pass_time(world.guard(), 10)
    world.boot(2)
    assert world.routed

    during = []
    world.meanwhile = lambda: during.append(world.routed)
    guard = world.guard()
    guard.turn()
    assert during == [False]
    assert world.routed, "the first job may be the only one of this host"

    world.boot(3)
    world.well = False
    world.pass_time(world.guard(), 60)
    assert not world.routed


def test_a_guard_that_is_started_again_takes_nothing_away(world: World) -> None:
    world.pass_time(world.guard(), 10)
    during = []
    world.meanwhile = lambda: during.append(world.routed)
    world.pass_time(world.guard(), 10)
    assert set(during) == {True}

    world.well = False
    guard = world.guard()
    guard.turn()
    assert world.routed, "one failure is none, also at the start"


def test_a_guard_that_crashes_all_the_time_damps_what_flaps_all_the_same(world: World) -> None:
    for _ in range(5):
        world.well = False
        world.pass_time(world.guard(), 4)
        world.well = True
        world.pass_time(world.guard(), 100)
    world.well = False
    world.pass_time(world.guard(), 4)
    world.well = True
    world.pass_time(world.guard(), 120)
    assert not world.routed


def test_while_paused_nothing_is_probed_and_jobs_go_past_the_appliance(world: World) -> None:
    guard = world.guard()
    world.pass_time(guard, 10)
    asked = len(world.asked)

    assert main(["pause"], world.host) == 0
    assert not world.routed
    world.pass_time(guard, 60)
    assert (world.routed, len(world.asked)) == (False, asked)

    assert main(["resume"], world.host) == 0
    assert not world.routed, "nobody knows how the appliance is by now"
    world.pass_time(guard, 2)
    assert world.routed


def test_who_resumes_while_the_appliance_is_gone_does_not_get_it(world: World) -> None:
    guard = world.guard()
    main(["pause"], world.host)
    world.pass_time(guard, 10)
    world.well = False
    main(["resume"], world.host)
    world.pass_time(guard, 60)
    assert not world.routed


def failing(monkeypatch: pytest.MonkeyPatch, *results: Exception | Outcome) -> list[bool]:
    """Let changes of the routes end like that, one after the other, and the later ones well."""
    left, tried = list(results), []
    change = routing.set_routed

    def changed(host: Host, routed: bool, why: str, **more: Any) -> Outcome:  # noqa: FBT001 # as it is
        tried.append(routed)
        if not left:
            return change(host, routed, why, **more)
        result = left.pop(0)
        if isinstance(result, Exception):
            raise result
        change(host, routed, why, **more)
        return result

    monkeypatch.setattr(routing, "set_routed", changed)
    return tried


def test_a_pause_in_the_middle_of_a_probe_wins(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = world.guard()
    world.well = False
    world.pass_time(guard, 10)
    world.well = True
    world.pass_time(guard, 4)

    tried = failing(monkeypatch)
    world.meanwhile = lambda: main(["pause"], world.host)
    world.pass_time(guard, 20)
    assert not world.routed
    assert world.state.paused
    assert True not in tried, "jobs would be led there for a while"


@pytest.mark.parametrize("routed", [True, False])
def test_a_host_that_must_not_ask_pypi_for_private_names_stays_with_the_appliance(
    world: World, *, routed: bool
) -> None:
    world.settings(fail="closed")
    if not routed:
        routing.set_routed(world.host, False, "by hand")  # noqa: FBT003 # its own
    world.boot(2)
    world.well = False
    guard = world.guard()
    during = []
    world.meanwhile = lambda: during.append(world.routed)
    world.pass_time(guard, 600)
    assert world.routed
    assert set(during[1:]) == {True}
    assert during[0] is routed

    main(["pause"], world.host)
    world.pass_time(guard, 10)
    assert not world.routed, "an operator knows what he does"
    main(["resume"], world.host)
    world.pass_time(guard, 2)
    assert world.routed


@pytest.mark.parametrize(
    ("mode", "place"),
    [
        ("index", ("cellar.example", 443)),
        ("proxy", ("192.0.2.10", 3128)),
        ("intercept", ("192.0.2.10", 443)),
    ],
)
def test_what_is_probed_is_the_way_of_the_mode_also_after_it_has_changed(
    world: World, mode: str, place: tuple[str, int]
) -> None:
    guard = world.guard()
    guard.turn()
    write(world.host.path("/usr/sbin/update-ca-certificates"), "#!/bin/sh\n", 0o755)
    routing.write_state(world.host, replace(world.state, mode=Mode(mode)))
    guard.turn()
    way = world.asked[-1]
    assert (way.mode, way.host, way.port) == (Mode(mode), *place)
    names = ("cellar.example",) if mode == "index" else ("index.example", "files.example")
    assert (way.names, way.server_name) == (names, "cellar.example")
    assert way.bundle == world.host.path("/etc/cellar-runner/ca-bundle.pem")


def test_a_host_whose_own_disk_is_full_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    tried = failing(monkeypatch, *[full] * 5)
    guard = world.guard()
    world.well = False
    world.pass_time(guard, 10)
    assert world.routed
    world.pass_time(guard, 10)
    assert not world.routed
    assert tried == [False] * 6
    assert capsys.readouterr().err.count("No space left on device") == 1


def test_a_file_that_could_not_be_changed_is_tried_again_every_half_minute(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    part = Outcome(failures=("/etc/x is not TOML",))
    tried = failing(monkeypatch, part, part)
    guard = world.guard()
    world.well = False
    world.pass_time(guard, 10)
    assert not world.routed
    assert tried == [False]
    assert "/etc/x is not TOML.\n" in capsys.readouterr().err
    world.pass_time(guard, 120)
    assert tried == [False] * 3


@pytest.mark.parametrize("name", ["settings.json", "state.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", "{}", None])
def test_what_cannot_be_read_does_not_end_the_guard(
    world: World, capsys: pytest.CaptureFixture[str], name: str, content: str | None
) -> None:
    guard = world.guard()
    path = world.host.path(f"/var/lib/cellar-runner/{name}")
    good = path.read_text()
    path.unlink()
    if content is not None:
        path.write_text(content)
    world.pass_time(guard, 60)
    assert capsys.readouterr().err.count(name) == 1
    path.write_text(good)
    world.well = False
    world.pass_time(guard, 10)
    assert not world.routed


@pytest.mark.parametrize("content", ["", "{", "[]", '{"breaker": 1}', '{"breaker": {}, "at": "x"}'])
def test_a_damaged_memory_is_none(world: World, content: str) -> None:
    write(world.host.path("/run/cellar-runner/guard.json"), content)
    world.well = False
    world.pass_time(world.guard(), 10)
    assert not world.routed


def test_what_happens_is_in_the_journal_once(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    guard = world.guard()
    world.pass_time(guard, 20)
    world.well = False
    world.pass_time(guard, 20)
    world.well = True
    world.pass_time(guard, 20)
    assert capsys.readouterr().err.splitlines() == [
        "The appliance is well.",
        TROUBLE,
        f"Jobs go directly to PyPI: {TROUBLE}",
        "The appliance is well.",
        "Jobs go through the appliance: the appliance is well.",
    ]


JOBS = "123 cellar-runner-guard.service {} running\n"


@pytest.mark.parametrize(
    ("said", "fail", "routed"),
    [
        (f"echo '{JOBS.format('stop')}'", "open", False),
        (f"echo '{JOBS.format('restart')}'", "open", True),
        (f"echo '{JOBS.format('start')}'", "open", True),
        (f"echo '{JOBS.format('stop').replace('guard', 'other')}'", "open", True),
        ("echo 'No jobs running.'", "open", True),
        ("exit 1", "open", False),
        (f"echo '{JOBS.format('stop')}'", "closed", True),
    ],
    ids=["stop", "restart", "start", "another's stop", "crash", "nobody knows", "closed"],
)
def test_nobody_is_led_to_an_appliance_that_is_not_guarded_any_more(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    said: str,
    fail: str,
    routed: bool,  # noqa: FBT001
) -> None:
    """But a restart and a crash take nothing away: systemd starts it again at once."""
    write(tmp_path / "bin/systemctl", f"#!/bin/sh\n{said}\n", 0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    world.settings(fail=fail)
    assert main(["guard", "--stopped"], world.host) == 0
    assert world.routed is routed


@pytest.mark.parametrize(("job", "runs"), [("stop", False), ("restart", True)])
def test_status_says_at_once_that_the_guard_was_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, job: str, *, runs: bool
) -> None:
    write(tmp_path / "bin/systemctl", f"#!/bin/sh\necho '{JOBS.format(job)}'\n", 0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    world.guard().turn()
    assert guard_document(world.host, time.time())["runs"] is True

    assert main(["guard", "--stopped"], world.host) == 0

    assert guard_document(world.host, time.time())["runs"] is runs
    world.guard().turn()
    assert guard_document(world.host, time.time())["runs"] is True


SERVE = """
import sys
from pathlib import Path
from cellar_runner import cli
from cellar_runner.guard import service
from cellar_runner.guard.probing import Verdict
from cellar_runner.host import Host
service._Probes = lambda: lambda way: Verdict("", 0.01)
sys.exit(cli.main(["guard"], Host(Path(sys.argv[1]))))
"""


@contextmanager
def service(world: World, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """Run the service as systemd does; yield it, and where it says how it is."""
    place = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(place))
        receiver.settimeout(20)
        environment = {"PYTHONPATH": f"{ROOT}/src", "NOTIFY_SOCKET": str(place)}
        running = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(world.host.root)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield running, lambda: receiver.recv(4096).decode().splitlines()
        finally:
            running.kill()
            running.communicate()


def test_systemd_is_told_once_jobs_find_what_they_should_and_at_each_turn(
    world: World, tmp_path: Path
) -> None:
    """Who starts after the guard, such as an agent, starts with the routes."""
    routing.set_routed(world.host, False, "it was stopped")  # noqa: FBT003 # its own
    with service(world, tmp_path) as (_, said):
        changes = [said(), said()]
        assert [each[0] for each in changes] == ["WATCHDOG=1"] * 2
        assert all(each[1].startswith("WATCHDOG_USEC=") for each in changes)
        assert said() == ["WATCHDOG=1", "READY=1", "STATUS=The appliance is well."]
        assert world.routed
        begun = time.monotonic()
        assert said() == ["WATCHDOG=1", "STATUS=The appliance is well."]
        assert 1.5 < time.monotonic() - begun < 6


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_at_once_and_takes_nothing_away(
    world: World, tmp_path: Path, number: signal.Signals
) -> None:
    with service(world, tmp_path) as (running, said):
        while "READY=1" not in said():
            pass
        time.sleep(0.3)
        begun = time.monotonic()
        running.send_signal(number)
        assert running.wait(10) == 0
        assert time.monotonic() - begun < 1.5
        assert said() == ["STOPPING=1"]
    assert world.routed
