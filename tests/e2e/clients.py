"""Real clients on a runner: a job's folder, and a user's project in which a client installs."""

from __future__ import annotations

import json
import shlex
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from support.fixtures import expectations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Appliance, Machine

_TIME_LIMIT = 60  # seconds; a client that needs more hangs
# What a job may find of an earlier one in its folder.
LEFT_BY_JOBS = ("home", "site", ".venv", ".pdm-python")
_IMPORT = "import json, {0}; print(json.dumps(dict({1})))"


@dataclass(frozen=True)
class Attempt:
    """What a command came to: exit status, all that it printed, and how many seconds it took."""

    command: str
    status: int
    output: str
    seconds: float

    def __str__(self) -> str:
        """Return all of it, to explain a failure."""
        return f"$ {self.command}\n{self.output}\nstatus {self.status}, {self.seconds:.1f} s"

    @property
    def versions(self) -> dict[str, str]:
        """
        The versions that Python has imported after an install, by project.

        Raises:
            AssertionError: the command failed; the message has what it printed.

        """
        assert self.status == 0, str(self)
        found: dict[str, str] = json.loads(self.output.splitlines()[-1])
        return found


@dataclass(frozen=True)
class Job:
    """
    A folder on a runner, and the environment of what runs there.

    Every command starts with a new home folder, which is where all clients keep their caches and
    settings, and with no variable but those that the operator's guide tells: the two that name
    `ca`, a file on the runner. Without it, there are none. With `proxy`, the URL of one, there are
    also those that name it, and the machine knows no address but that of the proxy's name.
    """

    runner: Machine
    folder: str
    ca: str | None
    proxy: str | None = None

    def write(self, name: str, text: str) -> None:
        """Write a file in the folder."""
        self.runner.run(f"printf %s %s > {self.folder}/{name}", "%s", text)

    def read(self, name: str) -> str:
        """Return a file of the folder."""
        return self.runner.run(f"cat {self.folder}/{name}")

    def attempt(self, command: str) -> Attempt:
        """Run a shell command in the folder, on a machine that remembers no earlier one."""
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": f"{self.folder}/home"}
        if self.ca is not None:
            environment |= {"SSL_CERT_FILE": self.ca, "REQUESTS_CA_BUNDLE": self.ca}
        start = "exec"
        if self.proxy is not None:
            environment |= {"HTTPS_PROXY": self.proxy, "https_proxy": self.proxy}
            name = urlsplit(self.proxy).hostname
            hosts = f"{self.folder}/hosts"
            known = f"grep -wF -e {name} -e localhost /etc/hosts > {hosts}"
            alone = f'{known} && mount --bind {hosts} /etc/hosts && exec "$@"'
            start = f"exec unshare --mount sh -c {shlex.quote(alone)} sh"
        settings = shlex.join(f"{name}={value}" for name, value in environment.items())
        clean = f"cd {self.folder} && {removal(*LEFT_BY_JOBS)} && mkdir home"
        limited = f"timeout {_TIME_LIMIT} sh -c {shlex.quote(command)}"
        run = f"{clean} && {start} env -i {settings} {limited}"
        begin = time.monotonic()
        done = self.runner.box.run("sh -c %s", run)
        return Attempt(command, done.rc, done.stderr + done.stdout, time.monotonic() - begin)


def removal(*paths: str) -> str:
    """
    Return a shell command that removes files, whoever still writes some.

    virtualenv looks for newer wheels when its job has long ended.
    """
    patient = f"until rm -rf {shlex.join(paths)}; do sleep 0.5; done"
    return f"timeout 30 sh -c {shlex.quote(patient)}"


@contextmanager
def new_job(runner: Machine, ca: str | None, proxy: str | None = None) -> Iterator[Job]:
    """Make a job's folder, and remove it at the end."""
    folder = f"/tmp/job-{uuid.uuid4().hex[:12]}"
    runner.run(f"mkdir {folder}")
    try:
        yield Job(runner, folder, ca, proxy)
    finally:
        runner.run(removal(folder))


@dataclass(frozen=True)
class Way:
    """A way of a client to install; tests/vars/client_ways.yml tells what the fields are."""

    name: str
    door: str
    install: str
    python: str
    files: Mapping[str, str] = field(default_factory=dict)
    make_lock: str = ""
    lock: str = ""
    lock_hosts: Sequence[str] = ()


WAYS = {name: Way(name, **fields) for name, fields in expectations("client_ways").items()}


@dataclass(frozen=True)
class Wanted:
    """
    What a user asks for: a project with a dependency, each in two releases, 1.0 and 1.1.

    `newest` has the wheels of 1.1.
    """

    project: str
    dependency: str
    newest: Sequence[PublishedFile]

    @property
    def paths(self) -> str:
        """A pattern for the paths of all of its files and pages."""
        return f"*{self.project}*"

    @property
    def versions(self) -> dict[str, str]:
        """What is installed when the project is asked for."""
        return {self.project: "1.1", self.dependency: "1.1"}


@contextmanager
def publish_wanted(fakepypi: FakePyPI, project: str) -> Iterator[Wanted]:
    """Publish a project of that name and its dependency, and withdraw both at the end."""
    dependency = f"{project}-dependency"
    for version in ("1.0", "1.1"):
        wheels = (
            fakepypi.publish(dependency, version),
            fakepypi.publish(project, version, requires=[f"{dependency}>=1.1"], padding=50_000),
        )
    yield Wanted(project, dependency, wheels)
    for each in (project, dependency):
        fakepypi.withdraw(each)


@dataclass(frozen=True)
class User:
    """Somebody whose client installs in one way, in a job on the runner of an appliance."""

    way: Way
    job: Job
    appliance: Appliance

    def _fill(self, text: str, project: str) -> str:
        words = {
            "{project}": project,
            "{index}": f"https://{self.appliance.server_name}/simple/",
            "{pypi}": f"https://{self.appliance.names.index}/simple/",
        }
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    def write_files(self, requirement: str) -> None:
        """Write what a user's project has before any client was there."""
        for name, text in self.way.files.items():
            self.job.write(name, self._fill(text, requirement))

    def resolve(self, requirement: str) -> Attempt:
        """Have the client make the lock file, or install if it makes none."""
        return self.job.attempt(self._fill(self.way.make_lock or self.way.install, requirement))

    def start_project(self, requirement: str) -> None:
        """
        Write a project's files, and have the client make its lock file if it knows such a thing.

        Raises:
            AssertionError: the client could not make it; the message has what it printed.

        """
        self.write_files(requirement)
        if self.way.make_lock:
            locked = self.resolve(requirement)
            assert locked.status == 0, f"{self.job.runner.name}: {locked}"

    def install(self, requirement: str, *projects: str) -> Attempt:
        """Install a requirement, and import projects in the Python that sees it."""
        modules = {project: project.replace("-", "_") for project in projects}
        versions = [f"({project!r}, {m}.__version__)" for project, m in modules.items()]
        code = _IMPORT.format(", ".join(modules.values()), f"[{', '.join(versions)}]")
        install = self._fill(self.way.install, requirement)
        return self.job.attempt(f"{install} && {self.way.python} -c {shlex.quote(code)}")

    def install_wanted(self, wanted: Wanted) -> Attempt:
        """Install a project, and import it and its dependency."""
        return self.install(wanted.project, wanted.project, wanted.dependency)


@dataclass(frozen=True)
class Installed:
    """What a user's first install came to, and the lock file before and after ("" if none)."""

    user: User
    attempt: Attempt
    lock_before: str
    lock_after: str


def install_first(user: User, wanted: Wanted) -> Installed:
    """
    Start a user's project and install it.

    Raises:
        AssertionError: the client could not make its lock file; the message has what it printed.

    """
    user.start_project(wanted.project)
    lock = user.way.lock
    before = user.job.read(lock) if lock else ""
    attempt = user.install_wanted(wanted)
    return Installed(user, attempt, before, user.job.read(lock) if lock else "")
