"""What `cellar explain` says of storage, and that it is what the appliance does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar.explain.fate import Fate, fate_of
from cellar.index.links import Links
from cellar.policy import StoragePolicy
from cellar.settings import FileRuleSettings, FilesSettings
from unit.cellar.policy.support import WHEEL, file, rule
from unit.cellar.support import hashed_path

PYPI = "https://files.example/packages/"
LINKS = Links((PYPI,), ("https://packages.acme.example/",))
NO_LIMIT = FilesSettings(size_limit=0, over_limit="stream", max_size=0)
HUGE = rule("redirect", name="huge", projects=("demo",), larger_than=5000)
PINNED = rule("store", name="pinned-demo", projects=("demo",), zone="pinned")


def limited(answer: str = "stream") -> FilesSettings:
    return FilesSettings(size_limit=1000, over_limit=answer, max_size=0)


def fate(
    rules: list[FileRuleSettings],
    files: FilesSettings,
    url: str = PYPI + hashed_path(WHEEL),
    **keys: Any,
) -> Fate:
    return fate_of(StoragePolicy(rules, files), LINKS, file(WHEEL) | {"url": url} | keys)


def said(found: Fate) -> tuple[str, str | None, str]:
    return found.place, found.by, found.why


@pytest.mark.parametrize("keys", [{}, {"size": 7}])
def test_where_nothing_is_set_a_file_is_stored_whatever_its_size(keys: dict[str, Any]) -> None:
    found = fate([], NO_LIMIT, **keys)

    assert said(found) == ("stored", None, "no rule matches")
    assert (found.rule, found.setting, found.zone) == (None, None, None)
    assert (found.size, found.larger_than, found.limit) == (keys.get("size"), None, None)


def test_a_file_of_the_very_limit_is_stored_with_its_size_the_limit_and_the_setting() -> None:
    found = fate([], limited(), size=1000)

    assert said(found) == (
        "stored",
        "cellar_file_size_limit",
        "no rule matches, and its 1000 bytes are not more than the 1000 of cellar_file_size_limit",
    )
    assert (found.size, found.larger_than, found.limit) == (1000, None, 1000)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [("stream", "streamed"), ("redirect", "redirected"), ("refuse", "refused")],
)
def test_one_byte_more_has_what_the_setting_for_larger_files_says(
    answer: str, outcome: str
) -> None:
    found = fate([], limited(answer), size=1001)

    assert said(found) == (
        outcome,
        "cellar_file_over_limit",
        "its 1001 bytes are more than the 1000 of cellar_file_size_limit",
    )
    assert (found.rule, found.setting) == (None, "cellar_file_over_limit")
    assert (found.size, found.larger_than, found.limit) == (1001, 1000, None)


def test_a_rule_is_named_with_its_setting_its_zone_and_the_rule_that_takes_larger_files() -> None:
    small = fate([HUGE, PINNED], limited(), size=5000)

    assert said(small) == (
        "stored in pinned",
        "pinned-demo",
        "the rule is for all of demo, and its 5000 bytes are not more than the 5000 of rule huge",
    )
    assert (small.zone, small.rule, small.setting) == (
        *("pinned", "pinned-demo", "cellar_file_rules"),
    )
    assert (small.larger_than, small.limit) == (None, 5000)
    large = fate([HUGE, PINNED], limited(), size=5001)
    assert said(large) == (
        *("redirected", "huge", "it is larger than 5000 bytes (its size is 5001)"),
    )
    assert (large.zone, large.setting) == (None, "cellar_file_rules")
    assert (large.larger_than, large.limit) == (5000, None)


def test_the_limit_of_a_rule_is_not_said_to_be_that_of_the_setting() -> None:
    found = fate([rule("stream", name="big", larger_than=500)], limited(), size=10)

    assert said(found) == (
        *("stored", None),
        "no rule matches, and its 10 bytes are not more than the 500 of rule big",
    )


@pytest.mark.parametrize(
    ("rules", "keys", "sentence"),
    [
        ([], {}, "stored if its bytes are not more than the 1000 of cellar_file_size_limit"),
        ([], {"size": "9"}, "stored if its bytes are not more than the 1000 of cellar_file_size_"),
        ([], {"size": True}, "stored if its bytes are not more than the 1000 of cellar_file_size_"),
        ([], {"size": -1}, "stored if its bytes are not more than the 1000 of cellar_file_size_"),
        ([HUGE, PINNED], {}, "stored in pinned if its bytes are not more than the 5000 of rule h"),
    ],
)
def test_of_an_unknown_size_that_counts_the_host_decides(
    rules: list[FileRuleSettings], keys: dict[str, Any], sentence: str
) -> None:
    found = fate(rules, limited(), **keys)

    assert found.why.startswith(
        "its page does not say its size, so that its host decides when it is asked: " + sentence
    )
    assert (found.place, found.zone, found.size) == ("undecided", None, None)
    rule_name, setting = (
        ("huge", "cellar_file_rules") if rules else (None, "cellar_file_size_limit")
    )
    assert (found.rule, found.setting, found.by) == (rule_name, setting, rule_name or setting)
    assert found.limit == (5000 if rules else 1000)


def test_of_a_file_larger_than_the_cache_the_setting_that_bounds_it_is_named() -> None:
    files = FilesSettings(size_limit=0, over_limit="stream", max_size=2000)

    assert said(fate([], files, size=2001)) == (
        *("streamed", "cellar_files_max_size"),
        "its 2001 bytes are more than the 2000 that the cache may hold",
    )
    assert said(fate([], files, size=2000)) == (
        *("stored", "cellar_files_max_size"),
        "no rule matches, and its 2000 bytes are not more than the 2000 of cellar_files_max_size",
    )


def test_an_unknown_size_that_does_not_count_decides_nothing() -> None:
    wheels = rule("stream", name="wheels", filenames=("*.whl",))

    assert said(fate([wheels], limited())) == ("streamed", "wheels", "its name matches *.whl")


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/" + WHEEL,
        PYPI + WHEEL,
        f"https://packages.acme.example/{WHEEL}?token=1",
    ],
)
def test_a_file_that_is_not_asked_of_the_appliance_is_said_to_be_elsewhere(url: str) -> None:
    found = fate([PINNED], limited(), url, size=7)

    assert said(found) == ("elsewhere", None, "the appliance does not cache files at its URL")
    assert (found.rule, found.setting, found.size) == (None, None, 7)


def test_the_name_in_the_url_decides_which_is_all_that_the_appliance_is_asked_with() -> None:
    url = "https://packages.acme.example/other-1.0-py3-none-any.whl"

    assert fate([PINNED], NO_LIMIT, url, size=7).rule is None
    assert fate([PINNED], NO_LIMIT, f"https://packages.acme.example/{WHEEL}").rule == "pinned-demo"


OUTCOMES = {
    "store": "stored",
    "stream": "streamed",
    "redirect": "redirected",
    "refuse": "refused",
}
storage_rules = st.builds(
    rule,
    name=st.sampled_from(["one", "two"]),
    answer=st.sampled_from(["store", "stream", "redirect"]),
    projects=st.sampled_from([("*",), ("demo",), ("other",)]),
    larger_than=st.integers(0, 10),
    zone=st.sampled_from(["", "pinned"]),
)
defaults = st.builds(
    FilesSettings,
    size_limit=st.integers(0, 10),
    over_limit=st.sampled_from(["stream", "refuse"]),
    max_size=st.integers(0, 10),
)


@given(st.lists(storage_rules, max_size=4), defaults, st.integers(0, 12))
def test_what_is_said_is_what_the_appliance_does(
    rules: list[FileRuleSettings], files: FilesSettings, size: int
) -> None:
    found = fate(rules, files, size=size)
    unknown = fate(rules, files)

    done = [StoragePolicy(rules, files).file("demo", file(), at) for at in range(13)]
    outcomes = [(OUTCOMES[one.answer], one.zone or None) for one in done]
    assert (found.answer, found.zone) == outcomes[size]
    assert found.rule == done[size].rule
    # An unknown size is said to be undecided just where sizes differ.
    assert (unknown.answer == "undecided") == (len(set(outcomes)) > 1)
