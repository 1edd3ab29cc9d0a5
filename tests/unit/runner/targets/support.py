"""A plan, its host, and the files of engines and CI systems that others have filled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cellar_runner.converging import Part, converge
from cellar_runner.journal import Store
from cellar_runner.plan import Mode, Plan
from unit.runner.trees import snapshot, write

if TYPE_CHECKING:
    from cellar_runner.converging import Outcome
    from cellar_runner.host import Host
    from cellar_runner.targets.target import Target

BUNDLE = "/etc/cellar-runner/ca-bundle.pem"
TRUST = {"SSL_CERT_FILE": BUNDLE, "REQUESTS_CA_BUNDLE": BUNDLE}
PROXY = {
    "HTTPS_PROXY": "http://192.0.2.10:3128",
    "https_proxy": "http://192.0.2.10:3128",
    "NO_PROXY": "localhost,127.0.0.1",
    "no_proxy": "localhost,127.0.0.1",
}
PLAN = Plan(
    mode=Mode.PROXY,
    routed=True,
    address="192.0.2.10",
    names=("index.example", "files.example"),
    index_url="https://cellar.example/simple/",
    proxy_url="http://192.0.2.10:3128",
    no_proxy=("localhost", "127.0.0.1"),
    trust=TRUST,
    route=PROXY,
)
WITHDRAWN = replace(PLAN, routed=False, route={})
INTERCEPT = replace(PLAN, mode=Mode.INTERCEPT, route={})


def apply(host: Host, target: Target, plan: Plan) -> Outcome:
    store = Store(host.path("/var/lib/cellar-runner"))
    part = Part(target.name, target.edits(host, plan), target.reload(host))
    return converge(store, (part,), lambda _: "")


def remove(host: Host) -> None:
    converge(Store(host.path("/var/lib/cellar-runner")), (), lambda _: "")


def files_of(host: Host) -> object:
    """Return all files, folders and modes but our own state."""
    found = snapshot(host.root)
    return {path: what for path, what in found.items() if "var/lib/cellar-runner" not in path}


def text(host: Host, path: str) -> str:
    return host.path(path).read_text()


GITLAB_CONFIG = """\
concurrent = 4
check_interval = 0
shutdown_timeout = 0

[session_server]
  session_timeout = 1800

[[runners]]
  name = "docker on this host"
  url = "https://gitlab.corp.example/"
  id = 11
  token = "glrt-one"
  executor = "docker"
  environment = ["DOCKER_DRIVER=overlay2"] # since 2023
  [runners.cache]
    MaxUploadedArchiveSize = 0
  [runners.docker]
    tls_verify = false
    image = "python:3.12"
    privileged = false
    volumes = ["/cache"]
    shm_size = 0

[[runners]]
  name = "shell"
  url = "https://gitlab.corp.example/"
  token = "glrt-two"
  executor = "shell"
  [runners.cache]
    MaxUploadedArchiveSize = 0

# Its own proxy.
[[runners]]
  name = "behind a proxy"
  token = "glrt-three"
  executor = "docker"
  environment = ["HTTPS_PROXY=http://proxy.corp.example:8080"]
  [runners.docker]
    image = "alpine"
    volumes = ["/cache"]

[[runners]]
  name = "in a cluster"
  token = "glrt-four"
  executor = "kubernetes"
  [runners.kubernetes]
    namespace = "ci"

[[runners]]
  name = "containers elsewhere"
  token = "glrt-five"
  executor = "docker"
  [runners.docker]
    host = "tcp://10.0.0.9:2376"
    image = "alpine"
"""
VOLUMES = [
    "/etc/cellar-runner:/etc/cellar-runner:ro",
    "/etc/cellar-runner/pip.conf:/etc/xdg/pip/pip.conf:ro",
]
PODMAN_FILES = {
    "/usr/bin/podman": "#!/bin/sh\n",
    "/usr/share/containers/containers.conf": "[containers]\n#env = []\n",
    "/usr/share/containers/mounts.conf": "# RHEL\n/usr/share/rhel/secrets:/run/secrets\n",
}


def fill(host: Host, files: dict[str, str]) -> None:
    for path, content in files.items():
        write(host.path(path), content, 0o755 if "/bin/" in path else 0o644)


GITHUB_FOLDER = "/opt/ci/actions-runner"
GITHUB_FILES = {
    "/etc/systemd/system/actions.runner.corp-app.box.service": (
        f"[Service]\nExecStart={GITHUB_FOLDER}/runsvc.sh\nUser=ci\n"
        f"WorkingDirectory={GITHUB_FOLDER}\nKillMode=process\n"
    ),
    f"{GITHUB_FOLDER}/.runner": "{}",
    f"{GITHUB_FOLDER}/.env": "LANG=C.UTF-8\nACTIONS_RUNNER_HOOK_JOB_STARTED=/opt/hooks/mine.sh\n",
    "/home/ci/actions-runner-2/.runner": "{}",
}
BUILDKITE_FILES = {
    "/etc/buildkite-agent/buildkite-agent.cfg": 'token="x"\nhooks-path="/etc/bk/hooks"\n',
    "/etc/bk/hooks/environment": "#!/usr/bin/env bash\nset -eu\nexport A=b\n",
}
DRONE_FILES = {
    "/etc/systemd/system/drone-runner-docker.service": (
        "[Service]\nEnvironmentFile=/etc/drone/runner.env\nExecStart=/usr/bin/drone-runner-docker\n"
    ),
    "/etc/drone/runner.env": "DRONE_RPC_HOST=drone.corp\nDRONE_RUNNER_ENVIRON=A:b\n",
}
