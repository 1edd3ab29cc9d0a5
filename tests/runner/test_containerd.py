"""
The pods of a Kubernetes node, if its operator says so, see the payload and trust the appliance.

containerd is asked for pods by the protocol of kubelet (cri.py). The node is led to the appliance's
index door, since pip alone finds it in a pod; that is what its settings are for.
"""

from __future__ import annotations

import json
import shlex
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

BUNDLE = "/etc/cellar-runner/ca-bundle.pem"
CONFIG = "/etc/containerd/config.toml"
# Written by molecule/runner/prepare.yml; the second sets SSL_CERT_FILE itself.
IMAGE, OWN_IMAGE = "own.example/plain:1", "own.example/own:1"
NODE: dict[str, Any] = {"cellar_runner_mode": "index", "cellar_runner_containerd": True}
# Programs are the host's.
MOUNTS = {"/usr": "/usr", "/opt": "/opt"}


@dataclass(frozen=True)
class Pod:
    """A running pod of one container, and what runc was told about it."""

    host: Machine
    name: str
    container: str
    spec: dict[str, Any]

    def run(self, *command: str) -> Attempt:
        begin = time.monotonic()
        words = f"{self.container} {shlex.join(command)}"
        done = self.host.box.run(f"python3 /srv/tests/runner/cri.py run {words}")
        text = done.stderr + done.stdout
        return Attempt(shlex.join(command), done.rc, text, time.monotonic() - begin)

    def variables(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.run("/usr/bin/env").output.splitlines())


@contextmanager
def pod(
    host: Machine, image: str = IMAGE, *, env: Any = (), mounts: dict[str, str] | None = None
) -> Iterator[Pod]:
    wanted = {"image": image, "env": dict(env), "mounts": {**MOUNTS, **(mounts or {})}}
    started = json.loads(
        host.run("python3 /srv/tests/runner/cri.py start %s", json.dumps(wanted)),
    )
    try:
        yield Pod(host, started["pod"], started["container"], started["spec"])
    finally:
        host.run(f"python3 /srv/tests/runner/cri.py stop {started['pod']}")


@dataclass(frozen=True)
class InPod(Job):
    """A folder of a pod's container."""

    pod: Pod | None = None

    def attempt(self, command: str) -> Attempt:
        assert self.pod is not None
        inside = f"cd {self.folder} && rm -rf home site .venv && mkdir home && "
        inside += f"export HOME={self.folder}/home LANG=C.UTF-8 && timeout 120 sh -c "
        return self.pod.run("/usr/bin/sh", "-c", inside + shlex.quote(command))


def own(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a specification without the names that are new with each pod."""
    text = json.dumps(spec)
    for name in ("sandbox-id", "sandbox-name", "sandbox-uid"):
        value = spec["annotations"].get(f"io.kubernetes.cri.{name}")
        text = text.replace(value, name) if value else text
    found: dict[str, Any] = json.loads(text)
    found["linux"]["cgroupsPath"] = found["linux"]["cgroupsPath"].rpartition("/")[0]
    for space in found["linux"]["namespaces"]:
        space.pop("path", None)  # by the number of a process
    return found


def digest(host: Machine) -> str:
    return host.run(f"sha256sum {CONFIG}").split()[0]


@pytest.fixture(scope="module")
def host() -> Machine:
    (name,) = host_names("docker_runners", INVENTORY)
    return Machine(name, {})


@pytest.fixture(scope="module")
def before(host: Machine) -> Iterator[Pod]:
    """Return a pod from the time when nobody had asked for anything."""
    with pod(host) as found:
        yield found


@pytest.fixture(scope="module")
def node(host: Machine, before: Pod) -> Iterator[Machine]:
    assert before.spec
    done = run_playbook(host.name, **NODE)
    assert done.status == 0, done.output
    yield host
    back = run_playbook(host.name)
    assert back.status == 0, back.output


def test_a_pod_differs_by_payload_and_certificates_alone(node: Machine, before: Pod) -> None:
    with pod(node) as found:
        after = own(found.spec)
        seen = found.run("/usr/bin/head", "-1", BUNDLE)
        variables = found.variables()
    assert seen.status == 0, str(seen)
    assert variables["SSL_CERT_FILE"] == variables["REQUESTS_CA_BUNDLE"] == BUNDLE
    assert not {name for name in variables if "PROXY" in name.upper() or "INDEX" in name}

    mounts = after["mounts"]
    after["mounts"] = [mount for mount in mounts if mount["source"] != "/etc/cellar-runner"]
    assert len(after["mounts"]) == len(mounts) - 2
    env = after["process"]["env"]
    after["process"]["env"] = [item for item in env if BUNDLE not in item]
    assert after == own(before.spec)


def test_pip_in_a_pod_installs_by_the_appliance(
    node: Machine, appliance: Appliance, wanted: Wanted, fakepypi: FakePyPI
) -> None:
    with job_folder(node) as folder, pod(node, mounts={folder: folder}) as found:
        user = User(UNTOLD["pip"], InPod(node, folder, ca=None, pod=found), appliance)
        user.start_project(wanted.project)

        installed = user.install_wanted(wanted)

        # Running pods too follow the guard.
        node.run("cellar-runner pause")
        paused = found.run("/opt/pip/bin/pip", "config", "list")
        node.run("cellar-runner resume")
    assert installed.versions == wanted.versions, str(installed)
    assert askers(fakepypi, wanted) == {"Cellar"}
    assert "global.cert" in paused.output
    assert "index-url" not in paused.output


def test_what_a_pod_or_its_image_says_itself_beats_it(node: Machine) -> None:
    with pod(node, OWN_IMAGE, env={"REQUESTS_CA_BUNDLE": "/pod.pem"}) as found:
        variables = found.variables()
    assert variables["SSL_CERT_FILE"] == "/image.pem"
    assert variables["REQUESTS_CA_BUNDLE"] == "/pod.pem"
    node.run("mkdir -p /srv/pip && touch /srv/pip/own.conf")
    with pod(node, mounts={"/etc/xdg/pip": "/srv/pip"}) as found:
        assert found.run("/usr/bin/ls", "/etc/xdg/pip").output == "own.conf\n"


def test_pods_go_on_when_containerd_is_restarted(node: Machine, before: Pod) -> None:
    restarted = node.run("systemctl show --property ActiveEnterTimestampMonotonic containerd")
    docker = node.run("systemctl show --property ActiveEnterTimestampMonotonic docker")
    assert int(restarted.partition("=")[2]) > int(docker.partition("=")[2])
    assert before.run("/usr/bin/cat", "/proc/1/comm").output == "sleep\n"


def test_a_removal_waits_for_pods_and_leaves_the_node_as_it_was(node: Machine, before: Pod) -> None:
    packaged = json.loads(node.run("cat /srv/before.json"))[CONFIG][-1]
    assert digest(node) != packaged
    with pod(node) as found:
        refused = node.box.run("cellar-runner remove")
        assert refused.rc == 2, refused.stderr
        assert "would miss its certificates" in refused.stderr
        assert found.run("/usr/bin/head", "-1", BUNDLE).status == 0

    # As the playbook does it, which the next one takes up.
    node.run("systemctl stop cellar-runner-guard.service")
    node.run("cellar-runner remove")

    assert digest(node) == packaged
    assert node.run("ls /etc/containerd") == "config.toml\n"
    assert not node.box.file("/etc/cellar-runner").exists
    with pod(node) as found:
        assert own(found.spec) == own(before.spec)
