"""
Docker's command line leads containers and builds of named users to the appliance, and no others.

It can hand on a proxy and no certificates, so that images have to trust the appliance of
themselves; here one is built that does.
"""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from e2e.clients import Attempt, Job, User
from runner.conftest import run_playbook
from runner.containers import job_folder
from runner.open_host import INVENTORY
from runner.test_jobs import UNTOLD, askers
from support.deployment import Machine, host_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.clients import Wanted
    from fakepypi.client import FakePyPI
    from support.deployment import Appliance

PROXY = "http://10.213.92.2:3128"
CONFIG = "/home/ci/.docker/config.json"
# Written by molecule/runner/prepare.yml.
OWN = {
    "auths": {"registry.example": {"auth": "Y2k6aHVzaA=="}},
    "detachKeys": "ctrl-e,e",
}
_CA = "/usr/local/share/ca-certificates/cellar.crt"
_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_TRUSTING = f"""FROM job
COPY ca.pem {_CA}
RUN update-ca-certificates
ENV SSL_CERT_FILE={_BUNDLE} REQUESTS_CA_BUNDLE={_BUNDLE}
"""


def as_user(user: str, command: str) -> str:
    """Return a command for a login shell of a user who has set nothing."""
    if user == "root":
        return f"env -i HOME=/root sh -lc {shlex.quote(command)}"
    return f"runuser -u {user} -- env -i HOME=/home/{user} sh -lc {shlex.quote(command)}"


@dataclass(frozen=True)
class InDocker(Job):
    """A folder that containers see, and containers of an image that trusts the appliance."""

    def attempt(self, command: str) -> Attempt:
        inside = "rm -rf home site .venv .pdm-python && mkdir home && "
        inside += f"timeout 120 sh -c {shlex.quote(command)}"
        docker = (
            f"docker run --rm --volume {self.folder}:{self.folder} --workdir {self.folder} "
            f"--env HOME={self.folder}/home --env LANG=C.UTF-8 trusting sh -c {shlex.quote(inside)}"
        )
        begin = time.monotonic()
        done = self.runner.box.run("sh -c %s", as_user("ci", docker))
        return Attempt(command, done.rc, done.stderr + done.stdout, time.monotonic() - begin)


@pytest.fixture(scope="module")
def host() -> Machine:
    (name,) = host_names("docker_runners", INVENTORY)
    return Machine(name, {})


@pytest.fixture(scope="module")
def trusting(host: Machine, appliance: Appliance) -> None:
    """Build an image whose programs trust the appliance."""
    host.run("mkdir -p /tmp/trusting")
    host.run("printf %s %s >/tmp/trusting/ca.pem", "%s", appliance.ca.read_text())
    host.run("printf %s %s >/tmp/trusting/Dockerfile", "%s", _TRUSTING)
    host.run("docker build --quiet --tag trusting /tmp/trusting")


@pytest.fixture
def folder(host: Machine) -> Iterator[str]:
    with job_folder(host) as path:
        yield path


def environment(host: Machine, user: str) -> set[str]:
    """Return the variables of a new container of a user's."""
    return set(host.run("sh -c %s", as_user(user, "docker run --rm job env")).splitlines())


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize("way", ["pip", "uv sync --frozen", "Poetry"])
def test_a_named_users_container_installs_by_the_appliance(
    host: Machine, folder: str, appliance: Appliance, wanted: Wanted, fakepypi: FakePyPI, way: str
) -> None:
    user = User(UNTOLD[way], InDocker(host, folder, ca=None), appliance)
    user.start_project(wanted.project)

    installed = user.install_wanted(wanted)

    assert installed.versions == wanted.versions, str(installed)
    assert askers(fakepypi, wanted) == {"Cellar"}


def test_others_containers_are_led_nowhere(host: Machine) -> None:
    assert f"HTTPS_PROXY={PROXY}" in environment(host, "ci")
    assert not {name for name in environment(host, "root") if "PROXY" in name.upper()}


@pytest.mark.parametrize("builder", ["the classic builder", "BuildKit"])
def test_a_named_users_builds_have_the_proxy_and_their_images_keep_nothing_of_it(
    host: Machine, folder: str, builder: str
) -> None:
    host.run(f"printf %s %s >{folder}/Dockerfile", "%s", "FROM job\nRUN env\n")
    build = f"docker build --no-cache --tag built {folder}"
    if builder == "BuildKit":
        build = f"DOCKER_BUILDKIT=1 {build} --progress plain 2>&1"

    built = host.run("sh -c %s", as_user("ci", build))

    assert ("transferring dockerfile" in built) == (builder == "BuildKit"), built
    assert f"HTTPS_PROXY={PROXY}" in built
    for command in ("docker history --no-trunc built", "docker inspect built"):
        assert "10.213.92.2" not in host.run(command)
    host.run("docker rmi built")


def test_no_container_is_led_to_an_appliance_while_the_guard_leads_past_it(host: Machine) -> None:
    host.run("cellar-runner pause")
    try:
        found = environment(host, "ci")
        assert json.loads(host.run(f"cat {CONFIG}")) == OWN
    finally:
        host.run("cellar-runner resume")
    assert not {name for name in found if "PROXY" in name.upper()}
    end = time.monotonic() + 10
    while f"HTTPS_PROXY={PROXY}" not in environment(host, "ci"):
        assert time.monotonic() < end, "containers have not come back to the appliance"


def test_a_removal_leaves_the_users_settings_as_they_were(host: Machine) -> None:
    before = json.loads(host.run("cat /srv/before.json"))[CONFIG]

    removed = run_playbook(host.name, cellar_runner_state="absent")
    sum_, _ = host.run(f"sha256sum {CONFIG}").split()
    back = run_playbook(host.name)

    assert removed.status == back.status == 0, removed.output + back.output
    assert before == ["file", 0o600, 1000, 1000, sum_]
