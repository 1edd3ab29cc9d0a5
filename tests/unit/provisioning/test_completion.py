"""What the roles are given: entries with all their defaults, and what follows from them."""

from __future__ import annotations

import base64
import copy
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar.index import views
from cellar.provisioning import completed_settings, completion
from cellar.provisioning.numbers import at_most
from cellar.provisioning.patterns import covers

from .conftest import GOOD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cellar.provisioning.specification import Options

ROOT = Path(__file__).resolve().parents[3]

ACME: Mapping[str, Any] = {
    "name": "acme",
    "url": "https://packages.acme.example:8443/simple/",
    "username": "ci",
    "password": "käse:{{x}}",
    "ca_file": "/srv/acme.pem",
    "missing_statuses": [403],
}
BETA: Mapping[str, Any] = {
    "name": "beta",
    "url": "https://beta.example/simple/",
    "files": ["https://cdn.example/b/", "https://beta.example/f/", "https://cdn.example/c/"],
}
ENTRIES: Mapping[str, Any] = {
    "cellar_indexes": [ACME, BETA],
    "cellar_routes": [{"projects": ["acme-*"], "indexes": ["acme", "pypi"]}],
    "cellar_file_rules": [
        {"name": "cooldown", "answer": "hide", "younger_than_days": 7, "larger_than": "500m"}
    ],
}


def complete(options: Options, **changes: Any) -> dict[str, Any]:
    values = {**GOOD, **ENTRIES, **changes}
    return completed_settings(values, options, "/etc/upstream.pem", "/etc/cellar/indexes")


def test_pypi_is_the_first_index_whatever_the_settings_are(options: Options) -> None:
    for entries in ([], [ACME, BETA]):
        first, *others = complete(options, cellar_indexes=entries)["indexes"]
        assert first == {
            "name": "pypi",
            "url": "https://index.example/simple/",
            "files": ["https://files.example/packages/"],
            "username": "",
            "password": "",
            "ca_file": "",
            "missing_statuses": [],
            "ca_path": "/etc/upstream.pem",
            "authorization": "",
        }
        assert [index["name"] for index in others] == [entry["name"] for entry in entries]


def test_an_index_has_every_key_and_what_it_is_asked_with(options: Options) -> None:
    _, acme, beta = complete(options)["indexes"]

    assert acme == {
        **ACME,
        "files": ["https://packages.acme.example:8443/"],
        "ca_path": "/etc/cellar/indexes/acme-ca.pem",
        "authorization": acme["authorization"],
    }
    scheme, _, credentials = acme["authorization"].partition(" ")
    assert (scheme, base64.b64decode(credentials).decode()) == ("Basic", "ci:käse:{{x}}")
    assert beta.keys() == acme.keys()
    assert beta["files"] == BETA["files"]
    assert (beta["authorization"], beta["ca_path"]) == ("", "/etc/upstream.pem")


def test_the_hosts_of_files_stand_once_each_and_pypis_not_at_all(options: Options) -> None:
    completed = complete(options)
    authorization = completed["indexes"][1]["authorization"]

    acme = {"origin": "packages.acme.example:8443", "host": "packages.acme.example", "port": 8443}
    other = {"port": 443, "ca_path": "/etc/upstream.pem", "authorization": ""}
    assert completed["file_origins"] == [
        {**acme, "ca_path": "/etc/cellar/indexes/acme-ca.pem", "authorization": authorization},
        {"origin": "cdn.example", "host": "cdn.example", **other},
        {"origin": "beta.example", "host": "beta.example", **other},
    ]
    assert complete(options, cellar_indexes=[])["file_origins"] == []


def test_what_matches_no_route_is_pypis(options: Options) -> None:
    last = {"projects": ["*"], "indexes": ["pypi"]}
    assert complete(options)["routes"] == [*ENTRIES["cellar_routes"], last]
    assert complete(options, cellar_routes=[])["routes"] == [last]


def test_a_file_rule_has_every_key_and_its_size_in_bytes(options: Options) -> None:
    (rule,) = complete(options)["file_rules"]

    assert rule == {
        "name": "cooldown",
        "answer": "hide",
        "projects": ["*"],
        "versions": "",
        "kinds": [],
        "filenames": [],
        "younger_than_days": 7,
        "undated": "match",
        "larger_than": 500 * 1024 * 1024,
        "zone": "",
        "reason": "",
    }
    bare = {"name": "x", "answer": "hide"}
    assert complete(options, cellar_file_rules=[bare])["file_rules"][0]["larger_than"] == 0


@pytest.mark.parametrize("answers", [[], ["hide", "allow"], ["allow", "refuse"]])
def test_only_a_rule_that_refuses_enforces(options: Options, answers: list[str]) -> None:
    rules = [{"name": f"r{n}", "answer": answer} for n, answer in enumerate(answers)]
    enforces = complete(options, cellar_file_rules=rules)["enforces"]
    assert enforces is ("refuse" in answers)


STREAM = {"name": "big", "answer": "stream", "larger_than": "1g"}
NO_WINDOWS = {"name": "no-windows", "answer": "stream", "filenames": ["*-win32.whl"]}
METADATA = 16 * 2**20
ALL = 40 * 2**30  # what the cache may hold


@pytest.mark.parametrize(
    ("changes", "limits", "least", "checks"),
    [
        ({"cellar_file_rules": []}, [METADATA, 2 * 2**30, ALL], str(2 * 2**30), True),
        ({"cellar_file_size_limit": ""}, [METADATA, ALL], str(ALL), False),
        (
            {"cellar_file_size_limit": "", "cellar_file_rules": [NO_WINDOWS]},
            [METADATA, ALL],
            str(ALL),
            True,
        ),
        (
            {"cellar_file_size_limit": "3k", "cellar_file_rules": [STREAM, NO_WINDOWS]},
            [3072, METADATA, 2**30, ALL],
            "3072",
            True,
        ),
        (
            {
                "cellar_file_size_limit": "",
                "cellar_file_rules": [{**STREAM, "answer": "refuse"}],
            },
            [METADATA, ALL],
            str(ALL),
            True,
        ),
        (
            {"cellar_file_zones": [{"name": "week", "max_size": "1g"}, {"name": "pinned"}]},
            [METADATA, 2**30, 2 * 2**30, ALL],
            str(2**30),
            True,
        ),
    ],
)
def test_the_sizes_up_to_which_something_is_stored_are_known_to_the_engine(
    options: Options, changes: dict[str, Any], limits: list[int], least: str, *, checks: bool
) -> None:
    found = complete(options, **changes)

    assert [each["bytes"] for each in found["file_limits"]] == limits
    assert (found["least_file_limit"], found["checks_files"]) == (least, checks)


@given(st.integers(0, 10**13), st.integers(-2, 2), st.integers(0, 10**13))
def test_a_limit_is_a_pattern_of_just_the_numbers_up_to_it(
    greatest: int, near: int, far: int
) -> None:
    pattern = re.compile(at_most(greatest))

    assert pattern.groups == 0
    for number in (max(0, greatest + near), far, 0, greatest):
        assert bool(pattern.fullmatch(str(number))) == (number <= greatest)


def test_patterns_of_small_limits_are_right_for_every_number() -> None:
    for greatest in range(1200):
        pattern = re.compile(at_most(greatest))
        found = [number for number in range(1300) if pattern.fullmatch(str(number))]
        assert found == list(range(greatest + 1))


def test_a_zone_has_every_key(options: Options) -> None:
    zones = complete(options, cellar_file_zones=[{"name": "pinned"}])["file_zones"]

    assert zones == [{"name": "pinned", "max_size": "", "unused_days": 0}]


def changed(**changes: Any) -> dict[str, Any]:
    """Return the entries with a key of each first entry changed, for example `indexes={...}`."""
    entries = copy.deepcopy(dict(ENTRIES))
    for name, keys in changes.items():
        entries[f"cellar_{name}"][0] = {**entries[f"cellar_{name}"][0], **keys}
    return entries


OTHER_PAGES: list[dict[str, Any]] = [
    {"cellar_pypi_index_host": "mirror.example"},
    {"cellar_pypi_files_host": "mirror.example"},
    {"cellar_indexes": []},
    {"cellar_indexes": [BETA, ACME]},
    {"cellar_routes": []},
    {"cellar_file_rules": []},
    changed(indexes={"name": "gamma"}),
    changed(indexes={"url": "https://packages.acme.example/simple/"}),
    changed(indexes={"files": ["https://a.example/"]}),
    changed(indexes={"missing_statuses": []}),
    changed(indexes={"username": "", "password": ""}),
    changed(routes={"projects": ["*"]}),
    changed(routes={"indexes": ["pypi", "acme"]}),
    changed(file_rules={"name": "other"}),
    changed(file_rules={"answer": "refuse"}),
    changed(file_rules={"projects": ["a"]}),
    changed(file_rules={"versions": "<2"}),
    changed(file_rules={"kinds": ["sdist"]}),
    changed(file_rules={"filenames": ["*.egg"]}),
    changed(file_rules={"younger_than_days": 8}),
    changed(file_rules={"undated": "skip"}),
    changed(file_rules={"larger_than": "501m"}),
    changed(file_rules={"reason": "Ask."}),
    changed(file_rules={"zone": "pinned"}),
    {"cellar_file_size_limit": "3g"},
    {"cellar_file_over_limit": "redirect"},
]


def test_the_revision_differs_whenever_pages_can(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    revisions = [complete(options, **change)["pages_revision"] for change in [{}, *OTHER_PAGES]]
    monkeypatch.setattr(completion, "REVISION", views.REVISION + 1)
    revisions.append(complete(options)["pages_revision"])

    assert len(set(revisions)) == len(OTHER_PAGES) + 2
    assert [r for r in revisions if len(r) != 8 or not set(r) <= set("0123456789abcdef")] == []


SAME_PAGES: list[dict[str, Any]] = [
    changed(indexes={"username": "other", "password": "new"}),
    changed(indexes={"ca_file": "/home/other/acme.pem"}),
    # Said or unsaid is the same.
    changed(indexes={"files": ["https://packages.acme.example:8443/"]}),
    changed(file_rules={"undated": "match", "kinds": []}),
    {"cellar_server_names": ["other.example"], "cellar_page_max_age": 60},
]


@pytest.mark.parametrize("change", SAME_PAGES)
def test_the_revision_stays_while_pages_do(options: Options, change: dict[str, Any]) -> None:
    """A changed one makes every page of every client new."""
    assert complete(options, **change)["pages_revision"] == complete(options)["pages_revision"]


def test_what_was_said_of_files_is_asked_again_when_limits_change(options: Options) -> None:
    """And pages, which say nothing of the size of the cache, stay."""
    zone = {"name": "week", "max_size": "1g"}
    limits: list[dict[str, Any]] = [
        {},
        {"cellar_files_max_size": "50g"},
        {"cellar_file_zones": [zone]},
        {"cellar_file_zones": [{**zone, "max_size": "2g"}]},
        {"cellar_file_size_limit": "1g"},
    ]
    found = [complete(options, **change) for change in limits]

    assert len({each["oracle_revision"] for each in found}) == len(limits)
    assert len({each["pages_revision"] for each in found[:4]}) == 1


COVERED = [
    ("*", "*"),
    ("*", "a"),
    ("acme-*", "acme-x"),
    ("acme-*", "acme-x-*"),
    ("acme-*", "acme-*-x"),
    ("a*c", "abc"),
]
NOT_COVERED = [
    ("acme-*", "acme"),
    ("acme-*", "acme*"),
    ("acme", "acme-*"),
    ("acme", "acme-x"),
    ("a", "*"),
    ("a*c", "a*"),
]


@pytest.mark.parametrize(("wide", "narrow"), COVERED)
def test_a_pattern_covers_another_if_it_matches_all_its_names(wide: str, narrow: str) -> None:
    assert covers(wide, narrow)


@pytest.mark.parametrize(("wide", "narrow"), NOT_COVERED)
def test_a_pattern_covers_no_other_that_matches_more(wide: str, narrow: str) -> None:
    assert not covers(wide, narrow)


def test_the_controller_needs_nothing_that_ansible_does_not_bring() -> None:
    """Whatever else is installed here: the appliance's libraries may be missing there."""
    code = (
        "import sys; sys.path.insert(0, 'src')\n"
        "for name in ('click', 'gunicorn', 'httpx', 'starlette', 'uvicorn', 'uvicorn_worker'):\n"
        "    sys.modules[name] = None\n"
        "import cellar.provisioning\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
