"""Which files a rule matches, which rule decides, and what clients are told."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar.policy import Answer, Policy, Verdict
from cellar.settings import FileRuleSettings
from unit.cellar.policy.support import (
    DAY,
    MOMENT,
    NOW,
    WHEEL,
    entries,
    file,
    judged,
    matches,
    policies,
    rule,
    within,
    written,
)


def test_without_a_rule_everything_is_allowed() -> None:
    policy = Policy([])
    assert policy.file("demo", file(), NOW) == Verdict(Answer.ALLOW)
    assert policy.project("demo") == Verdict(Answer.ALLOW)
    assert not policy.enforces


# Conditions: one by one.
@pytest.mark.parametrize(
    ("changes", "filename", "expected"),
    [
        ({}, "anything at all", True),
        ({"projects": ("demo",)}, WHEEL, True),
        ({"projects": ("other", "dem*")}, WHEEL, True),
        ({"projects": ("other",)}, WHEEL, False),
        ({"kinds": ("wheel",)}, WHEEL, True),
        ({"kinds": ("sdist", "egg")}, WHEEL, False),
        ({"kinds": ("sdist",)}, "demo-1.2.tar.gz", True),
        ({"kinds": ("other",)}, "demo-1.2.win32.exe", True),
        ({"filenames": ("*.exe", "*-none-any.whl")}, WHEEL, True),
        ({"filenames": ("*.WHL", "demo-1.2")}, WHEEL, False),
        ({"filenames": ("demo-[0-9].?-*",)}, WHEEL, True),
        ({"versions": "==1.2"}, WHEEL, True),
        ({"versions": ">=1,<2"}, WHEEL, True),
        ({"versions": "<1.2"}, WHEEL, False),
        ({"versions": "<2"}, "demo-1.2-1.tar.gz", True),
        ({"versions": "==1.2"}, "demo-1.2.0.tar.gz", True),
    ],
)
def test_a_rule_matches_by_what_it_names(
    changes: dict[str, Any], filename: str, *, expected: bool
) -> None:
    assert matches(rule(**changes), file(filename)) is expected


@pytest.mark.parametrize("version", ["2.0rc1", "2.0.dev3", "2.0a1"])
def test_pre_releases_count(version: str) -> None:
    assert matches(rule(versions=">=1"), file(f"demo-{version}.tar.gz"))


def test_all_conditions_have_to_hold() -> None:
    strict = rule(kinds=("wheel",), versions="<2", filenames=("*any*",), larger_than=5)
    assert matches(strict, file(size=6))
    assert not matches(strict, file("demo-1.2.tar.gz", size=6))
    assert not matches(strict, file("demo-2.0-py3-none-any.whl", size=6))
    assert not matches(strict, file("demo-1.2-cp311-cp311-win32.whl", size=6))
    assert not matches(strict, file(size=5))


def test_a_file_of_unknown_size_is_not_larger() -> None:
    assert matches(rule(larger_than=5), file(size=6))
    for entry in (file(size=5), file(), file(size=None), file(size="6"), file(size=6.5)):
        assert not matches(rule(larger_than=5), entry)


# Fail closed: a version that nobody can read is kept out, and is no exemption.
@pytest.mark.parametrize("filename", ["demo-2004d.tar.gz", "demo.zip", "readme.txt"])
def test_a_version_that_cannot_be_read_is_kept_out_and_not_let_in(filename: str) -> None:
    assert matches(rule("refuse", versions="==1.2"), file(filename))
    assert matches(rule("hide", versions="==1.2"), file(filename))
    assert not matches(rule("allow", versions=">=0"), file(filename))


def test_an_exemption_can_name_the_very_spelling() -> None:
    assert matches(rule("allow", versions="===2004d"), file("demo-2004d.tar.gz"))
    assert not matches(rule("allow", versions="===2004d"), file("demo-2004e.tar.gz"))


def test_the_project_tells_where_the_version_begins() -> None:
    first, second = rule(versions="==1.0.post1"), rule(versions="==1")
    entry = file("foo-1.0-1.tar.gz")
    assert matches(first, entry, "foo")
    assert not matches(second, entry, "foo")
    assert matches(second, entry, "foo-1-0")


# Age.
@pytest.mark.parametrize(
    ("uploaded", "expected"),
    [
        (NOW - 7 * DAY, False),
        (NOW - 7 * DAY + MOMENT, True),
        (NOW - 7 * DAY - MOMENT, False),
        (NOW, True),
        (NOW + 30 * DAY, True),
    ],
)
def test_a_file_is_old_enough_from_the_very_moment_on(
    uploaded: datetime, *, expected: bool
) -> None:
    assert matches(rule(younger_than_days=7), file(upload_time=written(uploaded))) is expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T10:00:01Z",
        "2026-11-24T10:00:00.1Z",
        "2026-11-24T10:00:00.123Z",
        "2026-11-24T10:00:00.000001Z",
    ],
)
def test_upload_times_have_up_to_six_digits(text: str) -> None:
    young = rule(younger_than_days=7, undated="skip")
    until = judged(young, file(upload_time=text)).until
    assert until == datetime.fromisoformat(text) + 7 * DAY


UNDATED = [
    "",
    "yesterday",
    "2026-11-30",
    "2026-11-30T10:00:00",
    "2026-11-30T10:00:00+00:00",
    "2026-11-30T10:00:00.1234567Z",
    "2026-11-30T10:00Z",
    "20261130T100000Z",
    "2026-W48-1T10:00:00Z",
    "2026-13-30T10:00:00Z",
    "2026-11-30T10:00:00Z\n",
    "0000-11-30T10:00:00Z",
    "\u0662026-11-30T10:00:00Z",
    1764496800,
    None,
    ["2026-11-30T10:00:00Z"],
]


@pytest.mark.parametrize("text", UNDATED)
def test_garbage_is_no_upload_time(text: object) -> None:
    entry = file(upload_time=text)
    assert judged(rule(younger_than_days=7), entry).until is None
    assert matches(rule(younger_than_days=7, undated="match"), entry)
    assert not matches(rule(younger_than_days=7, undated="skip"), entry)


def test_undated_files_are_as_the_rule_says() -> None:
    assert matches(rule(younger_than_days=7, undated="match"), file())
    assert not matches(rule(younger_than_days=7, undated="skip"), file())
    assert matches(rule(undated="skip"), file()), "it speaks of age alone"


def test_an_upload_at_the_end_of_the_calendar_is_young_until_then() -> None:
    found = judged(rule(younger_than_days=7), file(upload_time="9999-12-31T23:59:59Z"))
    assert found.until == datetime.max.replace(tzinfo=UTC)
    assert "until 9999-12-31T23:59Z" in found.sentence


# Order.
def test_the_first_rule_that_matches_decides_and_allow_stops() -> None:
    policy = Policy(
        [
            rule("allow", name="ours", projects=("acme-*",)),
            rule("refuse", name="deny", versions="==1.2"),
            rule("hide", name="cooldown", younger_than_days=7),
        ]
    )
    young = written(NOW - DAY)
    answers = {
        ("acme-demo", "acme_demo-1.2.zip"): (Answer.ALLOW, "ours"),
        ("demo", "demo-1.2.zip"): (Answer.REFUSE, "deny"),
        ("demo", "demo-1.3.zip"): (Answer.HIDE, "cooldown"),
    }
    for (project, filename), expected in answers.items():
        found = policy.file(project, file(filename, upload_time=young), NOW)
        assert (found.answer, found.rule) == expected
    assert policy.file("demo", file("demo-1.3.zip", upload_time=written(NOW - 9 * DAY)), NOW) == (
        Verdict(Answer.ALLOW)
    )
    assert policy.enforces


@given(policy=policies, entry=entries)
def test_rules_decide_one_by_one_as_if_each_were_alone(
    policy: list[FileRuleSettings], entry: dict[str, Any]
) -> None:
    alone = (judged(one, entry) for one in policy)
    expected = next((found for found in alone if found.rule is not None), Verdict(Answer.ALLOW))
    assert Policy(policy).file("demo", entry, NOW) == expected


@given(policies)
def test_only_a_rule_that_refuses_makes_a_policy_enforce(policy: list[FileRuleSettings]) -> None:
    assert Policy(policy).enforces is any(one.answer == "refuse" for one in policy)


# Time.
@given(policy=policies, entry=entries, part=st.floats(0, 1, exclude_max=True))
def test_a_verdict_stays_until_it_says_and_changes_then(
    policy: list[FileRuleSettings], entry: dict[str, Any], part: float
) -> None:
    ready = Policy(policy)
    now = ready.file("demo", entry, NOW)
    if now.until is None:
        assert ready.file("demo", entry, NOW + part * 10000 * DAY) == now
        return
    assert now.until > NOW
    assert ready.file("demo", entry, within(now.until, part)) == now
    if now.until.year < 9999:
        assert ready.file("demo", entry, now.until - MOMENT) == now
        assert ready.file("demo", entry, now.until) != now


def test_a_shorter_rule_behind_a_longer_one_is_over_when_its_turn_comes() -> None:
    short = rule(name="short", younger_than_days=2)
    long = rule(name="long", younger_than_days=5)
    entry = file(upload_time=written(NOW - DAY))
    ends = NOW + DAY, NOW + 4 * DAY
    assert Policy([long, short]).file("demo", entry, NOW).until == ends[1]
    assert Policy([long, short]).file("demo", entry, ends[1]).rule is None
    assert Policy([short, long]).file("demo", entry, NOW).until == ends[0]
    later = Policy([short, long]).file("demo", entry, ends[0])
    assert (later.rule, later.until) == ("long", ends[1])


def test_a_cooldown_holds_from_the_upload_to_its_end() -> None:
    uploaded = NOW - DAY
    found = judged(rule(younger_than_days=7), file(upload_time=written(uploaded)))
    assert (found.since, found.until) == (uploaded, uploaded + 7 * DAY)
    assert judged(rule(younger_than_days=7), file()).since is None
    assert judged(rule(versions="==1.2"), file(upload_time=written(uploaded))).since is None


# Whole projects.
def test_a_rule_that_names_nothing_but_projects_decides_about_them() -> None:
    policy = Policy(
        [
            rule("refuse", name="deny", projects=("evil-*",)),
            rule("hide", name="quiet", projects=("odd",)),
        ]
    )
    refused, hidden = policy.project("evil-demo"), policy.project("odd")
    assert (refused.answer, refused.rule) == (Answer.REFUSE, "deny")
    assert (hidden.answer, hidden.rule) == (Answer.HIDE, "quiet")
    assert policy.project("demo") == Verdict(Answer.ALLOW)
    assert policy.file("evil-demo", file(), NOW).answer is Answer.REFUSE, "its files too"


@pytest.mark.parametrize(
    "condition",
    [
        {"versions": "<2"},
        {"kinds": ("wheel",)},
        {"filenames": ("*.whl",)},
        {"younger_than_days": 7},
        {"larger_than": 5},
    ],
)
def test_a_rule_for_some_files_does_not_decide_about_the_project(condition: dict[str, Any]) -> None:
    assert Policy([rule("refuse", **condition)]).project("demo") == Verdict(Answer.ALLOW)


def test_what_is_allowed_of_a_project_survives_a_rule_for_the_rest() -> None:
    rest = rule("refuse", name="rest")
    assert Policy([rule("allow", kinds=("wheel",)), rest]).project("demo").answer is Answer.ALLOW
    assert Policy([rule("allow"), rest]).project("demo").answer is Answer.ALLOW
    assert Policy([rule("hide", kinds=("egg",)), rest]).project("demo").rule == "rest"
    assert Policy([rest, rule("allow", kinds=("wheel",))]).project("demo").rule == "rest"


@given(policy=policies, entry=entries)
def test_no_file_is_offered_of_a_project_that_is_kept_out(
    policy: list[FileRuleSettings], entry: dict[str, Any]
) -> None:
    ready = Policy(policy)
    if ready.project("demo").answer is not Answer.ALLOW:
        assert ready.file("demo", entry, NOW).answer is not Answer.ALLOW


# Sentences.
SENTENCES: list[tuple[dict[str, Any], str]] = [
    ({"younger_than_days": 7}, "it is younger than 7 days, until 2026-12-07T10:00Z."),
    (
        {"versions": "<2", "kinds": ("sdist", "wheel")},
        "it is of kind wheel and its version 1.2 matches <2.",
    ),
    (
        {"filenames": ("*.exe", "*-any.whl"), "larger_than": 4},
        "its name matches *-any.whl and it is larger than 4 bytes.",
    ),
    ({"projects": ("d*",)}, "the rule is for all of demo."),
    (
        {"reason": "Ask security@acme.example."},
        "the rule is for all of demo. Ask security@acme.example.",
    ),
]


@pytest.mark.parametrize(("changes", "why"), SENTENCES)
def test_a_refusal_names_the_rule_and_says_why(changes: dict[str, Any], why: str) -> None:
    entry = file(upload_time=written(NOW - DAY), size=5)
    sentence = judged(rule("refuse", name="deny", **changes), entry).sentence
    assert sentence == f"{WHEEL} is refused by rule deny: {why}"


def test_other_answers_are_told_in_their_own_words() -> None:
    hidden = judged(rule("hide", younger_than_days=1), file()).sentence
    assert hidden == (
        f"{WHEEL} is hidden by rule a-rule: it has no upload-time and so counts as younger than "
        "1 day."
    )
    odd = judged(rule("hide", versions="<2"), file("demo-2004d.zip")).sentence
    assert odd == (
        "demo-2004d.zip is hidden by rule a-rule: its version cannot be read and may match <2."
    )
    whole = Policy([rule("refuse", reason="Use acme.")]).project("demo").sentence
    assert whole == (
        "Project demo is refused by rule a-rule: the rule is for all of demo. Use acme."
    )


def test_what_is_allowed_needs_no_sentence_but_has_words() -> None:
    found = judged(rule("allow", versions="<2", reason="Never shown."), file())
    assert (found.rule, found.sentence) == ("a-rule", "")
    assert found.words == "its version 1.2 matches <2"


def test_a_time_is_said_to_the_minute_that_is_not_before_it() -> None:
    entry = file(upload_time="2026-11-30T23:59:00.000001Z")
    found = judged(rule(younger_than_days=7), entry)
    assert "until 2026-12-08T00:00Z." in found.sentence


@given(policy=policies, entry=entries)
def test_a_sentence_fits_into_one_line_of_a_header(
    policy: list[FileRuleSettings], entry: dict[str, Any]
) -> None:
    found = Policy(policy).file("demo", entry, NOW)
    assert found.sentence.isascii()
    assert found.sentence.isprintable()
    assert bool(found.sentence) is (found.answer is not Answer.ALLOW)
    assert bool(found.words) is (found.rule is not None)


@pytest.mark.parametrize("entry", [{}, {"filename": 5}, {"filename": None, "size": "large"}])
def test_an_entry_without_its_keys_is_judged_all_the_same(entry: dict[str, Any]) -> None:
    assert matches(rule(), entry)
    assert matches(rule("refuse", versions="<1"), entry)
    assert not matches(rule("hide", filenames=("a*",), kinds=("wheel",)), entry)
