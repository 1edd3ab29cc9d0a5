"""
Runners fail open (promise 10): when the appliance is gone, jobs go to PyPI within ten seconds.

And they return within ten seconds when it is back, unless it comes and goes. Each fault is a real
one, of a real appliance; jobs are new login shells on a CI host that has a way out of its own.
"""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.open_host import (
    APPLIANCE,
    DIRECT,
    GUARD,
    HOST,
    JobResult,
    address_of,
    what_explains,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from fakepypi.client import FakePyPI
    from runner.open_host import OpenHost
    from support.deployment import Machine

# What is promised, in seconds.
SOON = 10.0
# The start of a job, and what it takes on a busy machine, come on top.
ON_TOP = 3.0
CACHE = "/var/cache/cellar"
DISK = "/run/cellar-rewriter/disk"  # leads to what the engine is told of it


@pytest.fixture
def evidence(open_host: OpenHost, appliance: Machine) -> Callable[[], dict[str, str]]:
    """Return what is printed with a failure."""
    return lambda: what_explains(open_host.machine, appliance)


@pytest.fixture(autouse=True)
def _calm(open_host: OpenHost, evidence: object) -> None:  # noqa: ARG001 # for its failures too
    """Begin with an appliance that is well, and a guard that has seen nothing else."""
    open_host.begin()
    assert open_host.job() == JobResult(APPLIANCE, "200")


def new_name() -> str:
    """Return the name of a project that nobody has heard of."""
    return f"t{uuid.uuid4().hex[:12]}"


# What can become of an appliance.


@contextmanager
def killed(appliance: Machine) -> Iterator[None]:
    """Kill the engine; nothing starts it again."""
    appliance.run("systemctl mask --runtime --quiet nginx.service")
    appliance.run("systemctl kill --signal=KILL nginx.service")
    appliance.run("systemctl stop nginx.service")
    try:
        yield
    finally:
        appliance.run("systemctl unmask --runtime --quiet nginx.service")
        appliance.run("systemctl start nginx.service")


@contextmanager
def black_holed(appliance: Machine) -> Iterator[None]:
    """Let all packets to the CI host vanish."""
    place = f"{address_of(HOST, 'inside')}/32"
    appliance.run(f"ip route add blackhole {place}")
    try:
        yield
    finally:
        appliance.run(f"ip route del blackhole {place}")


_EXPIRED = """
import datetime as dt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
read = lambda path: open(path, "rb").read()
shown = x509.load_pem_x509_certificate(read("/etc/cellar/tls/server.pem"))
key = serialization.load_pem_private_key(read("/etc/cellar/ca/ca.key"), None)
now = dt.datetime.now(dt.timezone.utc)
new = (
    x509.CertificateBuilder()
    .subject_name(shown.subject)
    .issuer_name(shown.issuer)
    .public_key(shown.public_key())
    .serial_number(x509.random_serial_number())
    .not_valid_before(now - dt.timedelta(days=9))
    .not_valid_after(now - dt.timedelta(days=1))
)
for each in shown.extensions:
    new = new.add_extension(each.value, each.critical)
pem = new.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
open("/etc/cellar/tls/server.pem", "wb").write(pem)
"""


@contextmanager
def expired(appliance: Machine) -> Iterator[None]:
    """Show a certificate that ended yesterday, and is right otherwise."""
    kept = "/etc/cellar/tls/server.pem.kept"
    appliance.run(f"cp -a /etc/cellar/tls/server.pem {kept}")
    appliance.run("python3 -c %s", _EXPIRED)
    appliance.run("systemctl reload nginx.service")
    try:
        yield
    finally:
        appliance.run(f"mv {kept} /etc/cellar/tls/server.pem && systemctl reload nginx.service")


@contextmanager
def without_rewriter(appliance: Machine) -> Iterator[None]:
    """Stop what makes pages."""
    units = "cellar-rewriter.socket cellar-rewriter.service"
    appliance.run(f"systemctl stop {units}")
    try:
        yield
    finally:
        appliance.run(f"systemctl start {units}")


@contextmanager
def read_only(appliance: Machine) -> Iterator[None]:
    """Make the disk of the cache read-only, as the kernel does with one that fails."""
    appliance.run(f"mount -o remount,ro {CACHE}")
    try:
        yield
    finally:
        appliance.run(f"mount -o remount,rw {CACHE}")


FAULTS = {
    "packets vanish": (black_holed, "takes no connection: no answer within 2 seconds"),
    "certificate expired": (expired, "is not trusted: certificate has expired"),
    "rewriter gone": (without_rewriter, "The appliance says: Cellar: the index rewriter"),
    "disk read-only": (read_only, "Cellar: the engine cannot write to the disk of its cache"),
}


@pytest.mark.parametrize(("fault", "why"), list(FAULTS.values()), ids=list(FAULTS))
def test_jobs_go_directly_within_ten_seconds_and_are_back_within_ten(
    open_host: OpenHost,
    appliance: Machine,
    fault: Callable[[Machine], AbstractContextManager[None]],
    why: str,
) -> None:
    with fault(appliance):
        assert open_host.seconds_until(DIRECT, SOON + ON_TOP) < SOON
        found = open_host.status()
        assert (found["routed"], found["guard"]["well"]) == (False, False)
        assert why in found["why"]
        metrics = open_host.metrics()
        assert metrics["cellar_runner_routed"] == metrics["cellar_runner_appliance_up"] == 0
    assert open_host.seconds_until(APPLIANCE, SOON + ON_TOP) < SOON
    assert open_host.metrics()["cellar_runner_routed"] == 1


def test_a_full_disk_is_no_reason_to_go_elsewhere(
    open_host: OpenHost, appliance: Machine, fakepypi: FakePyPI
) -> None:
    """The appliance stores nothing then, and serves everything, also what it has never seen."""
    appliance.run(f"mount -o remount,size=64m {CACHE}")
    appliance.run(f"cat /dev/zero >{CACHE}/else 2>/dev/null || :")
    try:
        # No disk is full at one blow; the appliance looks every second.
        deadline = time.monotonic() + 10
        while not appliance.box.file(DISK).linked_to.endswith("/full"):
            assert time.monotonic() < deadline, (
                "the appliance has not noticed that there is no space"
            )
            time.sleep(0.2)
        for _ in range(4):
            project = new_name()
            fakepypi.publish(project, "1.0")
            result = open_host.job(f"/simple/{project}/")
            assert (result.way, result.status) == (APPLIANCE, "200"), result
            time.sleep(1)
    finally:
        appliance.run(f"rm {CACHE}/else && mount -o remount,size=6g {CACHE}")


def test_a_job_under_way_ends_well_when_the_appliance_is_killed(
    open_host: OpenHost, appliance: Machine, fakepypi: FakePyPI
) -> None:
    """Pip tries again for longer than the guard takes, and looks the name up each time."""
    project = new_name()
    file = fakepypi.publish(project, "1.0", padding=12_000_000)
    unit = "cellar-test-job"
    open_host.machine.run("rm -rf /tmp/job && mkdir /tmp/job")
    pip = f"/opt/pip/bin/pip download --no-cache-dir --no-deps --dest /tmp/job {project}"
    shell = f"bash -lc '{pip} >/tmp/job/log 2>&1; echo $? >/tmp/job/status'"
    with fakepypi.behaving("files", file.path, shared_rate=3e6):
        open_host.machine.run(f"systemd-run --quiet --collect --unit={unit} {shell}")
        deadline = time.monotonic() + 20
        while not fakepypi.bytes_sent(path=file.path):
            assert time.monotonic() < deadline, open_host.machine.run("cat /tmp/job/log")
            time.sleep(0.1)
        time.sleep(1)
        with killed(appliance):
            assert open_host.seconds_until(DIRECT, SOON + ON_TOP) < SOON
            assert "takes no connection: Connection refused" in open_host.status()["why"]
            deadline = time.monotonic() + 60
            while not open_host.machine.box.file("/tmp/job/status").exists:
                assert time.monotonic() < deadline, open_host.machine.run("cat /tmp/job/log")
                time.sleep(0.5)
    log = open_host.machine.run("cat /tmp/job/log")
    assert open_host.machine.run("cat /tmp/job/status") == "0\n", log
    size = int(open_host.machine.run(f"stat --format=%s /tmp/job/{file.filename}"))
    assert size == file.size


def test_one_that_comes_and_goes_is_left_alone_for_longer(
    open_host: OpenHost, appliance: Machine
) -> None:
    open_host.begin(withdrawals=1)
    with killed(appliance):
        open_host.seconds_until(DIRECT, SOON + ON_TOP)
        assert "jobs come back at" in open_host.machine.run("cellar-runner status")
    back = time.monotonic()
    open_host.assert_stays(DIRECT, 8)
    open_host.seconds_until(APPLIANCE, SOON + ON_TOP)
    assert time.monotonic() - back > SOON


def test_an_operator_takes_jobs_off_the_appliance_and_puts_them_back(open_host: OpenHost) -> None:
    open_host.machine.run("cellar-runner pause")
    open_host.assert_stays(DIRECT, 4)
    assert open_host.metrics()["cellar_runner_paused"] == 1
    open_host.machine.run("cellar-runner resume")
    assert open_host.seconds_until(APPLIANCE, SOON) < SOON


def test_who_stops_the_guard_leaves_no_host_to_an_appliance_that_nobody_watches(
    open_host: OpenHost,
) -> None:
    open_host.machine.run(f"systemctl stop {GUARD}")
    result = open_host.job()
    assert (result.way, result.status) == (DIRECT, "200")
    found = open_host.status()
    assert (found["guard"]["runs"], found["why"]) == (False, "the guard was stopped")
    open_host.machine.run(f"systemctl start {GUARD}")
    # It is started once jobs find what they should.
    assert open_host.job().way == APPLIANCE


def test_a_guard_that_starts_again_takes_nothing_away_and_goes_on(
    open_host: OpenHost, appliance: Machine
) -> None:
    since = open_host.status()["since"]
    for end in ("restart", "kill --signal=KILL"):
        open_host.machine.run(f"systemctl {end} {GUARD}")
        open_host.assert_stays(APPLIANCE, 2)
    assert open_host.status()["since"] == since
    with killed(appliance):
        assert open_host.seconds_until(DIRECT, SOON + ON_TOP) < SOON


def test_a_guard_that_hangs_is_started_again(open_host: OpenHost, appliance: Machine) -> None:
    """By systemd's watchdog, here a quick one."""
    folder = Path(f"/run/systemd/system/{GUARD}.d")
    open_host.machine.run(f"mkdir -p {folder}")
    open_host.machine.run(f"printf '[Service]\\nWatchdogSec=5\\n' >{folder}/test.conf")
    try:
        open_host.machine.run(f"systemctl daemon-reload && systemctl restart {GUARD}")
        open_host.machine.run(f"systemctl kill --signal=STOP {GUARD}")
        with killed(appliance):
            assert open_host.seconds_until(DIRECT, 5 + SOON + ON_TOP) < 5 + SOON
    finally:
        open_host.machine.run(f"rm -r {folder} && systemctl daemon-reload")


def test_a_host_that_starts_without_its_appliance_sends_no_job_to_it(
    open_host: OpenHost, appliance: Machine
) -> None:
    """Its power was cut with the routes in place, and the appliance's too."""
    open_host.machine.run(f"systemctl kill --signal=STOP {GUARD}")
    state = "/var/lib/cellar-runner/state.json"
    open_host.machine.run(f'sed -i \'s/"boot": "[^"]*"/"boot": "another"/\' {state}')
    open_host.machine.run("rm -rf /run/cellar-runner")
    with killed(appliance):
        open_host.machine.run(f"systemctl kill --signal=KILL {GUARD}")
        assert open_host.seconds_until(DIRECT, SOON) < 5
        assert open_host.status()["routed"] is False
