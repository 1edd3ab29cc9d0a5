"""`cellar explain` as operators call it, with indexes that answer over the network."""

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from click.testing import CliRunner, Result

from cellar.cli import main
from unit.cellar.policy.support import file, page, written
from unit.cellar.servers import Answer, Request, https_server
from unit.cellar.support import FILE_RULE, PYPI, PYPI_ROUTE, hashed_path, write_settings

YOUNG = datetime.now(UTC) - timedelta(days=1)
DEMO = page(
    file("demo-1.0.tar.gz", upload_time="2020-01-01T00:00:00Z"),
    file("demo-2.0.tar.gz", upload_time=written(YOUNG)),
)
STORAGE = ("STORAGE", "BY", "BECAUSE")
RULES = [
    FILE_RULE | {"name": "deny", "answer": "refuse", "versions": "==1.0", "younger_than_days": 0},
    FILE_RULE,
]


class Index:
    """An index server, and the appliance's settings that name it as PyPI and as a private index."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "cellar.toml"
        self.ca = trustme.CA()
        self.ca.cert_pem.write_to_path(directory / "ca.pem")
        self.ca_file = str(directory / "ca.pem")
        self.pages: dict[str, Any] = {"/simple/demo/": DEMO}
        self.asked: list[str] = []

    def __call__(self, request: Request) -> Answer:
        self.asked.append(request.path)
        found = self.pages.get(request.path)
        if found is None:
            return Answer(404, b"nothing here")
        return Answer(200, found if isinstance(found, bytes) else json.dumps(found).encode())

    def configure(self, port: int, **changes: Any) -> None:
        self.port = port
        address = f"https://localhost:{port}"
        acme = PYPI | {"name": "acme", "url": f"{address}/acme/"}
        values: dict[str, Any] = {
            "upstream": {"ca_file": self.ca_file, "connect_timeout": 2.0, "read_timeout": 2.0},
            "indexes": [PYPI | {"url": f"{address}/simple/"}, acme],
            "routes": [{"projects": ["acme-*"], "indexes": ["acme"]}, PYPI_ROUTE],
            "file_rules": RULES,
        }
        write_settings(self.path, **(values | changes))
        os.utime(self.path, (1e9, 1e9))

    def explain(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["explain", "--settings", str(self.path), *arguments])


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    index = Index(tmp_path)
    with https_server(index.ca, ["localhost"], index) as port:
        index.configure(port)
        yield index


def test_every_file_of_a_project_is_explained(index: Index) -> None:
    result = index.explain("demo")
    since = YOUNG.isoformat().replace("+00:00", "Z")
    until = (YOUNG + timedelta(days=7)).isoformat().replace("+00:00", "Z")
    ours = "cellar_file_rules"
    assert [re.split(r"  +", line) for line in result.stdout.splitlines()] == [
        ["FILE", "VERDICT", "RULE", "SETTING", "SINCE", "UNTIL", "WHY", *STORAGE],
        [
            *("demo-1.0.tar.gz", "refused", "deny", ours, "2001-09-09T01:46:40Z", "-"),
            *("its version 1.0 matches ==1.0", "-", "-", "-"),
        ],
        [
            *("demo-2.0.tar.gz", "hidden", "cooldown", ours, since, until),
            *("it is younger than 7 days", "elsewhere", "-"),
            "the appliance does not cache files at its URL",
        ],
    ]
    assert (result.exit_code, result.stderr) == (1, "")
    assert index.asked == ["/simple/demo/"]


def test_one_offered_file_makes_it_succeed(index: Index) -> None:
    index.pages["/simple/demo/"] = page(
        *DEMO["files"], file("demo-1.5.zip", upload_time="2020-01-01T00:00:00Z")
    )
    assert index.explain("demo").exit_code == 0
    assert index.explain("demo==1.5").exit_code == 0
    assert index.explain("demo==1.0").exit_code == 1


def test_json_has_the_same_exit_code(index: Index) -> None:
    result = index.explain("--json", "demo>1.0")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (found["project"], found["offered"]) == ("demo", False)
    assert [(row["file"], row["rule"]) for row in found["files"]] == [
        ("demo-2.0.tar.gz", "cooldown")
    ]


def test_the_settings_say_what_is_stored_and_a_file_refused_for_its_size_is_still_offered(
    index: Index,
) -> None:
    url = "https://files.example/packages/" + hashed_path("demo-1.5.zip")
    entry = file("demo-1.5.zip", upload_time="2020-01-01T00:00:00Z", size=1001)
    index.pages["/simple/demo/"] = page(entry | {"url": url})
    index.configure(index.port, files={"size_limit": 1000, "over_limit": "refuse"})
    result = index.explain("--json", "demo")
    (row,) = json.loads(result.stdout)["files"]
    assert (result.exit_code, row["verdict"]) == (0, "offered")
    assert (row["storage"]["answer"], row["storage"]["size"]) == ("refused", 1001)
    pinned = FILE_RULE | {"answer": "store", "younger_than_days": 0, "zone": "pinned"}
    index.configure(index.port, files={"size_limit": 1000}, file_rules=[pinned])
    (row,) = json.loads(index.explain("--json", "demo").stdout)["files"]
    assert (row["storage"]["answer"], row["storage"]["zone"]) == ("stored", "pinned")
    assert (row["rule"], row["storage"]["rule"]) == (None, "cooldown")


def test_no_file_of_that_version_is_told(index: Index) -> None:
    result = index.explain("demo==9")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "The page of demo has no file that matches demo==9.\n"
    assert json.loads(index.explain("--json", "demo==9").stdout)["files"] == []


def test_the_index_that_owns_a_project_is_asked_and_no_other(index: Index) -> None:
    document = page(file("acme-tool-1.0.tar.gz", upload_time="2020-01-01T00:00:00Z"))
    index.pages["/acme/acme-tool/"] = document | {"name": "acme-tool"}
    result = index.explain("acme-tool>1")
    assert result.exit_code == 1
    assert index.explain("Acme_Tool==1").stdout.count("refused") == 1
    assert set(index.asked) == {"/acme/acme-tool/"}


def test_a_file_is_looked_for_in_every_project_that_it_may_be_of(index: Index) -> None:
    entry = file("demo-2.0-1.tar.gz", upload_time=written(YOUNG))
    index.pages["/simple/demo/"] = page(entry)
    result = index.explain(entry["url"])
    assert index.asked == ["/simple/demo-2-0/", "/simple/demo/"]
    assert "demo-2.0-1.tar.gz  hidden   cooldown" in result.stdout


@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        ("demo=1", "'demo=1' is neither a requirement such as demo or demo==1.2, nor the name or "),
        ("absent", "The index has no project named absent."),
        ("absent-1.0-1.zip", "The index has no project named absent-1-0 or absent."),
        ("demo-7.0.tar.gz", "The page of demo has no file named demo-7.0.tar.gz."),
        ("broken", "The page of broken cannot be read: "),
    ],
)
def test_what_cannot_be_said_is_told_in_one_sentence(
    index: Index, requirement: str, said: str
) -> None:
    index.pages["/simple/broken/"] = b"{"
    for options in ([], ["--json"]):
        result = index.explain(*options, requirement)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(said)
        assert result.stderr.count("\n") == 1


def test_an_index_that_cannot_be_asked_is_told(index: Index) -> None:
    index.configure(1)
    result = index.explain("demo")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("The index upstream pypi cannot be reached. ")
    index.configure(1, upstream={"ca_file": "/nonexistent/ca.pem"})
    result = index.explain("demo")
    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        "/nonexistent/ca.pem: the CA bundle of cellar_upstream_ca_file cannot be read"
        in result.stderr
    )


def test_settings_that_cannot_be_used_are_told(index: Index) -> None:
    index.configure(1, file_rules=[FILE_RULE | {"answer": "forbid"}])
    result = index.explain("demo")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "file_rules[0].answer is 'forbid'; it must be" in result.stderr
