"""systemd understands every line of the units, and their sandboxes are as tight as promised."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.rendering import render, templates

UNITS = {
    template.removesuffix(".j2"): role
    for role, template in templates()
    if template.endswith((".service.j2", ".socket.j2", ".timer.j2", ".path.j2"))
}

# What the units run, and who puts it there.
PROGRAMS = {
    "nginx.service": {
        "/bin/kill",  # procps
        "/usr/bin/find",  # findutils
        "/usr/bin/install",  # coreutils
        "/usr/sbin/nginx",
    },
    "cellar-rewriter.service": {
        "/opt/cellar/0123456789ab/bin/cellar",
        "/bin/kill",
    },  # role rewriter
    "cellar-certificate.service": {"/usr/local/sbin/cellar-renew-certificate"},  # role certificates
    "cellar-resolver.service": {"/usr/local/bin/cellar"},  # role rewriter
    "cellar-upstreams.service": {"/usr/bin/systemctl"},
    "cellar-verifier.service": {"/usr/local/bin/cellar"},  # role rewriter
    "cellar-traffic.service": {"/usr/local/bin/cellar"},  # role rewriter
    "cellar-metrics.service": {"/usr/local/bin/cellar"},  # role rewriter
    "cellar-loopback@.service": {"/bin/ip"},  # iproute2
    "cellar-runner-guard.service": {"/usr/local/bin/cellar-runner"},  # role runner
    "cellar-runner-refresh.service": {"/usr/local/bin/cellar-runner"},  # likewise
    "squid.service": {"/usr/sbin/squid", "/bin/kill"},  # squid, procps
}

# The greatest exposure, in tenths, of 100 for a service without any sandbox. The one that renews
# the certificate is root's, has no network, and writes only the certificate's folder. The guard of
# a CI host is root's too, has the network, and writes files wherever agents have theirs.
EXPOSURE = {
    "nginx.service": 20,
    "cellar-rewriter.service": 15,
    "cellar-certificate.service": 40,
    "cellar-resolver.service": 15,
    "cellar-upstreams.service": 40,
    "cellar-verifier.service": 15,
    "cellar-traffic.service": 15,
    "cellar-metrics.service": 15,
    "cellar-loopback@.service": 40,
    "cellar-runner-guard.service": 30,
    "cellar-runner-refresh.service": 25,
    "squid.service": 15,
}


@pytest.fixture(scope="session")
def systemd_analyze() -> str:
    program = shutil.which("systemd-analyze")
    assert program, "These tests need systemd-analyze: run `apt-get install systemd`."
    return program


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Return a folder with all units, whose programs are stand-ins: systemd wants to see them."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for unit, role in UNITS.items():
        text = render(role, f"{unit}.j2")
        for path in _programs(text):
            stand_in = programs / Path(path).name
            stand_in.write_text("#!/bin/sh\n")
            stand_in.chmod(0o755)
            text = re.sub(rf"(?m)^(Exec\w+=){path}(?= |$)", rf"\1{stand_in}", text)
        (tmp_path / unit).write_text(text)
    return tmp_path


WITH_CREDENTIALS = {
    "cellar_indexes": [
        {"name": name, "url": f"https://{name}.example/", "username": "ci", "password": "x"}
        for name in ("acme", "beta-2")
    ]
    + [{"name": "open", "url": "https://open.example/"}],
}


@pytest.mark.parametrize("role", ["rewriter", "metrics"])
def test_who_asks_indexes_gets_the_credentials_of_each_that_has_some(
    systemd_analyze: str, units: Path, role: str
) -> None:
    unit = units / f"cellar-{role}.service"
    text = render(role, f"{unit.name}.j2", **WITH_CREDENTIALS)
    lines = [line for line in text.splitlines() if line not in unit.read_text().splitlines()]
    added = [line for line in lines if not line.startswith("Exec")]

    assert added == [
        "LoadCredential=acme:/etc/cellar/credentials/acme",
        "LoadCredential=beta-2:/etc/cellar/credentials/beta-2",
    ]
    unit.write_text(unit.read_text().replace("[Service]\n", "\n".join(["[Service]", *added, ""])))
    assert _verify(systemd_analyze, units) == ""
    within, words = _exposure(systemd_analyze, unit, EXPOSURE[unit.name])
    assert within, words


@pytest.mark.parametrize(("workers", "limit"), [(1, "1024M"), (2, "1024M"), (8, "4096M")])
def test_a_fault_of_the_rewriter_ends_one_worker_and_not_the_machine(
    workers: int, limit: str
) -> None:
    text = render("rewriter", "cellar-rewriter.service.j2", cellar_rewriter_workers=workers)

    assert re.findall(r"(?m)^(MemoryMax|OOMPolicy)=(.*)$", text) == [
        ("MemoryMax", limit),
        ("OOMPolicy", "continue"),
    ]


def _programs(unit: str) -> set[str]:
    return set(re.findall(r"(?m)^Exec\w+=(\S+)", unit))


def _verify(systemd_analyze: str, units: Path) -> str:
    """Return what systemd says of the units; its exit code is 0 for much that it ignores."""
    paths = [units / unit for unit in UNITS]
    # Only these and the system's own: what else is installed on this machine may have faults too.
    environment = {"SYSTEMD_UNIT_PATH": f"{units}:/usr/lib/systemd/system", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [systemd_analyze, "verify", "--man=no", *paths],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stderr + done.stdout


def test_systemd_understands_every_line_of_the_units(systemd_analyze: str, units: Path) -> None:
    assert set(UNITS) >= {"nginx.service", "cellar-rewriter.socket", "cellar-certificate.timer"}

    assert _verify(systemd_analyze, units) == ""


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("ProtectSystme=strict", "ProtectSystme"),
        ("PrivateTmp=perhaps", "Failed to parse boolean value, ignoring: perhaps"),
    ],
)
def test_the_check_sees_a_mistyped_line(
    systemd_analyze: str, units: Path, line: str, complaint: str
) -> None:
    unit = units / "nginx.service"
    unit.write_text(unit.read_text().replace("[Service]\n", f"[Service]\n{line}\n"))

    assert complaint in _verify(systemd_analyze, units)


def test_units_run_the_programs_that_are_there() -> None:
    found = {unit: _programs(render(role, f"{unit}.j2")) for unit, role in UNITS.items()}

    assert {unit: programs for unit, programs in found.items() if programs} == PROGRAMS


def _exposure(systemd_analyze: str, unit: Path, threshold: int) -> tuple[bool, str]:
    """Return whether a unit is within the threshold, and the words of systemd on it."""
    done = subprocess.run(
        [systemd_analyze, "security", "--offline=true", f"--threshold={threshold}", unit],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Overall exposure level" in done.stdout, done.stderr
    return done.returncode == 0, done.stdout


def test_every_service_has_a_limit_of_exposure() -> None:
    assert {unit for unit in UNITS if unit.endswith(".service")} == set(EXPOSURE)


@pytest.mark.parametrize(("service", "limit"), EXPOSURE.items())
def test_a_service_is_sandboxed(
    systemd_analyze: str, units: Path, service: str, limit: int
) -> None:
    within, words = _exposure(systemd_analyze, units / service, limit)

    assert within, words


def test_the_measure_sees_a_service_without_a_sandbox(systemd_analyze: str, units: Path) -> None:
    service = units / "nginx.service"
    bare = re.sub(r"(?m)^(?!Exec|Type|\[).*\n", "", service.read_text())
    service.write_text(bare)

    within, words = _exposure(systemd_analyze, service, max(EXPOSURE.values()))

    assert not within, words


def test_a_socket_that_a_crash_left_does_not_keep_nginx_from_its_start() -> None:
    """nginx binds no socket that is there already; systemd removes the folder at each end."""
    unit = render("nginx", "nginx.service.j2").splitlines()
    configuration = render("nginx", "nginx.conf.j2")

    (folder,) = (line.partition("=")[2] for line in unit if line.startswith("RuntimeDirectory="))
    sockets = set(re.findall(r"(?m)^ *listen unix:(\S+?);?(?: |$)", configuration))
    assert {Path(socket).relative_to(f"/run/{folder}").name for socket in sockets} == {
        "internal.sock",
        "slices.sock",
    }
    assert [line for line in unit if line.startswith("RuntimeDirectoryPreserve")] == []
