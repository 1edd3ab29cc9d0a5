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

from fakepypi.client import FakePyPI
from runner.open_host import (
    APPLIANCE,
    DIRECT,
    GUARD,
    JobResult,
    OpenHost,
    address_of,
    what_explains,
)
from support.deployment import FAKEPYPI_CONTROL_PORT, Machine, read_variables
from support.rendering import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

INVENTORY = ROOT / "molecule/inventory/runner.yml"
HOST, GATE, UPSTREAM = "runner-open", "appliance-runner", "fakepypi-runner"

# What is promised, in seconds.
SOON = 10.0
# The start of a job, and what it takes on a busy machine, come on top.
ON_TOP = 3.0
CACHE = "/var/cache/cellar"


@pytest.fixture(scope="module")
def gate() -> Machine:
    """Return the appliance."""
    inside, outside = (address_of(INVENTORY, GATE, each) for each in ("inside", "outside"))
    return Machine(GATE, {"inside": inside, "outside": outside})


@pytest.fixture(scope="module")
def pypi() -> Iterator[FakePyPI]:
    address = address_of(INVENTORY, UPSTREAM, "outside")
    client = FakePyPI(f"http://{address}:{FAKEPYPI_CONTROL_PORT}")
    yield client
    client.close()


@pytest.fixture(scope="module")
def host(gate: Machine, pypi: FakePyPI) -> OpenHost:
    """Return the CI host, whose DNS and public authorities know PyPI."""
    address = address_of(INVENTORY, UPSTREAM, "outside")
    defaults = read_variables(INVENTORY)[HOST]["settings_defaults"]
    names = [defaults["cellar_pypi_index_host"], defaults["cellar_pypi_files_host"]]
    addresses = {APPLIANCE: gate.addresses["inside"], DIRECT: address}
    found = OpenHost(Machine(HOST, {}), names[0], addresses)
    found.resolve(dict.fromkeys(names, address))
    found.trust(pypi.ca_pem)
    return found


@pytest.fixture
def evidence(host: OpenHost, gate: Machine) -> Callable[[], dict[str, str]]:
    """Return what is printed with a failure."""
    return lambda: what_explains(host.machine, gate)


@pytest.fixture(autouse=True)
def _calm(host: OpenHost, evidence: object) -> None:  # noqa: ARG001 # for its failures too
    """Begin with an appliance that is well, and a guard that has seen nothing else."""
    host.begin()
    assert host.job() == JobResult(APPLIANCE, "200")


def new_name() -> str:
    """Return the name of a project that nobody has heard of."""
    return f"t{uuid.uuid4().hex[:12]}"


# What can become of an appliance.


@contextmanager
def killed(gate: Machine) -> Iterator[None]:
    """Kill the engine; nothing starts it again."""
    gate.run("systemctl mask --runtime --quiet nginx.service")
    gate.run("systemctl kill --signal=KILL nginx.service")
    gate.run("systemctl stop nginx.service")
    try:
        yield
    finally:
        gate.run("systemctl unmask --runtime --quiet nginx.service")
        gate.run("systemctl start nginx.service")


@contextmanager
def black_holed(gate: Machine) -> Iterator[None]:
    """Let all packets to the CI host vanish."""
    place = f"{address_of(INVENTORY, HOST, 'inside')}/32"
    gate.run(f"ip route add blackhole {place}")
    try:
        yield
    finally:
        gate.run(f"ip route del blackhole {place}")


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
def expired(gate: Machine) -> Iterator[None]:
    """Show a certificate that ended yesterday, and is right otherwise."""
    kept = "/etc/cellar/tls/server.pem.kept"
    gate.run(f"cp -a /etc/cellar/tls/server.pem {kept}")
    gate.run("python3 -c %s", _EXPIRED)
    gate.run("systemctl reload nginx.service")
    try:
        yield
    finally:
        gate.run(f"mv {kept} /etc/cellar/tls/server.pem && systemctl reload nginx.service")


@contextmanager
def without_rewriter(gate: Machine) -> Iterator[None]:
    """Stop what makes pages."""
    units = "cellar-rewriter.socket cellar-rewriter.service"
    gate.run(f"systemctl stop {units}")
    try:
        yield
    finally:
        gate.run(f"systemctl start {units}")


@contextmanager
def read_only(gate: Machine) -> Iterator[None]:
    """Make the disk of the cache read-only, as the kernel does with one that fails."""
    gate.run(f"mount -o remount,ro {CACHE}")
    try:
        yield
    finally:
        gate.run(f"mount -o remount,rw {CACHE}")


FAULTS = {
    "packets vanish": (black_holed, "takes no connection: no answer within 2 seconds"),
    "certificate expired": (expired, "is not trusted: certificate has expired"),
    "rewriter gone": (without_rewriter, "The appliance says: Cellar: the index rewriter"),
    "disk read-only": (read_only, "Cellar: the engine cannot write to the disk of its cache"),
}


@pytest.mark.parametrize(("fault", "why"), list(FAULTS.values()), ids=list(FAULTS))
def test_jobs_go_directly_within_ten_seconds_and_are_back_within_ten(
    host: OpenHost,
    gate: Machine,
    fault: Callable[[Machine], AbstractContextManager[None]],
    why: str,
) -> None:
    with fault(gate):
        assert host.seconds_until(DIRECT, SOON + ON_TOP) < SOON
        found = host.status()
        assert (found["routed"], found["guard"]["well"]) == (False, False)
        assert why in found["why"]
        metrics = host.metrics()
        assert metrics["cellar_runner_routed"] == metrics["cellar_runner_appliance_up"] == 0
    assert host.seconds_until(APPLIANCE, SOON + ON_TOP) < SOON
    assert host.metrics()["cellar_runner_routed"] == 1


def test_a_full_disk_is_no_reason_to_go_elsewhere(
    host: OpenHost, gate: Machine, pypi: FakePyPI
) -> None:
    """The appliance stores nothing then, and serves everything, also what it has never seen."""
    gate.run(f"mount -o remount,size=64m {CACHE}")
    gate.run(f"cat /dev/zero >{CACHE}/else 2>/dev/null || :")
    try:
        for _ in range(4):
            project = new_name()
            pypi.publish(project, "1.0")
            result = host.job(f"/simple/{project}/")
            assert (result.way, result.status) == (APPLIANCE, "200"), result
            time.sleep(1)
    finally:
        gate.run(f"rm {CACHE}/else && mount -o remount,size=6g {CACHE}")


def test_a_job_under_way_ends_well_when_the_appliance_is_killed(
    host: OpenHost, gate: Machine, pypi: FakePyPI
) -> None:
    """Pip tries again for longer than the guard takes, and looks the name up each time."""
    project = new_name()
    file = pypi.publish(project, "1.0", padding=12_000_000)
    unit = "cellar-test-job"
    host.machine.run("rm -rf /tmp/job && mkdir /tmp/job")
    pip = f"/opt/pip/bin/pip download --no-cache-dir --no-deps --dest /tmp/job {project}"
    shell = f"bash -lc '{pip} >/tmp/job/log 2>&1; echo $? >/tmp/job/status'"
    with pypi.behaving("files", file.path, shared_rate=3e6):
        host.machine.run(f"systemd-run --quiet --collect --unit={unit} {shell}")
        deadline = time.monotonic() + 20
        while not pypi.bytes_sent(path=file.path):
            assert time.monotonic() < deadline, host.machine.run("cat /tmp/job/log")
            time.sleep(0.1)
        time.sleep(1)
        with killed(gate):
            assert host.seconds_until(DIRECT, SOON + ON_TOP) < SOON
            assert "takes no connection: Connection refused" in host.status()["why"]
            deadline = time.monotonic() + 60
            while not host.machine.box.file("/tmp/job/status").exists:
                assert time.monotonic() < deadline, host.machine.run("cat /tmp/job/log")
                time.sleep(0.5)
    log = host.machine.run("cat /tmp/job/log")
    assert host.machine.run("cat /tmp/job/status") == "0\n", log
    size = int(host.machine.run(f"stat --format=%s /tmp/job/{file.filename}"))
    assert size == file.size


def test_one_that_comes_and_goes_is_left_alone_for_longer(host: OpenHost, gate: Machine) -> None:
    host.begin(withdrawals=1)
    with killed(gate):
        host.seconds_until(DIRECT, SOON + ON_TOP)
        assert "jobs come back at" in host.machine.run("cellar-runner status")
    back = time.monotonic()
    host.assert_stays(DIRECT, 8)
    host.seconds_until(APPLIANCE, SOON + ON_TOP)
    assert time.monotonic() - back > SOON


def test_an_operator_takes_jobs_off_the_appliance_and_puts_them_back(host: OpenHost) -> None:
    host.machine.run("cellar-runner pause")
    host.assert_stays(DIRECT, 4)
    assert host.metrics()["cellar_runner_paused"] == 1
    host.machine.run("cellar-runner resume")
    assert host.seconds_until(APPLIANCE, SOON) < SOON


def test_who_stops_the_guard_leaves_no_host_to_an_appliance_that_nobody_watches(
    host: OpenHost,
) -> None:
    host.machine.run(f"systemctl stop {GUARD}")
    result = host.job()
    assert (result.way, result.status) == (DIRECT, "200")
    found = host.status()
    assert (found["guard"]["runs"], found["why"]) == (False, "the guard was stopped")
    host.machine.run(f"systemctl start {GUARD}")
    # It is started once jobs find what they should.
    assert host.job().way == APPLIANCE


def test_a_guard_that_starts_again_takes_nothing_away_and_goes_on(
    host: OpenHost, gate: Machine
) -> None:
    since = host.status()["since"]
    for end in ("restart", "kill --signal=KILL"):
        host.machine.run(f"systemctl {end} {GUARD}")
        host.assert_stays(APPLIANCE, 2)
    assert host.status()["since"] == since
    with killed(gate):
        assert host.seconds_until(DIRECT, SOON + ON_TOP) < SOON


def test_a_guard_that_hangs_is_started_again(host: OpenHost, gate: Machine) -> None:
    """By systemd's watchdog, here a quick one."""
    folder = Path(f"/run/systemd/system/{GUARD}.d")
    host.machine.run(f"mkdir -p {folder}")
    host.machine.run(f"printf '[Service]\\nWatchdogSec=5\\n' >{folder}/test.conf")
    try:
        host.machine.run(f"systemctl daemon-reload && systemctl restart {GUARD}")
        host.machine.run(f"systemctl kill --signal=STOP {GUARD}")
        with killed(gate):
            assert host.seconds_until(DIRECT, 5 + SOON + ON_TOP) < 5 + SOON
    finally:
        host.machine.run(f"rm -r {folder} && systemctl daemon-reload")


def test_a_host_that_starts_without_its_appliance_sends_no_job_to_it(
    host: OpenHost, gate: Machine
) -> None:
    """Its power was cut with the routes in place, and the appliance's too."""
    host.machine.run(f"systemctl kill --signal=STOP {GUARD}")
    state = "/var/lib/cellar-runner/state.json"
    host.machine.run(f'sed -i \'s/"boot": "[^"]*"/"boot": "another"/\' {state}')
    host.machine.run("rm -rf /run/cellar-runner")
    with killed(gate):
        host.machine.run(f"systemctl kill --signal=KILL {GUARD}")
        assert host.seconds_until(DIRECT, SOON) < 5
        assert host.status()["routed"] is False
