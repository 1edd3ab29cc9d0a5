"""A project belongs to the indexes that its route names, and nobody else is asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.fixtures import DOORS

if TYPE_CHECKING:
    from fakepypi.client import FakePyPI
    from indexes.conftest import Install, NewName
    from indexes.servers import Servers
    from support.door import OpenDoor

SERVERS = ["devpi", "pypiserver", "mirror", "listing", "torch"]
# The mirror gets from PyPI what it has.
PRIVATE = [server for server in SERVERS if server != "mirror"]


@pytest.mark.parametrize("way", ["pip, index door", "uv pip"])
@pytest.mark.parametrize("server", PRIVATE)
def test_what_a_stranger_publishes_under_a_private_name_is_never_seen(
    servers: Servers,
    fakepypi: FakePyPI,
    install: Install,
    new_name: NewName,
    server: str,
    way: str,
) -> None:
    """Dependency confusion: a higher version on PyPI would win wherever both were asked."""
    project = new_name(server)
    servers.publish(server, project, "1.0")
    fakepypi.publish(project, "99.0")
    attempt = install(way, project)
    assert attempt.versions == {project: "1.0"}, str(attempt)
    assert fakepypi.requests(path=f"*{project}*") == []


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("door", DOORS)
def test_a_name_that_its_index_does_not_know_is_missing_whatever_pypi_has(
    fakepypi: FakePyPI,
    pages: OpenDoor,
    new_name: NewName,
    server: str,
    door: str,
) -> None:
    """Also where the index says 403 to say so, as object stores do."""
    project = new_name(server)
    fakepypi.publish(project, "1.0")
    for form in ("json", "html"):
        answer = pages(door).page(project, form)
        assert (answer.status_code, project in answer.text) == (404, True), answer.text
    assert fakepypi.requests(path=f"*{project}*") == []


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "path",
    [
        "/simple/{odd}/",
        "/simple/{odd}",
        "/simple/{project}",
        "/simple//{project}/",
        "/simple/{project}/?format=application/vnd.pypi.simple.v1%2Bjson",
        "/pypi/{project}/json",
        "/pypi/{odd}/json",
        "/pypi/{project}/1.0/json",
        "/integrity/{project}/1.0/{module}-1.0-py3-none-any.whl/provenance",
    ],
)
def test_no_spelling_of_a_private_name_reaches_pypi(
    fakepypi: FakePyPI,
    pages: OpenDoor,
    new_name: NewName,
    door: str,
    path: str,
) -> None:
    """Neither as a page nor by another API: the name itself is nobody else's business."""
    project = new_name("devpi")
    tail = project.removeprefix("devpi-")
    fakepypi.publish(project, "1.0", provenance={"version": 1})
    words = {"project": project, "odd": f"DevPI._{tail}", "module": project.replace("-", "_")}
    pages(door).ask(path.format(**words))
    assert [r for r in fakepypi.requests() if tail in r.target] == []


@pytest.mark.parametrize("door", DOORS)
def test_a_name_of_pypi_reaches_no_private_server(
    fakepypi: FakePyPI,
    servers: Servers,
    pages: OpenDoor,
    files: OpenDoor,
    new_name: NewName,
    door: str,
) -> None:
    """What a company installs from PyPI is no business of its suppliers'."""
    project = new_name("demo")
    wheel = fakepypi.publish(project, "1.0")
    assert pages(door).page(project).status_code == 200
    assert files(door).ask(wheel.path).status_code == 200
    assert pages(door).page(f"{project}-unknown").status_code == 404
    assert servers.requests(project) + servers.requests(project.replace("-", "_")) == []


def test_a_private_server_is_asked_for_its_own_projects_only(
    servers: Servers, pages: OpenDoor, new_name: NewName
) -> None:
    for server in SERVERS:
        project = new_name(server)
        servers.publish(server, project, "1.0")
        assert pages("index").page(project).status_code == 200
        hosts = {r.host for r in servers.requests(project) if r.user_agent.startswith("Cellar")}
        assert hosts == {f"{server}.example"}


@pytest.mark.parametrize("way", ["pip, index door", "uv pip"])
def test_a_merged_project_takes_the_file_of_the_first_index(
    servers: Servers,
    fakepypi: FakePyPI,
    install: Install,
    pages: OpenDoor,
    new_name: NewName,
    way: str,
) -> None:
    """Both have a file of that name; the operator has said whose counts."""
    project = new_name("merged")
    private = servers.publish("devpi", project, "1.0", padding=1000)
    public = fakepypi.publish(project, "1.0", padding=2000)
    assert private.filename == public.filename
    attempt = install(way, project)
    assert attempt.versions == {project: "1.0"}, str(attempt)
    assert fakepypi.requests(host="files", path=public.path) == []
    (file,) = pages("index").page(project).json()["files"]
    assert file["hashes"]["sha256"] == private.sha256


def test_a_merged_project_offers_what_either_index_has(
    servers: Servers,
    fakepypi: FakePyPI,
    install: Install,
    new_name: NewName,
) -> None:
    project = new_name("merged")
    servers.publish("devpi", project, "1.0+acme")
    fakepypi.publish(project, "2.0")
    for requirement, version in {f"'{project}<2'": "1.0+acme", project: "2.0"}.items():
        attempt = install("pip, index door", project, requirement)
        assert attempt.versions == {project: version}, str(attempt)
