"""File rules decide what of an index is offered, at every door, and clients are told why not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pytest
import yaml

from e2e.clients import WAYS, User
from indexes.times import days_ago
from support.fixtures import DOORS
from support.rendering import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2e.clients import Attempt, Job
    from fakepypi.client import FakePyPI
    from indexes.conftest import Install, NewName, NewUser, Publish
    from indexes.servers import Servers
    from support.deployment import Appliance
    from support.door import Door, OpenDoor

BANNED = "It mined coins. Ask security@acme.example."
RECALLED = "Version 2 was recalled. Use version 1."
PIP_AND_UV = ["pip, index door", "uv pip"]
# One that makes no lock file and one that does, of each client that can do either, by each door.
EVERY_CLIENT = [
    *("pip, index door", "pip", "pip, pylock.toml"),
    *("uv pip, index door", "uv pip", "uv sync --frozen"),
    *("PDM, index door", "PDM"),
]


def offered(door: Door, project: str) -> list[str]:
    """Return the versions that a page has files of."""
    page = door.page(project)
    assert page.status_code == 200, page.text
    return [file["filename"].split("-")[1] for file in page.json()["files"]]


def assert_told(attempt: Attempt, sentence: str) -> None:
    """Check that the command failed and that its user has read a sentence, however it is broken."""
    assert attempt.status != 0, str(attempt)
    assert sentence in " ".join(attempt.output.split()), str(attempt)


def lock_and_install(user: User, project: str) -> Attempt:
    """Have a client do what a user's project asks for, until something fails."""
    user.write_files(project)
    resolved = user.resolve(project)
    return user.install(project, project) if resolved.status == 0 else resolved


@pytest.fixture
def banned(publish: Publish, new_name: NewName) -> NewName:
    """Publish two versions of a refused project on a server, by the server's name."""

    def make(server: str) -> str:
        project = new_name(f"{server}-banned")
        for version in ("1.0", "2.0"):
            publish(project, version)
        return project

    return make


def assert_no_file_was_asked_for(servers: Servers, fakepypi: FakePyPI, project: str) -> None:
    """Not by the appliance; a mirror of PyPI asks for its own copy."""
    module = project.replace("-", "_")
    agents = [r.header("user-agent") or "" for r in fakepypi.requests(path=f"*{module}*.whl*")]
    agents += [r.user_agent for r in servers.requests(module)]
    assert [agent for agent in agents if agent.startswith("Cellar")] == []


@pytest.mark.parametrize("way", EVERY_CLIENT)
@pytest.mark.parametrize("server", ["pypi", "devpi", "listing", "torch"])
def test_a_refused_project_ends_the_build_with_its_sentence(
    servers: Servers,
    fakepypi: FakePyPI,
    new_user: NewUser,
    banned: NewName,
    server: str,
    way: str,
) -> None:
    """With and without metadata beside the files: it is what installers ask for first."""
    project = banned(server)
    assert_told(lock_and_install(new_user(way), project), BANNED)
    assert_no_file_was_asked_for(servers, fakepypi, project)


@pytest.mark.parametrize("dependencies", [[], ["demo"]])
def test_a_refused_project_of_pypi_ends_poetry_with_its_sentence(
    fakepypi: FakePyPI, new_user: NewUser, new_name: NewName, dependencies: list[str]
) -> None:
    """Whether it takes the dependencies from the JSON API, or from a file for want of any there."""
    project = new_name("pypi-banned")
    fakepypi.publish(project, "1.0", requires=dependencies)
    assert_told(lock_and_install(new_user("Poetry"), project), BANNED)


@pytest.mark.parametrize("server", ["pypi", "devpi", "listing", "torch"])
def test_a_refused_project_ends_poetry_with_an_index_of_its_own_with_its_sentence(
    appliance: Appliance, client_job: Job, banned: NewName, server: str
) -> None:
    way = WAYS["Poetry"]
    source = '[[tool.poetry.source]]\nname = "cellar"\nurl = "{index}"\n'
    files = {**way.files, "pyproject.toml": way.files["pyproject.toml"] + source}
    user = User(replace(way, files=files), client_job, appliance)
    assert_told(lock_and_install(user, banned(server)), BANNED)


@pytest.mark.parametrize("client", ["/opt/pip/bin/pip install", "/opt/uv/bin/uv pip install"])
def test_a_refused_project_is_refused_in_a_snapshot_too(
    appliance: Appliance, fakepypi: FakePyPI, client_job: Job, new_name: NewName, client: str
) -> None:
    project = new_name("pypi-banned")
    fakepypi.publish(project, "1.0", upload_time="2026-02-01T00:00:00Z")
    index = f"https://{appliance.server_name}/snapshot/2026-02-02/simple/"
    attempt = client_job.attempt(f"{client} --target site --index-url {index} {project}")
    assert_told(attempt, BANNED)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("server", ["pypi", "devpi", "pypiserver", "mirror", "listing", "torch"])
def test_of_a_refused_project_all_files_are_shown_and_none_is_to_be_had(
    servers: Servers,
    fakepypi: FakePyPI,
    pages: OpenDoor,
    files: OpenDoor,
    banned: NewName,
    server: str,
    door: str,
) -> None:
    project = banned(server)
    assert sorted(offered(pages(door), project)) == ["1.0", "2.0"]
    for file in pages(door).page(project).json()["files"]:
        is_relative = file["url"].startswith("../../")
        serving = pages(door) if is_relative else files(door)
        path = file["url"].removeprefix("../..").removeprefix(f"https://{files(door).name}")
        for suffix in ("", ".metadata"):
            refused = serving.ask(path.partition("#")[0] + suffix)
            assert refused.status_code == 403, refused.text
            assert BANNED in refused.json()["detail"]
            assert BANNED in refused.reason
    assert_no_file_was_asked_for(servers, fakepypi, project)


def test_a_refused_projects_json_document_is_there_only_where_its_urls_are_refused(
    pages: OpenDoor, banned: NewName
) -> None:
    """It has PyPI's own file URLs, which at the index door lead around the appliance."""
    project = banned("pypi")
    refused = pages("index").ask(f"/pypi/{project}/json")
    assert (refused.status_code, BANNED in refused.reason) == (403, True)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert BANNED in refused.json()["detail"]
    shown = pages("intercept").ask(f"/pypi/{project}/json")
    assert (shown.status_code, list(shown.json()["releases"])) == (200, ["1.0", "2.0"])


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("server", ["pypi", "listing"])
def test_a_hidden_project_does_not_exist(
    pages: OpenDoor, publish: Publish, new_name: NewName, server: str, door: str
) -> None:
    project = new_name(f"{server}-unlisted")
    publish(project, "1.0")
    assert pages(door).page(project).status_code == 404


@pytest.mark.parametrize("way", PIP_AND_UV)
@pytest.mark.parametrize("server", ["pypi", "devpi", "listing", "torch"])
def test_a_refused_release_is_not_chosen(
    publish: Publish, install: Install, new_name: NewName, server: str, way: str
) -> None:
    project = new_name(f"{server}-recalled")
    for version in ("1.0", "2.0"):
        publish(project, version)
    attempt = install(way, project)
    assert attempt.versions == {project: "1.0"}, str(attempt)


class Recall(Protocol):
    """Publish versions 1 and 2 on a server; return their files' paths at a door, by version."""

    def __call__(self, server: str, door: str) -> Mapping[str, str]: ...


@pytest.fixture
def recall(servers: Servers, fakepypi: FakePyPI, pages: OpenDoor, new_name: NewName) -> Recall:
    def recall(server: str, door: str) -> Mapping[str, str]:
        project = new_name(f"{server}-recalled")
        if server == "pypi":
            return {v: fakepypi.publish(project, v).path for v in ("1.0", "2.0")}
        first, second = (servers.publish(server, project, v) for v in ("1.0", "2.0"))
        (file,) = pages(door).page(project).json()["files"]
        known = file["url"].removeprefix("../..")
        other = known.replace(first.sha256, second.sha256).replace(first.filename, second.filename)
        return {"1.0": known, "2.0": other}

    return recall


@pytest.mark.parametrize("client", ["/opt/pip/bin/pip install", "/opt/uv/bin/uv pip install"])
@pytest.mark.parametrize("server", ["pypi", "torch", "listing"])
def test_a_refused_file_asked_for_by_its_url_gives_its_sentence_to_the_user(
    appliance: Appliance, client_job: Job, recall: Recall, server: str, client: str
) -> None:
    """A lock file made elsewhere has the URL; the page does not."""
    urls = recall(server, "index")
    at = f"https://{appliance.server_name}"
    allowed, refused = (
        client_job.attempt(f"{client} --no-deps --target site '{at}{urls[version]}'")
        for version in ("1.0", "2.0")
    )
    assert allowed.status == 0, str(allowed)
    assert_told(refused, RECALLED)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("server", ["pypi", "torch"])
def test_a_refused_file_and_its_metadata_are_refused_at_every_door(
    servers: Servers,
    fakepypi: FakePyPI,
    pages: OpenDoor,
    files: OpenDoor,
    recall: Recall,
    server: str,
    door: str,
) -> None:
    urls = recall(server, door)
    serving = files(door) if server == "pypi" else pages(door)
    for suffix in ("", ".metadata"):
        assert serving.ask(urls["1.0"] + suffix).status_code == 200
        refused = serving.ask(urls["2.0"] + suffix)
        assert refused.status_code == 403
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert RECALLED in refused.json()["detail"]
        assert RECALLED in refused.reason
    wheel = urls["2.0"].rpartition("/")[2]
    asked = servers.requests(wheel) + fakepypi.requests(path=f"*{wheel}*")
    assert asked == [], "what is refused is not fetched"


@pytest.mark.parametrize(
    ("server", "door"), [("pypi", "index"), ("pypi", "intercept"), ("mirror", "index")]
)
def test_a_young_release_waits(
    pages: OpenDoor, publish: Publish, new_name: NewName, server: str, door: str
) -> None:
    """bandersnatch keeps PyPI's upload times."""
    project = new_name(f"{server}-cool")
    publish(project, "1.0", upload_time=days_ago(8))
    publish(project, "2.0", upload_time=days_ago(6))
    assert offered(pages(door), project) == ["1.0"]


@pytest.mark.parametrize(("rule", "versions"), [("cool", []), ("mild", ["1.0"])])
@pytest.mark.parametrize("server", ["devpi", "pypiserver", "listing", "torch"])
def test_where_no_page_has_upload_times_the_rule_says_what_that_means(
    pages: OpenDoor,
    publish: Publish,
    new_name: NewName,
    server: str,
    rule: str,
    versions: list[str],
) -> None:
    """By default what has no date is as if it were young."""
    project = new_name(f"{server}-{rule}")
    publish(project, "1.0")
    assert offered(pages("index"), project) == versions


@pytest.mark.parametrize("client", ["/opt/pip/bin/pip install", "/opt/uv/bin/uv pip install"])
@pytest.mark.parametrize("server", ["pypi", "mirror"])
def test_a_snapshot_is_the_index_as_of_that_day(
    appliance: Appliance,
    client_job: Job,
    publish: Publish,
    new_name: NewName,
    server: str,
    client: str,
) -> None:
    project = new_name(server)
    for version, day in {"1.0": "2026-02-01", "1.1": "2026-02-02", "2.0": "2026-02-03"}.items():
        publish(project, version, upload_time=f"{day}T23:59:59Z")
    index = f"https://{appliance.server_name}/snapshot/2026-02-02/simple/"
    show = "ls site"
    attempt = client_job.attempt(
        f"{client} --quiet --target site --index-url {index} {project} && {show}"
    )
    assert attempt.status == 0, str(attempt)
    assert f"{project.replace('-', '_')}-1.1.dist-info" in attempt.output, str(attempt)


def test_the_sentences_are_those_of_the_settings() -> None:
    """They are written anew in this file; a typing mistake in one would hide what is shown."""
    settings = yaml.safe_load((ROOT / "molecule/indexes/vars/settings.yml").read_text())
    reasons = {rule.get("reason") for rule in settings["cellar_file_rules"]}
    assert {BANNED, RECALLED} <= reasons
