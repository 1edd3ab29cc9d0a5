"""Real clients get from the appliance what PyPI says of each file: PEP 658, 592, 440, hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.clients import WAYS, User

if TYPE_CHECKING:
    from e2e.clients import Job
    from fakepypi.client import FakePyPI
    from support.deployment import Appliance

# One by each door.
PIP_AND_UV = ["pip, index door", "uv pip"]
EVERY_CLIENT = ["pip, index door", "uv sync --locked", "Poetry", "PDM"]
# Poetry takes requirements from PyPI's JSON API where that has them.
READS_METADATA = [way for way in EVERY_CLIENT if way != "Poetry"]


def user_with(way: str, job: Job, appliance: Appliance, requirement: str) -> User:
    """Return a user whose project asks for a requirement."""
    user = User(WAYS[way], job, appliance)
    user.start_project(requirement)
    return user


@pytest.mark.parametrize("way", READS_METADATA)
def test_resolver_rejects_a_release_by_its_metadata_without_fetching_its_wheel(
    appliance: Appliance, fakepypi: FakePyPI, client_job: Job, project: str, way: str
) -> None:
    """PEP 658: 2.0 wants what does not exist; its metadata says so, and its wheel stays away."""
    fakepypi.publish(f"{project}-dependency", "1.0")
    chosen = fakepypi.publish(project, "1.0", requires=[f"{project}-dependency"])
    rejected = fakepypi.publish(project, "2.0", requires=[f"{project}-dependency>=2"])
    user = user_with(way, client_job, appliance, project)
    installed = user.install(project, project)
    fakepypi.withdraw(f"{project}-dependency")
    assert installed.versions == {project: "1.0"}, str(installed)
    asked = {
        path: fakepypi.totals(host="files", path=path, method="GET").requests
        for path in (chosen.path, rejected.path, rejected.metadata_path or "")
    }
    assert asked == {chosen.path: 1, rejected.path: 0, rejected.metadata_path: 1}


@pytest.mark.parametrize("way", PIP_AND_UV)
def test_hash_checked_install_takes_the_right_bytes_and_no_others(
    appliance: Appliance, fakepypi: FakePyPI, client_job: Job, project: str, way: str
) -> None:
    """The bytes that arrive are PyPI's; a wrong hash proves that the client looks at them."""
    wheel = fakepypi.publish(project, "1.0", padding=50_000)
    user = user_with(way, client_job, appliance, project)
    attempts = {}
    for name, digest in {"right": wheel.sha256, "wrong": wheel.sha256[::-1]}.items():
        client_job.write(f"{name}.txt", f"{project}==1.0 --hash=sha256:{digest}\n")
        requirement = f"--require-hashes --requirement {name}.txt"
        attempts[name] = user.install(requirement, project)
    assert attempts["right"].versions == {project: "1.0"}, str(attempts["right"])
    assert attempts["wrong"].status != 0, str(attempts["wrong"])
    assert "hash" in attempts["wrong"].output.lower(), str(attempts["wrong"])


@pytest.mark.parametrize("way", EVERY_CLIENT)
def test_yanked_release_is_not_chosen(
    appliance: Appliance, fakepypi: FakePyPI, client_job: Job, project: str, way: str
) -> None:
    """PEP 592: who does not ask for it by its version gets the one before."""
    fakepypi.publish(project, "1.0")
    fakepypi.publish(project, "1.1", yanked="it eats its user's data")
    installed = user_with(way, client_job, appliance, project).install(project, project)
    assert installed.versions == {project: "1.0"}, str(installed)


@pytest.mark.parametrize("way", PIP_AND_UV)
def test_yanked_release_installs_when_it_is_pinned(
    appliance: Appliance, fakepypi: FakePyPI, client_job: Job, project: str, way: str
) -> None:
    """PEP 592: so that what was locked before it was yanked can still be built."""
    fakepypi.publish(project, "1.0")
    fakepypi.publish(project, "1.1", yanked=True)
    user = user_with(way, client_job, appliance, project)
    installed = user.install(f"{project}==1.1", project)
    assert installed.versions == {project: "1.1"}, str(installed)


@pytest.mark.parametrize("way", PIP_AND_UV)
def test_file_with_a_local_version_installs(
    appliance: Appliance, fakepypi: FakePyPI, client_job: Job, project: str, way: str
) -> None:
    """PEP 440: the plus in its file name survives every URL on the way."""
    wheel = fakepypi.publish(project, "1.0+cpu.2")
    user = user_with(way, client_job, appliance, project)
    installed = user.install(f"{project}==1.0+cpu.2", project)
    assert "+" in wheel.filename
    assert installed.versions == {project: "1.0+cpu.2"}, str(installed)


@pytest.mark.parametrize("way", PIP_AND_UV)
def test_sdist_builds_and_installs(
    appliance: Appliance, fakepypi: FakePyPI, client_job: Job, project: str, way: str
) -> None:
    """PEP 517 with a backend of its own, so that nothing else has to come from an index."""
    sdist = fakepypi.publish(project, "1.0", kind="sdist")
    user = user_with(way, client_job, appliance, project)
    installed = user.install(project, project)
    assert installed.versions == {project: "1.0"}, str(installed)
    assert fakepypi.bytes_sent(host="files", path=sdist.path) == sdist.size
