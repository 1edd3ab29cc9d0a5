"""Policy on a page: what it takes away, and that it touches nothing else."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from cellar.policy import Answer, Policy
from cellar.settings import FileRuleSettings
from unit.cellar.policy.support import DAY, NOW, file, page, pages, policies, rule, within, written

OLD, YOUNG = written(NOW - 30 * DAY), written(NOW - DAY)
COOLDOWN = rule(name="cooldown", younger_than_days=7)


def names(document: Mapping[str, Any]) -> list[str]:
    return [entry["filename"] for entry in document["files"]]


def test_a_young_file_is_not_on_the_page_until_it_is_of_age() -> None:
    document = page(
        file("demo-1.0.tar.gz", upload_time=OLD),
        file("demo-1.1.tar.gz", upload_time=YOUNG),
        file("demo-1.2.tar.gz", upload_time=written(NOW)),
        versions=["1.0", "1.1", "1.2"],
    )
    policy = Policy([COOLDOWN])
    shown = policy.page(document, "demo", NOW)
    assert names(shown.document) == ["demo-1.0.tar.gz"]
    assert shown.document["versions"] == ["1.0"]
    assert shown.until == NOW + 6 * DAY
    later = policy.page(document, "demo", NOW + 6 * DAY)
    assert names(later.document) == ["demo-1.0.tar.gz", "demo-1.1.tar.gz"]
    assert later.until == NOW + 7 * DAY
    assert policy.page(document, "demo", NOW + 7 * DAY) == policy.page(
        document, "demo", NOW + DAY * 99
    )


def test_a_page_without_anything_to_hide_stays_the_same_object() -> None:
    document = page(file("demo-1.0.tar.gz", upload_time=OLD), versions=["1.0"])
    shown = Policy([COOLDOWN]).page(document, "demo", NOW)
    assert shown.document is document
    assert shown.until is None


def test_a_file_that_is_allowed_for_its_youth_ends_the_pages_time_too() -> None:
    document = page(file(upload_time=YOUNG))
    shown = Policy([rule("allow", younger_than_days=2), rule("hide")]).page(document, "demo", NOW)
    assert shown.document is document
    assert shown.until == NOW + DAY


class Untouchable(dict[str, Any]):
    """A document that nobody may look into."""

    def __getitem__(self, key: str) -> Any:
        raise AssertionError(key)

    def __iter__(self) -> Iterator[str]:
        raise AssertionError


def test_a_page_that_no_rule_is_for_is_not_even_looked_at() -> None:
    policy = Policy([rule(projects=("acme", "acme-*")), rule(projects=("evil",), versions="<2")])
    document = Untouchable()
    assert policy.page(document, "demo", NOW).document is document


@pytest.mark.parametrize(
    ("listed", "kept"),
    [
        (["1.0", "2.0"], ["1.0"]),
        (["1.0", "2"], ["1.0"]),
        (["1.0.0", "v2.0.0"], ["1.0.0"]),
        (["0.5", "2.0", "3.0"], ["0.5", "3.0"]),
        (["2.0+local", "2.0.post1"], ["2.0+local", "2.0.post1"]),
        (["not a version", None, 2.0], ["not a version", None, 2.0]),
    ],
)
def test_versions_lose_what_had_files_and_has_none_left(
    listed: list[object], kept: list[object]
) -> None:
    document = page(file("demo-1.0.zip", upload_time=OLD), file("demo-2.0.zip"), versions=listed)
    shown = Policy([COOLDOWN]).page(document, "demo", NOW).document
    assert shown["versions"] == kept


def test_a_version_stays_as_long_as_one_of_its_files_does() -> None:
    document = page(file("demo-1.0.zip"), file("demo-1.0-py3-none-any.whl"), versions=["1.0"])
    shown = Policy([rule(kinds=("sdist",))]).page(document, "demo", NOW).document
    assert names(shown) == ["demo-1.0-py3-none-any.whl"]
    assert shown["versions"] == ["1.0"]


def test_a_version_that_cannot_be_read_goes_with_its_file() -> None:
    document = page(file("demo-2004d.zip"), file("demo-1.0.zip"), versions=["2004d", "1.0"])
    shown = Policy([rule(versions="<1")]).page(document, "demo", NOW).document
    assert shown["versions"] == ["1.0"]


@pytest.mark.parametrize("versions", [None, "1.0", {"1.0": 1}])
def test_versions_of_another_shape_are_left_alone(versions: object) -> None:
    document = page(file("demo-1.0.zip"), versions=versions)
    assert Policy([rule()]).page(document, "demo", NOW).document["versions"] == versions


def test_a_page_without_versions_gets_none() -> None:
    assert "versions" not in Policy([rule()]).page(page(file()), "demo", NOW).document


# Properties: whatever the rules and the page are.
@given(policy=policies, document=pages)
def test_the_page_shows_just_the_files_that_are_allowed(
    policy: list[FileRuleSettings], document: dict[str, Any]
) -> None:
    ready = Policy(policy)
    shown = ready.page(document, "demo", NOW).document["files"]
    allowed = [
        entry
        for entry in document["files"]
        if ready.file("demo", entry, NOW).answer is Answer.ALLOW
    ]
    assert [id(entry) for entry in shown] == [id(entry) for entry in allowed]


@given(policy=policies, document=pages)
def test_nothing_else_changes(policy: list[FileRuleSettings], document: dict[str, Any]) -> None:
    before = repr(document)
    shown = Policy(policy).page(document, "demo", NOW).document
    assert repr(document) == before, "the page itself is not written to"
    assert list(shown) == list(document)
    for key in document.keys() - {"files", "versions"}:
        assert shown[key] is document[key]
    if len(shown["files"]) == len(document["files"]):
        assert shown is document


def same(one: object, two: object) -> bool:
    try:
        return Version(str(one)) == Version(str(two))
    except InvalidVersion:
        return one == two


def version_of(filename: str) -> str:
    rest = filename.removeprefix("demo-") if filename.startswith("demo-") else ""
    for end in ("-py3-none-any.whl", ".win32-py2.7.exe", ".tar.gz"):
        rest = rest.removesuffix(end)
    return rest


@given(policy=policies, document=pages)
def test_versions_are_kept_in_order_unless_policy_took_their_last_file(
    policy: list[FileRuleSettings], document: dict[str, Any]
) -> None:
    shown = Policy(policy).page(document, "demo", NOW).document
    left = [version_of(name) for name in names(shown)]
    had = [version_of(name) for name in names(document)]

    def stays(listed: str | None) -> bool:
        if listed is None or not any(same(listed, version) for version in had):
            return True
        return any(same(listed, version) for version in left)

    assert ("versions" in shown) is ("versions" in document)
    if "versions" in document:
        expected = [listed for listed in document["versions"] if stays(listed)]
        assert shown["versions"] == expected


@given(policy=policies, document=pages)
def test_twice_is_as_good_as_once(policy: list[FileRuleSettings], document: dict[str, Any]) -> None:
    ready = Policy(policy)
    once = ready.page(document, "demo", NOW)
    twice = ready.page(once.document, "demo", NOW)
    assert twice.document is once.document


@given(policy=policies, document=pages, part=st.floats(0, 1, exclude_max=True))
def test_a_page_stays_until_it_says(
    policy: list[FileRuleSettings], document: dict[str, Any], part: float
) -> None:
    ready = Policy(policy)
    now = ready.page(document, "demo", NOW)
    if now.until is None:
        assert ready.page(document, "demo", NOW + part * 10000 * DAY) == now
        return
    assert now.until > NOW
    assert ready.page(document, "demo", within(now.until, part)) == now
    ends = [ready.file("demo", entry, NOW).until for entry in document["files"]]
    assert now.until == min(end for end in ends if end is not None)
