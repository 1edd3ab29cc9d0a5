"""An appliance as the playbook leaves it: what is there, who may do what, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support.fixtures import expectations

if TYPE_CHECKING:
    from support.deployment import Appliance

EXPECTED = expectations("appliance")
FILES = EXPECTED["configuration"] | EXPECTED["others"]
STARTED_BY_OTHERS = [
    f"cellar-{name}.service"
    for name in ("certificate", "metrics", "resolver", "traffic", "upstreams", "verifier")
]


@pytest.mark.parametrize("unit", EXPECTED["units"])
def test_a_unit_runs_now_and_after_a_reboot(appliance: Appliance, unit: str) -> None:
    state = appliance.run("systemctl show --value --property=ActiveState,UnitFileState %s", unit)
    assert state.split() == ["active", "enabled"]


def test_no_unit_of_ours_has_failed_and_none_is_unknown(appliance: Appliance) -> None:
    loaded = appliance.run(
        "systemctl list-units --all --plain --no-legend 'cellar*' 'nginx*' 'squid*'"
    )
    units = {line.split()[0]: line.split()[2] for line in loaded.splitlines()}
    assert "failed" not in units.values(), loaded
    assert units.keys() == {*EXPECTED["units"], *STARTED_BY_OTHERS}


@pytest.mark.parametrize("unit", EXPECTED["exposure"])
def test_a_service_is_sandboxed(appliance: Appliance, unit: str) -> None:
    """A hole in a parser must not open the machine."""
    report = appliance.run("systemd-analyze security --no-pager %s", unit)
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", report)
    assert exposure is not None, report
    assert float(exposure[1]) <= EXPECTED["exposure"][unit], report


@pytest.mark.parametrize("process", ["nginx", "cellar", "squid"])
def test_no_process_that_reads_from_the_network_is_root(appliance: Appliance, process: str) -> None:
    listed = appliance.run("ps -eo user:32=,comm= --no-headers")
    users = {user for user, name in map(str.split, listed.splitlines()) if name == process}
    assert users, listed
    assert "root" not in users, listed


@pytest.mark.parametrize("path", FILES)
def test_a_file_belongs_to_whom_it_should(appliance: Appliance, path: str) -> None:
    owner, group, mode = appliance.run("stat --format '%%U %%G 0%%a' %s", path).split()
    assert [owner, group, mode] == FILES[path]


def test_nothing_else_is_in_the_configuration_folder(appliance: Appliance) -> None:
    """Keys that nobody knows of are keys that nobody looks after."""
    found = appliance.run("find /etc/cellar").split()
    assert sorted(found) == sorted(EXPECTED["configuration"])


def test_the_ports_are_the_doors_and_no_other(appliance: Appliance) -> None:
    listed = appliance.run("ss -H --listening --tcp --udp --numeric --processes")
    # squid asks DNS from sockets of its own, by UDP.
    doors = [x for x in listed.splitlines() if not (x.startswith("udp") and '"squid"' in x)]
    addresses = {line.split()[4] for line in doors}
    assert addresses == set(EXPECTED["listening"]), listed


def test_one_release_is_installed_and_it_is_the_one_that_runs(appliance: Appliance) -> None:
    (release,) = appliance.run("ls -A /opt/cellar").split()
    executable = appliance.run("readlink -f /usr/local/bin/cellar").strip()
    assert executable == f"/opt/cellar/{release}/bin/cellar"
    running = appliance.run("systemctl show --value --property=ExecStart cellar-rewriter.service")
    assert f"/opt/cellar/{release}/bin/cellar rewriter" in running
    pid = appliance.run("systemctl show --value --property=MainPID cellar-rewriter.service")
    assert f"/opt/cellar/{release}/" in appliance.run(f"tr '\\0' ' ' < /proc/{pid.strip()}/cmdline")


def test_the_engine_reads_our_configuration_only(appliance: Appliance) -> None:
    """Debian's default site would answer under any name."""
    shown = appliance.box.run("nginx -T -q -e /dev/null -g 'pid /dev/null;'")
    files = re.findall(r"^# configuration file (.+):$", shown.stdout, re.MULTILINE)
    addresses = [
        f"/var/lib/cellar/upstreams/pypi_{host}_host.servers" for host in ("index", "files")
    ]
    assert files == ["/etc/nginx/nginx.conf", *addresses], shown.stderr


def test_the_playbook_leaves_no_litter(appliance: Appliance) -> None:
    left = appliance.run("find /tmp /var/tmp /root/.ansible/tmp -mindepth 1 -maxdepth 1")
    ours = [
        path for path in left.split() if not re.search(r"/(systemd-private-|\.[\w-]+-unix)", path)
    ]
    assert ours == []


def test_the_python_side_is_installed_again_without_any_network(appliance: Appliance) -> None:
    """Promise 13: an appliance that needs an index to be born cannot replace the index."""
    appliance.run("rm -rf /run/reinstall && mkdir /run/reinstall")
    try:
        offline = "unshare --net env -i PATH=/usr/bin:/bin HOME=/run/reinstall"
        appliance.run(f"{offline} python3 -m venv /run/reinstall/venv")
        appliance.run(
            f"{offline} /run/reinstall/venv/bin/pip install --quiet --isolated --no-cache-dir "
            "--disable-pip-version-check --no-index --find-links /opt/cellar/*/wheels cellar"
        )
        here = appliance.run("cellar --version")
        assert appliance.run("/run/reinstall/venv/bin/cellar --version") == here
    finally:
        appliance.run("rm -rf /run/reinstall")


def test_no_index_is_configured_on_the_appliance(appliance: Appliance) -> None:
    """It must not cache through itself, and needs none."""
    found = appliance.box.run("ls /etc/pip.conf /etc/xdg/pip/pip.conf /root/.config/pip /root/.pip")
    assert found.stdout == ""
    assert "index" not in appliance.run("env").lower()
