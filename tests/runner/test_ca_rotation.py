"""No job fails on the day that the appliance's CA becomes another one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from runner.conftest import MODES, run_playbook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from support.deployment import Appliance, Machine

_STOP, _LOG = "/run/cellar-test-stop", "/run/cellar-test-jobs"
_PIP = "/opt/pip/bin/pip install --retries 0 --no-cache-dir --no-deps --target /tmp/jobs demo"
_UV = "UV_HTTP_RETRIES=0 /opt/uv/bin/uv pip install --no-cache --no-deps --target /tmp/jobs demo"
# One job after the other until the file is there, each in a login shell; a line for each.
_JOBS = f"""
while [ ! -e {_STOP} ]; do
    for job in '{_PIP}' '{_UV}'; do
        rm -rf /tmp/jobs
        said=$(env -i HOME=/root sh -lc "$job" 2>&1) && said=ok
        echo $said
    done
    sleep 2
done >>{_LOG}
"""


@contextmanager
def jobs_all_the_time(host: Machine) -> Iterator[None]:
    host.run(f"rm -f {_STOP} {_LOG}")
    host.run("systemd-run --quiet --collect --unit=cellar-test-jobs sh -c %s", _JOBS)
    try:
        yield
    finally:
        host.run(f"touch {_STOP}")
        host.run("sh -c %s", "while systemctl is-active -q cellar-test-jobs; do sleep 0.2; done")


def run(playbook: str, limit: str, **settings: str) -> None:
    play = run_playbook(limit, playbook=playbook, **settings)
    assert play.status == 0, play.output


def test_jobs_go_on_through_all_steps_of_a_rotation(
    hosts: Mapping[str, Machine], appliance: Appliance
) -> None:
    old = appliance.run("cat /etc/cellar/public/ca.pem")
    ci_hosts = "runners:!runner-itself"  # which has a CA of its own
    with jobs_all_the_time(hosts["intercept"]), jobs_all_the_time(hosts["proxy"]):
        run("appliance", appliance.name, cellar_ca_rotation="prepare")
        run("runners", ci_hosts)
        run("appliance", appliance.name, cellar_ca_rotation="switch")
        run("appliance", appliance.name)
        run("runners", ci_hosts)
    new = appliance.run("cat /etc/cellar/public/ca.pem")
    appliance.ca.write_text(new)  # for the tests after this one

    for mode in ("intercept", "proxy"):
        said = hosts[mode].run(f"cat {_LOG}").splitlines()
        assert len(said) > 10, said
        assert [line for line in said if line != "ok"] == [], mode
    assert new.count("BEGIN CERTIFICATE") == old.count("BEGIN CERTIFICATE") == 1
    for mode in MODES:
        bundle = hosts[mode].run("cat /etc/cellar-runner/ca-bundle.pem")
        assert new.strip() in bundle, mode
        assert old.strip() not in bundle, mode
