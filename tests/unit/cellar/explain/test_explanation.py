"""What `cellar explain` says of files, and that it is what clients meet."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from cellar.explain.explanation import Row, as_json, as_table, explain, is_offered
from cellar.explain.fate import Fate, Outcome
from cellar.explain.question import Question
from cellar.policy import Policy
from cellar.settings import FileRuleSettings
from unit.cellar.policy.support import DAY, NOW, file, page, pages, policies, rule, written

SINCE = datetime(2026, 10, 5, 8, 30, tzinfo=UTC)
RULES = [
    rule("allow", name="ours", filenames=("*-1.3*",)),
    rule("refuse", name="deny", versions="==1.2"),
    rule("hide", name="cooldown", younger_than_days=7),
]
PAGE = page(
    file("demo-1.1.zip", upload_time=written(NOW - 30 * DAY)),
    file("demo-1.2.zip", upload_time=written(NOW - DAY)),
    file("demo-1.3.zip", upload_time=written(NOW - DAY)),
    file("demo-1.4.zip", upload_time=written(NOW - DAY)),
    file("demo-1.5.zip"),
)


def fate(entry: Mapping[str, Any]) -> Fate:
    """Return a fate that tells whose it is."""
    return Fate(answer=Outcome.STORED, zone="pinned", setting="a_setting", why=entry["filename"])


def explained(
    text: str, rules: list[FileRuleSettings] = RULES, document: dict[str, Any] = PAGE
) -> list[Row]:
    question = Question.parse(text)
    return explain(question, document, "demo", Policy(rules), fate, NOW, SINCE)


def test_each_file_has_its_rule_the_setting_the_words_and_the_times() -> None:
    rows = [row.cells()[:7] for row in explained("demo")]
    settings = "2026-10-05T08:30:00Z"
    ours = "cellar_file_rules"
    assert rows == [
        ("demo-1.1.zip", "offered", "-", "-", "-", "-", "no rule matches"),
        ("demo-1.2.zip", "refused", "deny", ours, settings, "-", "its version 1.2 matches ==1.2"),
        ("demo-1.3.zip", "offered", "ours", ours, settings, "-", "its name matches *-1.3*"),
        (
            *("demo-1.4.zip", "hidden", "cooldown", ours),
            *("2026-11-30T10:00:00Z", "2026-12-07T10:00:00Z", "it is younger than 7 days"),
        ),
        (
            *("demo-1.5.zip", "hidden", "cooldown", ours, settings, "-"),
            "it has no upload-time and so counts as younger than 7 days",
        ),
    ]


def test_only_what_is_asked_about_is_explained() -> None:
    assert [row.file for row in explained("demo>1.3")] == ["demo-1.4.zip", "demo-1.5.zip"]
    assert [row.file for row in explained("demo-1.2.zip")] == ["demo-1.2.zip"]
    assert explained("demo==9") == []


@pytest.mark.parametrize(
    ("text", "offered"),
    [("demo", True), ("demo==1.3", True), ("demo==1.2", False), ("demo>1.3", False)],
)
def test_one_offered_file_is_enough(text: str, *, offered: bool) -> None:
    rows = explained(text)
    assert is_offered(rows) is offered
    assert json.loads(as_json(Question.parse(text), "demo", rows))["offered"] is offered


@given(policy=policies, document=pages)
def test_what_is_said_to_be_offered_is_what_the_page_shows(
    policy: list[FileRuleSettings], document: dict[str, Any]
) -> None:
    rows = explained("demo", policy, document)
    shown = Policy(policy).page(document, "demo", NOW).document["files"]
    assert [row.file for row in rows] == [entry["filename"] for entry in document["files"]]
    offered = [row.file for row in rows if row.verdict == "offered"]
    assert offered == [entry["filename"] for entry in shown]


def test_what_clients_can_get_says_whether_it_is_stored_and_what_is_refused_does_not() -> None:
    rows = {row.file: row.cells()[7:] for row in explained("demo<1.5")}
    assert rows == {
        "demo-1.1.zip": ("stored in pinned", "a_setting", "demo-1.1.zip"),
        "demo-1.2.zip": ("-", "-", "-"),
        "demo-1.3.zip": ("stored in pinned", "a_setting", "demo-1.3.zip"),
        "demo-1.4.zip": ("stored in pinned", "a_setting", "demo-1.4.zip"),
    }


def test_the_table_has_headings_and_aligned_columns() -> None:
    lines = as_table(explained("demo>=1.2,<1.4")).splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["FILE", "VERDICT", "RULE"],
        ["demo-1.2.zip", "refused", "deny"],
        ["demo-1.3.zip", "offered", "ours"],
    ]
    assert (
        len({line.index(word) for line, word in zip(lines, ("WHY", "its", "its"), strict=True)})
        == 1
    )
    assert [line for line in lines if line != line.rstrip()] == []


def test_a_name_cannot_write_to_the_terminal() -> None:
    odd = page(file("demo-1.0\x1b[2J\n\u202e.zip"))
    table = as_table(explained("demo", [rule(filenames=("*",))], odd))
    assert len(table.splitlines()) == 2
    assert "demo-1.0?[2J??.zip" in table
    assert table.replace("\n", "").isprintable()


def test_json_says_the_same_as_the_table() -> None:
    rows = explained("demo-1.4.zip")
    assert json.loads(as_json(Question.parse("demo-1.4.zip"), "demo", rows)) == {
        "requirement": "demo-1.4.zip",
        "project": "demo",
        "offered": False,
        "files": [
            {
                "file": "demo-1.4.zip",
                "verdict": "hidden",
                "rule": "cooldown",
                "setting": "cellar_file_rules",
                "since": "2026-11-30T10:00:00Z",
                "until": "2026-12-07T10:00:00Z",
                "why": "it is younger than 7 days",
                "storage": {
                    "answer": "stored",
                    "zone": "pinned",
                    "rule": None,
                    "setting": "a_setting",
                    "size": None,
                    "larger_than": None,
                    "limit": None,
                    "why": "demo-1.4.zip",
                },
            }
        ],
    }
    (refused,) = explained("demo-1.2.zip")
    said = json.loads(as_json(Question.parse("demo-1.2.zip"), "demo", [refused]))["files"]
    assert [row["storage"] for row in said] == [None]
    (nothing,) = explained("demo-1.1.zip")
    assert (nothing.rule, nothing.setting, nothing.since, nothing.until) == (None,) * 4
