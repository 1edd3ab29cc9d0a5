"""`cellar explain` on the appliance: what clients get of real indexes, and which rule says so."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from indexes.times import days_ago
from support.fixtures import DOORS

if TYPE_CHECKING:
    from fakepypi.client import FakePyPI
    from indexes.conftest import NewName, Publish
    from indexes.servers import Servers
    from support.deployment import Appliance
    from support.door import OpenDoor

STORAGE = ["STORAGE", "BY", "BECAUSE"]
PRIVATE = ["devpi", "pypiserver", "listing", "torch"]


@dataclass(frozen=True)
class Answer:
    """What the command came to."""

    status: int
    output: str
    errors: str

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """What `--json` says of each file, by the file's version."""
        found = json.loads(self.output)["files"]
        return {row["file"].split("-")[1]: row for row in found}


def explain(appliance: Appliance, *arguments: str) -> Answer:
    done = appliance.box.run(f"cellar explain{' %s' * len(arguments)}", *arguments)
    return Answer(done.rc, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def in_force_since(appliance: Appliance) -> datetime:
    """Return since when the appliance has had its settings."""
    seconds = appliance.run("stat --format %.9Y /etc/cellar/cellar.toml")
    return datetime.fromtimestamp(float(seconds), UTC)


def assert_since(row: dict[str, Any], expected: datetime) -> None:
    assert abs(datetime.fromisoformat(row["since"]) - expected) < timedelta(milliseconds=1), row


@pytest.mark.parametrize("server", ["pypi", *PRIVATE])
def test_an_allowed_file_is_offered_by_no_rule(
    appliance: Appliance, publish: Publish, new_name: NewName, server: str
) -> None:
    """By the file's name, also from an index that wants credentials."""
    project = new_name(server)
    publish(project, "1.0")
    filename = f"{project.replace('-', '_')}-1.0-py3-none-any.whl"
    answer = explain(appliance, filename)
    assert (answer.status, answer.errors) == (0, ""), answer
    headings, row = (re.split(r"  +", line) for line in answer.output.splitlines())
    assert headings == ["FILE", "VERDICT", "RULE", "SETTING", "SINCE", "UNTIL", "WHY", *STORAGE]
    assert row[:7] == [filename, "offered", "-", "-", "-", "-", "no rule matches"]
    assert len(row) == len(headings)


@pytest.mark.parametrize("server", ["pypi", "mirror"])
def test_a_release_that_waits_has_its_rule_since_its_upload_and_until_it_is_old_enough(
    appliance: Appliance, publish: Publish, new_name: NewName, server: str
) -> None:
    project, young = new_name(f"{server}-cool"), days_ago(2)
    publish(project, "1.0", upload_time=days_ago(8))
    publish(project, "2.0", upload_time=young)
    release = explain(appliance, "--json", f"{project}==2.0")
    assert (release.status, list(release.rows)) == (1, ["2.0"]), release
    row = release.rows["2.0"]
    assert (row["verdict"], row["rule"]) == ("hidden", "cooldown")
    assert row["setting"] == "cellar_file_rules"
    assert row["why"] == "it is younger than 7 days"
    uploaded = datetime.fromisoformat(young)
    assert_since(row, uploaded)
    assert datetime.fromisoformat(row["until"]) - uploaded == timedelta(days=7)
    whole = explain(appliance, "--json", project)
    verdicts = {version: row["verdict"] for version, row in whole.rows.items()}
    assert (whole.status, verdicts) == (0, {"1.0": "offered", "2.0": "hidden"})


@pytest.mark.parametrize("server", ["pypi", *PRIVATE])
def test_a_refused_project_has_its_rule_since_the_settings_are_in_force(
    appliance: Appliance,
    publish: Publish,
    new_name: NewName,
    in_force_since: datetime,
    server: str,
) -> None:
    project = new_name(f"{server}-banned")
    publish(project, "1.0")
    answer = explain(appliance, "--json", project)
    assert (answer.status, list(answer.rows)) == (1, ["1.0"]), answer
    row = answer.rows["1.0"]
    assert (row["verdict"], row["rule"]) == ("refused", "banned")
    assert (row["setting"], row["until"]) == ("cellar_file_rules", None)
    assert row["why"] == f"the rule is for all of {project}"
    assert_since(row, in_force_since)


@pytest.mark.parametrize("server", ["pypi", *PRIVATE])
def test_a_refused_file_is_explained_by_the_url_that_a_lock_file_has(
    appliance: Appliance,
    publish: Publish,
    new_name: NewName,
    in_force_since: datetime,
    server: str,
) -> None:
    project = new_name(f"{server}-recalled")
    for version in ("1.0", "2.0"):
        publish(project, version)
    filename = f"{project.replace('-', '_')}-2.0-py3-none-any.whl"
    answer = explain(appliance, "--json", f"https://elsewhere.example/files/{filename}#sha256=0")
    assert (answer.status, list(answer.rows)) == (1, ["2.0"]), answer
    row = answer.rows["2.0"]
    assert (row["verdict"], row["rule"]) == ("refused", "recalled")
    assert (row["setting"], row["until"]) == ("cellar_file_rules", None)
    assert row["why"] == "its version 2.0 matches >=2"
    assert_since(row, in_force_since)


@pytest.mark.parametrize("server", PRIVATE)
def test_about_a_private_project_pypi_is_not_asked(
    appliance: Appliance,
    servers: Servers,
    fakepypi: FakePyPI,
    new_name: NewName,
    server: str,
) -> None:
    """Whoever looks into a private name must not tell it to the world."""
    project = new_name(server)
    servers.publish(server, project, "1.0")
    fakepypi.publish(project, "99.0")
    answer = explain(appliance, "--json", project)
    assert (answer.status, list(answer.rows)) == (0, ["1.0"]), answer
    assert {r.host for r in servers.requests(f"/{project}/")} == {f"{server}.example"}
    assert fakepypi.requests(path=f"*{project}*") == []


@pytest.mark.parametrize("server", ["pypi", *PRIVATE])
def test_of_a_name_that_its_index_does_not_know_nothing_can_be_said(
    appliance: Appliance, new_name: NewName, server: str
) -> None:
    project = new_name(f"{server}-banned")
    for arguments in ([project], ["--json", project]):
        answer = explain(appliance, *arguments)
        assert (answer.status, answer.output) == (2, "")
        assert answer.errors == f"The index has no project named {project}.\n"


def test_a_version_that_the_page_does_not_have_is_told(
    appliance: Appliance, publish: Publish, new_name: NewName
) -> None:
    project = new_name("devpi")
    publish(project, "1.0")
    answer = explain(appliance, f"{project}==9")
    assert (answer.status, answer.output) == (1, "")
    assert answer.errors == f"The page of {project} has no file that matches {project}==9.\n"


def test_whoever_may_not_read_the_credentials_is_told_to_be_root(appliance: Appliance) -> None:
    done = appliance.box.run("setpriv --reuid=nobody --clear-groups cellar explain demo")
    assert (done.rc, done.stdout) == (2, "")
    assert done.stderr.endswith("permission denied; run this as root.\n"), done.stderr


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("words", ["pypi", "pypi-cool", "pypi-recalled", "pypi-unlisted"])
def test_what_it_says_is_what_clients_find(
    appliance: Appliance,
    publish: Publish,
    pages: OpenDoor,
    new_name: NewName,
    words: str,
    door: str,
) -> None:
    project = new_name(words)
    for version, days in {"1.0": 8, "1.5": 6, "2.0": 1}.items():
        publish(project, version, upload_time=days_ago(days))
    answer = explain(appliance, "--json", project)
    said = [row["file"] for row in answer.rows.values() if row["verdict"] == "offered"]
    page = pages(door).page(project)
    found = [file["filename"] for file in page.json()["files"]] if page.ok else []
    assert said == found
    assert answer.status == (0 if found else 1)
