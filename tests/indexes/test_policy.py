"""File rules decide what of an index is offered, at every door, and clients are told why not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from e2e.clients import WAYS, User
from support.fixtures import DOORS
from support.rendering import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from e2e.clients import Job
    from fakepypi.client import FakePyPI
    from indexes.servers import Servers
    from support.deployment import Appliance
    from support.door import Door, OpenDoor

BANNED = "It mined coins. Ask security@acme.example."
RECALLED = "Version 2 was recalled. Use version 1."
WAYS_OF_BOTH = ["pip, index door", "uv pip"]


def publish_everywhere(
    servers: Servers, fakepypi: FakePyPI, project: str, version: str, **options: Any
) -> None:
    """Publish on PyPI or on a private server, as the project's name says."""
    server = project.partition("-")[0]
    if server == "pypi":
        fakepypi.publish(project, version, **options)
    else:
        servers.publish(server, project, version, **options)


def moment(days_ago: float) -> str:
    """Return an upload time so many days ago."""
    then = datetime.now(UTC) - timedelta(days=days_ago)
    return then.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def offered(door: Door, project: str) -> list[str]:
    """Return the versions that a page has files of."""
    page = door.page(project)
    assert page.status_code == 200, page.text
    return [file["filename"].split("-")[1] for file in page.json()["files"]]


# What each client says of a page that it may not have: neither reads on in a 403, but pip can be
# made to tell the reason.
REFUSED_PAGE = {
    "/opt/pip/bin/pip install -vv --index-url {index} --target site": BANNED,
    "/opt/uv/bin/uv pip install --index-url {index} --target site": "returned a 403 Forbidden",
}


@pytest.mark.parametrize("install", REFUSED_PAGE, ids=["pip", "uv"])
@pytest.mark.parametrize("server", ["pypi", "devpi"])
def test_a_refused_project_is_refused_to_the_user_and_asked_of_nobody(
    appliance: Appliance,
    servers: Servers,
    fakepypi: FakePyPI,
    client_job: Job,
    new_name: Callable[[str], str],
    server: str,
    install: str,
) -> None:
    project = new_name(f"{server}-banned")
    publish_everywhere(servers, fakepypi, project, "1.0")
    index = f"https://{appliance.server_name}/simple/"
    attempt = client_job.attempt(f"{install.format(index=index)} {project}")
    assert attempt.status != 0, str(attempt)
    assert REFUSED_PAGE[install] in " ".join(attempt.output.split()), str(attempt)
    assert fakepypi.requests(path=f"*{project}*") == []
    assert [r for r in servers.requests(project) if r.user_agent.startswith("Cellar")] == []


@pytest.mark.parametrize("door", DOORS)
def test_a_refused_projects_sentence_is_in_the_answer(
    pages: OpenDoor, new_name: Callable[[str], str], door: str
) -> None:
    """For people, and for what shows the body (RFC 9457) or the reason phrase."""
    refused = pages(door).page(new_name("devpi-banned"))
    assert (refused.status_code, BANNED in refused.reason) == (403, True)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert BANNED in refused.json()["detail"]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("server", ["pypi", "listing"])
def test_a_hidden_project_does_not_exist(
    servers: Servers,
    fakepypi: FakePyPI,
    pages: OpenDoor,
    new_name: Callable[[str], str],
    server: str,
    door: str,
) -> None:
    project = new_name(f"{server}-unlisted")
    publish_everywhere(servers, fakepypi, project, "1.0")
    assert pages(door).page(project).status_code == 404


@pytest.mark.parametrize("way", WAYS_OF_BOTH)
@pytest.mark.parametrize("server", ["pypi", "devpi", "listing", "torch"])
def test_a_refused_release_is_not_chosen(
    appliance: Appliance,
    servers: Servers,
    fakepypi: FakePyPI,
    client_job: Job,
    new_name: Callable[[str], str],
    server: str,
    way: str,
) -> None:
    project = new_name(f"{server}-recalled")
    for version in ("1.0", "2.0"):
        publish_everywhere(servers, fakepypi, project, version)
    user = User(WAYS[way], client_job, appliance)
    user.start_project(project)
    attempt = user.install(project, project)
    assert attempt.versions == {project: "1.0"}, str(attempt)


def urls_of(servers: Servers, fakepypi: FakePyPI, door: Door, project: str) -> Mapping[str, str]:
    """Publish versions 1 and 2; return the paths of their files at a door, by version."""
    if project.startswith("pypi"):
        return {v: fakepypi.publish(project, v).path for v in ("1.0", "2.0")}
    wheels = {v: servers.publish(project.partition("-")[0], project, v) for v in ("1.0", "2.0")}
    (file,) = door.page(project).json()["files"]
    known = file["url"].removeprefix("../..")
    first, second = wheels["1.0"], wheels["2.0"]
    other = known.replace(first.sha256, second.sha256).replace(first.filename, second.filename)
    return {"1.0": known, "2.0": other}


@pytest.mark.parametrize("client", ["/opt/pip/bin/pip install", "/opt/uv/bin/uv pip install"])
@pytest.mark.parametrize("server", ["pypi", "torch", "listing"])
def test_a_refused_file_asked_for_by_its_url_gives_its_sentence_to_the_user(
    appliance: Appliance,
    servers: Servers,
    fakepypi: FakePyPI,
    pages: OpenDoor,
    client_job: Job,
    new_name: Callable[[str], str],
    server: str,
    client: str,
) -> None:
    """A lock file made elsewhere has the URL; the page does not."""
    project = new_name(f"{server}-recalled")
    urls = urls_of(servers, fakepypi, pages("index"), project)
    at = f"https://{appliance.server_name}"
    allowed, refused = (
        client_job.attempt(f"{client} --no-deps --target site '{at}{urls[version]}'")
        for version in ("1.0", "2.0")
    )
    assert allowed.status == 0, str(allowed)
    assert refused.status != 0, str(refused)
    assert RECALLED in " ".join(refused.output.split()), str(refused)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("server", ["pypi", "torch"])
def test_a_refused_file_and_its_metadata_are_refused_at_every_door(
    servers: Servers,
    fakepypi: FakePyPI,
    pages: OpenDoor,
    files: OpenDoor,
    new_name: Callable[[str], str],
    server: str,
    door: str,
) -> None:
    project = new_name(f"{server}-recalled")
    urls = urls_of(servers, fakepypi, pages(door), project)
    serving = files(door) if server == "pypi" else pages(door)
    for suffix in ("", ".metadata"):
        assert serving.ask(urls["1.0"] + suffix).status_code == 200
        refused = serving.ask(urls["2.0"] + suffix)
        assert refused.status_code == 403
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert RECALLED in refused.json()["detail"]
        assert RECALLED in refused.reason
    module = project.replace("-", "_")
    asked = servers.requests(f"{module}-2.0") + fakepypi.requests(path=f"*{module}-2.0*")
    assert asked == [], "what is refused is not fetched"


@pytest.mark.parametrize("door", DOORS)
def test_a_young_release_waits(
    fakepypi: FakePyPI, pages: OpenDoor, new_name: Callable[[str], str], door: str
) -> None:
    project = new_name("pypi-cool")
    fakepypi.publish(project, "1.0", upload_time=moment(days_ago=8))
    fakepypi.publish(project, "2.0", upload_time=moment(days_ago=6))
    assert offered(pages(door), project) == ["1.0"]


def test_a_young_release_of_a_mirror_waits(
    servers: Servers, pages: OpenDoor, new_name: Callable[[str], str]
) -> None:
    """bandersnatch keeps PyPI's upload times."""
    project = new_name("mirror-cool")
    servers.publish("mirror", project, "1.0", upload_time=moment(days_ago=8))
    servers.publish("mirror", project, "2.0", upload_time=moment(days_ago=6))
    assert offered(pages("index"), project) == ["1.0"]


@pytest.mark.parametrize(("rule", "versions"), [("cool", []), ("mild", ["1.0"])])
@pytest.mark.parametrize("server", ["devpi", "pypiserver", "listing", "torch"])
def test_where_no_page_has_upload_times_the_rule_says_what_that_means(
    servers: Servers,
    pages: OpenDoor,
    new_name: Callable[[str], str],
    server: str,
    rule: str,
    versions: list[str],
) -> None:
    """By default what has no date is as if it were young."""
    project = new_name(f"{server}-{rule}")
    servers.publish(server, project, "1.0")
    assert offered(pages("index"), project) == versions


@pytest.mark.parametrize("way", WAYS_OF_BOTH)
@pytest.mark.parametrize("server", ["pypi", "mirror"])
def test_a_snapshot_is_the_index_as_of_that_day(
    appliance: Appliance,
    servers: Servers,
    fakepypi: FakePyPI,
    client_job: Job,
    new_name: Callable[[str], str],
    server: str,
    way: str,
) -> None:
    project = new_name(server)
    for version, day in {"1.0": "2026-02-01", "1.1": "2026-02-02", "2.0": "2026-02-03"}.items():
        time = f"{day}T23:59:59Z"
        publish_everywhere(servers, fakepypi, project, version, upload_time=time)
    index = f"https://{appliance.server_name}/snapshot/2026-02-02/simple/"
    client = {"pip, index door": "/opt/pip/bin/pip", "uv pip": "/opt/uv/bin/uv pip"}[way]
    install = f"{client} install --quiet --target site --index-url {index} {project}"
    show = "ls site"
    attempt = client_job.attempt(f"{install} && {show}")
    assert attempt.status == 0, str(attempt)
    assert f"{project.replace('-', '_')}-1.1.dist-info" in attempt.output, str(attempt)


def test_the_sentences_are_those_of_the_settings() -> None:
    """They are written anew in this file; a typing mistake in one would hide what is shown."""
    settings = yaml.safe_load((ROOT / "molecule/indexes/vars/settings.yml").read_text())
    reasons = {rule.get("reason") for rule in settings["cellar_file_rules"]}
    assert {BANNED, RECALLED} <= reasons
