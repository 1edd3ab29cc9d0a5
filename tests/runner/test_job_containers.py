"""Containers of an image without any preparation have the cache, whoever starts them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from e2e.clients import User
from runner.containers import USERS, InContainer, job_folder, seen
from runner.test_jobs import UNTOLD, askers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.clients import Wanted
    from fakepypi.client import FakePyPI
    from support.deployment import Appliance, Machine

# One test leads all jobs of the host past the appliance.
pytestmark = pytest.mark.usefixtures("appliance")

BUNDLE = "/etc/cellar-runner/ca-bundle.pem"
CLIENTS = [
    *("pip", "pip, pylock.toml", "uv sync --frozen", "uv sync --locked", "Poetry"),
    *("PDM, static URLs", "pipenv", "pip-tools", "hatch", "tox", "pip 22", "uv 0.4"),
]
JOBS = [("root", way) for way in CLIENTS] + [
    ("ci", way) for way in ("pip", "uv sync --frozen", "Poetry")
]


@pytest.fixture
def folder(container_host: Machine) -> Iterator[str]:
    with job_folder(container_host) as path:
        yield path


@pytest.mark.parametrize(("starter", "way"), JOBS)
def test_a_job_container_installs_and_its_lock_file_stays(
    container_host: Machine,
    folder: str,
    appliance: Appliance,
    wanted: Wanted,
    fakepypi: FakePyPI,
    starter: str,
    way: str,
) -> None:
    job = InContainer(container_host, folder, ca=None, user=starter)
    user = User(UNTOLD[way], job, appliance)
    user.start_project(wanted.project)
    lock = UNTOLD[way].lock
    before = job.read(lock) if lock else ""

    installed = user.install_wanted(wanted)

    assert installed.versions == wanted.versions, str(installed)
    assert (job.read(lock) if lock else "") == before
    assert "10.213.92" not in before
    assert appliance.server_name not in before
    assert askers(fakepypi, wanted) == {"Cellar"}


@pytest.mark.parametrize("starter", USERS)
def test_certificates_and_proxy_are_in_a_container_together(
    container_host: Machine, starter: str
) -> None:
    shown = seen(container_host, starter, f'echo "$SSL_CERT_FILE $HTTPS_PROXY"; wc -l <{BUNDLE}')

    variables, lines = shown.splitlines()
    assert variables == f"{BUNDLE} http://10.213.92.2:3128"
    assert int(lines) > 1000


def test_a_job_cannot_change_what_other_jobs_trust(container_host: Machine) -> None:
    before = container_host.run(f"cat {BUNDLE}")

    seen(container_host, "root", f"echo mine >{BUNDLE}; echo mine >/etc/cellar-runner/pip.conf; :")

    assert container_host.run(f"cat {BUNDLE}") == before
    assert "mine" not in container_host.run("cat /etc/cellar-runner/*")


@pytest.mark.parametrize("starter", USERS)
def test_containers_get_no_proxy_while_the_guard_leads_past_the_appliance(
    container_host: Machine, starter: str
) -> None:
    container_host.run("cellar-runner pause")
    try:
        shown = seen(container_host, starter, 'env; cat "$SSL_CERT_FILE" /etc/xdg/pip/pip.conf')
    finally:
        container_host.run("cellar-runner resume")
    assert "10.213.92.2" not in shown
    assert f"SSL_CERT_FILE={BUNDLE}" in shown
    assert "index-url" not in shown
    end = time.monotonic() + 10
    while "HTTPS_PROXY=http://10.213.92.2:3128" not in seen(container_host, starter, "env"):
        assert time.monotonic() < end, "containers have not come back to the appliance"


def test_a_container_that_an_operator_keeps_out_has_no_proxy(container_host: Machine) -> None:
    shown = container_host.run("podman run --rm --env HTTPS_PROXY= localhost/job env")

    assert "HTTPS_PROXY=\n" in shown
