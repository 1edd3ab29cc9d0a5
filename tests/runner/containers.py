"""Jobs and image builds in containers on a CI host, started by Podman and buildah."""

from __future__ import annotations

import json
import shlex
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from e2e.clients import Attempt, Job, removal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.deployment import Machine

# The image of jobs: Debian and clients, nothing of ours; molecule/runner/prepare.yml.
IMAGE = "localhost/job"
# Who starts containers: root, or a user without rights.
USERS = ("root", "ci")
_TIME_LIMIT = 120  # seconds; a container is slower to start than a shell


def as_user(user: str, command: str) -> str:
    """Return a command for a login shell of a user, as an agent has it that starts jobs."""
    session = f"cd /; export XDG_RUNTIME_DIR=/run/user/1000; {command}"
    shell = f"env -i sh -lc {shlex.quote(command)}"
    if user == "root":
        return shell
    return f"runuser -u {user} -- env -i HOME=/home/{user} sh -lc {shlex.quote(session)}"


@dataclass(frozen=True)
class InContainer(Job):
    """A folder that containers see, and containers of an image that has none of our settings."""

    user: str = "root"

    def attempt(self, command: str) -> Attempt:
        """Run a shell command in the folder, in a container of its own."""
        clean = "rm -rf home site .venv .pdm-python && mkdir home"
        inside = f"{clean} && timeout {_TIME_LIMIT} sh -c {shlex.quote(command)}"
        podman = (
            f"podman run --rm --volume {self.folder}:{self.folder} --workdir {self.folder} "
            f"--env HOME={self.folder}/home --env LANG=C.UTF-8 {IMAGE} sh -c {shlex.quote(inside)}"
        )
        begin = time.monotonic()
        done = self.runner.box.run("sh -c %s", as_user(self.user, podman))
        return Attempt(command, done.rc, done.stderr + done.stdout, time.monotonic() - begin)


@contextmanager
def job_folder(host: Machine) -> Iterator[str]:
    """Yield a folder for all users of a host, which containers can see."""
    path = f"/tmp/job-{uuid.uuid4().hex[:12]}"
    host.run(f"install -d -m 0777 {path}")
    try:
        yield path
    finally:
        host.run(removal(path))


def seen(host: Machine, user: str, command: str) -> str:
    """Return what a shell command in a new container prints."""
    podman = f"podman run --rm {IMAGE} sh -c {shlex.quote(command)}"
    return host.run("sh -c %s", as_user(user, podman))


@dataclass(frozen=True)
class Built:
    """What an image build came to."""

    status: int
    output: str


def build(host: Machine, builder: str, folder: str, *runs: str) -> Built:
    """Build image `localhost/built` with some RUN lines, in a login shell, as a job does."""
    text = "".join([f"FROM {IMAGE}\n", *(f"RUN {run}\n" for run in runs)])
    host.run(f"printf %s %s > {folder}/Containerfile", "%s", text)
    command = f"{builder} --layers --no-cache --tag localhost/built {folder}"
    done = host.box.run("sh -c %s", as_user("root", command))
    return Built(done.rc, done.stdout + done.stderr)


_LAYERS = """
import json, subprocess, sys, tarfile, tempfile
with tempfile.TemporaryDirectory() as folder:
    archive = folder + "/image.tar"
    subprocess.run(["podman", "save", "--quiet", "-o", archive, sys.argv[1]], check=True)
    with tarfile.open(archive) as image:
        (manifest,) = json.load(image.extractfile("manifest.json"))
        config = json.load(image.extractfile(manifest["Config"]))
        layers = []
        for name in manifest["Layers"][int(sys.argv[2]):]:
            with tarfile.open(fileobj=image.extractfile(name)) as layer:
                layers.append({entry.name: [entry.isdir(), entry.size] for entry in layer})
    print(json.dumps({"layers": layers, "config": config}))
"""


def contents(host: Machine, image: str, *, below: int) -> dict[str, Any]:
    """Return an image's configuration, and the entries of its layers after the first `below`."""
    document: dict[str, Any] = json.loads(
        host.run("env python3 -c %s %s %s", _LAYERS, image, str(below))
    )
    return document
