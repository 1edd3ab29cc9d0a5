"""What a lock file names is in the cache before the first client asks for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from e2e.clients import WAYS, User

if TYPE_CHECKING:
    from e2e.clients import Job
    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Appliance
    from support.door import OpenDoor


# What this runner has, what another one may have, and what no runner here has.
HERE, THERE, NOWHERE = "manylinux_2_17_x86_64", "manylinux_2_17_aarch64", "win_amd64"
# One for each tool that writes a lock file, and each form that it can have.
LOCKING = [
    "pip, pylock.toml",
    "uv pip, pylock.toml",
    "uv sync --locked",
    "Poetry",
    "PDM",
    "PDM, static URLs",
    "pipenv",
    "pip-tools",
]


def warm(
    appliance: Appliance, text: str, name: str = "requirements.txt", options: str = ""
) -> tuple[int, dict[str, str]]:
    """Warm what a lock file names; return the exit status and the outcome of each item."""
    folder = appliance.run("mktemp --directory").strip()
    appliance.run("sh -c %s", f"cat >{folder}/{name} <<'END'\n{text}END")
    done = appliance.box.run(f"cellar warm --json {options} {folder}/{name}")
    appliance.run(f"rm -r {folder}")
    assert done.stdout, done.stderr
    items = json.loads(done.stdout)["items"]
    return done.rc, {each["name"]: each["outcome"] for each in items}


def test_what_was_warmed_is_served_without_upstream_and_one_missing_file_keeps_nothing_back(
    appliance: Appliance,
    fakepypi: FakePyPI,
    files: OpenDoor,
    pages: OpenDoor,
    published: PublishedFile,
) -> None:
    lock = (
        f"{published.project}==1.0 --hash=sha256:{published.sha256}\n"
        f"absent-{published.project}==1.0\n"
    )

    status, outcomes = warm(appliance, lock)

    assert status == 1, "one is missing"
    assert set(outcomes.values()) >= {"ok fetched", "missing"}, outcomes
    with fakepypi.down():
        for door in ("index", "intercept"):
            assert len(files(door).ask(published.path).content) == published.size
            assert files(door).ask(str(published.metadata_path)).status_code == 200
            assert pages(door).page(published.project).status_code == 200
    assert fakepypi.bytes_sent(path=published.path) == published.size
    assert "ok cached" in warm(appliance, lock)[1].values()


@pytest.mark.parametrize("way", LOCKING)
def test_what_a_real_tool_has_locked_is_warmed_for_the_platforms_asked_for_and_for_no_other(
    appliance: Appliance, fakepypi: FakePyPI, client_job: Job, project: str, way: str
) -> None:
    """Another runner then installs from it while upstream is gone."""
    wheels = {
        platform: fakepypi.publish(project, "1.0", tag=f"py3-none-{platform}").path
        for platform in (HERE, THERE, NOWHERE)
    }
    user = User(WAYS[way], client_job, appliance)
    user.start_project(project)
    lock = client_job.read(user.way.lock)

    def count(path: str) -> int:
        return len(fakepypi.requests(host="files", path=path, method="GET"))

    # Some tools fetch what they lock.
    appliance.box.run("cellar purge %s", project)
    before = {platform: count(path) for platform, path in wheels.items()}

    def sent() -> set[str]:
        return {each for each, path in wheels.items() if count(path) > before[each]}

    # pip locks what the machine needs that it runs on.
    others = set() if way == "pip, pylock.toml" else {THERE}
    status, outcomes = warm(appliance, lock, user.way.lock, f"--python 3.11 --platform {HERE}")
    assert (status, sent()) == (0, {HERE}), outcomes
    status, outcomes = warm(appliance, lock, user.way.lock, f"--python 3.11 --platform {THERE}")
    assert (status, sent()) == (0, {HERE} | others), outcomes
    with fakepypi.down():
        installed = user.install(project, project)
    assert installed.versions == {project: "1.0"}, str(installed)
