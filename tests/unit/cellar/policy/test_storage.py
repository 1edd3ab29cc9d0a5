"""Which files are stored, where, and up to which size."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar.policy import Answer, Policy, StoragePolicy, Storing
from cellar.settings import FileRuleSettings, FilesSettings, FileZoneSettings
from unit.cellar.policy.support import NOW, WHEEL, file, rule

NO_LIMIT = FilesSettings(size_limit=0, over_limit="stream", max_size=0)


def limited(size: int, answer: str = "stream") -> FilesSettings:
    return FilesSettings(size_limit=size, over_limit=answer, max_size=0)


def test_without_rules_and_without_a_limit_everything_is_stored() -> None:
    policy = StoragePolicy([], NO_LIMIT)

    for size in (0, 2**50, None):
        found = policy.file("demo", file(), size)
        assert (found.answer, found.zone, found.limit) == (Storing.STORE, "", None)
    assert not policy.has_limits


@pytest.mark.parametrize("answer", ["stream", "redirect", "refuse"])
def test_the_limit_for_all_is_exact_at_the_byte(answer: str) -> None:
    policy = StoragePolicy([], limited(1000, answer))

    at, over = policy.file("demo", file(), 1000), policy.file("demo", file(), 1001)

    assert (at.answer, at.limit) == (Storing.STORE, 1000)
    assert (over.answer, over.limit) == (Storing(answer), None)
    assert policy.has_limits


def test_a_file_refused_for_its_size_is_so_by_a_sentence_with_size_limit_and_setting() -> None:
    found = StoragePolicy([], limited(1000, "refuse")).file("demo", file(), 1001)

    assert found.sentence == (
        f"{WHEEL} is refused: its 1001 bytes are more than the 1000 of cellar_file_size_limit."
    )


def test_an_unknown_size_is_stored_up_to_the_first_limit_that_could_matter() -> None:
    rules = [
        rule("stream", projects=("torch",), larger_than=50),
        rule("stream", larger_than=500),
    ]
    policy = StoragePolicy(rules, limited(1000))

    assert policy.file("demo", file(), None).limit == 500
    assert policy.file("torch", file(), None).limit == 50
    assert policy.file("demo", file(), None).answer is Storing.STORE


def test_the_first_rule_that_matches_decides_and_overrides_the_limit_for_all() -> None:
    rules = [
        rule("stream", name="no-windows", filenames=("*-win_amd64.whl",)),
        rule("stream", name="huge-torch", projects=("torch",), larger_than=5000),
        rule("store", name="torch", projects=("torch",), zone="pinned"),
    ]
    policy = StoragePolicy(rules, limited(1000))

    windows = policy.file("torch", file("torch-1-cp311-cp311-win_amd64.whl"), 10)
    assert (windows.answer, windows.rule) == (Storing.STREAM, "no-windows")
    for size, answer, zone, name in (
        (5000, Storing.STORE, "pinned", "torch"),
        (5001, Storing.STREAM, "", "huge-torch"),
    ):
        found = policy.file("torch", file("torch-1-cp311-cp311-linux.whl"), size)
        assert (found.answer, found.zone, found.rule) == (answer, zone, name)
    assert policy.file("torch", file("torch-1-cp311-cp311-linux.whl"), 0).limit == 5000
    assert policy.file("demo", file(), 1001).rule is None


def test_what_is_offered_and_what_is_stored_do_not_decide_about_each_other() -> None:
    offering = rule("allow", name="offered")
    storing = rule("stream", name="streamed")

    for rules in ([offering, storing], [storing, offering]):
        assert StoragePolicy(rules, NO_LIMIT).file("demo", file(), 1).rule == "streamed"
        assert Policy(rules).file("demo", file(), NOW).rule == "offered"
    assert Policy([storing]).file("demo", file(), NOW).answer is Answer.ALLOW
    assert Policy([storing]).page({"files": [file()]}, "demo", NOW).until is None
    assert not Policy([storing]).enforces


def test_a_version_that_cannot_be_read_is_stored_by_no_rule_and_kept_from_storing_by_any() -> None:
    unreadable = file("demo-x.y.tar.gz")

    for answer, matched in (("store", None), ("stream", "a-rule")):
        policy = StoragePolicy([rule(answer, versions=">=1")], NO_LIMIT)
        assert policy.file("demo", unreadable, 1).rule == matched


def test_what_is_larger_than_its_zone_is_not_stored_and_makes_nothing_else_go() -> None:
    rules = [
        rule("store", name="torch", projects=("torch",), zone="week"),
        rule("store", name="kept", projects=("kept",), zone="pinned"),
        rule("store", name="any", projects=("any",)),
    ]
    zones = [
        FileZoneSettings(name="week", max_size=500),
        FileZoneSettings(name="pinned", max_size=0),
    ]
    files = FilesSettings(size_limit=1000, over_limit="refuse", max_size=2000)
    policy = StoragePolicy(rules, files, zones)

    for project, greatest, setting, place in (
        ("torch", 500, "cellar_file_zones", "zone week"),
        ("any", 2000, "cellar_files_max_size", "the cache"),
    ):
        at = policy.file(project, file(), greatest)
        over = policy.file(project, file(), greatest + 1)
        assert (at.answer, at.limit) == (Storing.STORE, greatest)
        assert (over.answer, over.rule, over.setting) == (Storing.STREAM, None, setting)
        assert over.words == (
            f"its {greatest + 1} bytes are more than the {greatest} that {place} may hold"
        )
        assert policy.file(project, file(), None).limit == greatest
    assert policy.file("kept", file(), 2**50).limit is None


def test_no_host_is_asked_for_sizes_only_because_the_cache_has_an_end() -> None:
    """The engine's own guard is enough for that."""
    files = FilesSettings(size_limit=0, over_limit="stream", max_size=2000)

    assert not StoragePolicy([], files).has_limits


sizes = st.integers(0, 12)
storage_rules = st.builds(
    rule,
    answer=st.sampled_from(["store", "stream", "redirect"]),
    projects=st.sampled_from([("*",), ("demo",), ("other",)]),
    filenames=st.sampled_from([(), (), ("*.whl",), ("*.zip",)]),
    larger_than=st.integers(0, 10),
    zone=st.sampled_from(["", "pinned"]),
)
defaults = st.builds(
    FilesSettings,
    size_limit=st.integers(0, 10),
    over_limit=st.sampled_from(["stream", "refuse"]),
    max_size=st.integers(0, 10),
)
zones = st.builds(FileZoneSettings, name=st.just("pinned"), max_size=st.integers(0, 10))


@given(st.lists(storage_rules, max_size=4), defaults, zones, sizes)
def test_the_limit_is_the_greatest_size_for_which_the_same_holds(
    rules: list[FileRuleSettings], files: FilesSettings, zone: FileZoneSettings, size: int
) -> None:
    policy = StoragePolicy(rules, files, [zone])

    def outcome(at: int) -> tuple[Any, ...]:
        found = policy.file("demo", file(), at)
        return found.answer, found.zone

    found = policy.file("demo", file(), size)
    until = 20 if found.limit is None else found.limit

    assert until >= size
    assert {outcome(at) for at in range(size, until + 1)} == {outcome(size)}
    if found.limit is not None:
        assert outcome(found.limit + 1) != outcome(size)
