"""Patterns of names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar.policy.patterns import Patterns

names = st.text("abc-1", min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("acme", "acme", True),
        ("acme", "acme-tools", False),
        ("acme", "my-acme", False),
        ("acme-*", "acme-tools", True),
        ("acme-*", "acme-", True),
        ("acme-*", "acme", False),
        ("*-acme", "my-acme", True),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-b-b-c-d", False),
        ("*", "anything", True),
    ],
)
def test_a_star_stands_for_any_characters_and_the_rest_for_itself(
    pattern: str, name: str, *, expected: bool
) -> None:
    assert Patterns([pattern]).match(name) is expected


@given(begin=names, middle=st.text("abc-1", max_size=5), end=names)
def test_what_stands_around_a_star_has_to_be_there(begin: str, middle: str, end: str) -> None:
    patterns = Patterns([f"{begin}*{end}"])
    assert patterns.match(begin + middle + end)
    assert not patterns.match("x" + begin + middle + end)
    assert not patterns.match(begin + middle + end + "x")


def test_one_of_several_patterns_is_enough_and_can_be_named() -> None:
    patterns = Patterns(["one", "*two*", "t*"])
    assert [patterns.first(name) for name in ("one", "two", "ten", "six")] == [
        "one",
        "*two*",
        "t*",
        None,
    ]
    assert not Patterns([]).match("one")


def test_case_counts() -> None:
    assert not Patterns(["*.EXE"]).match("demo-1.exe")


def test_many_stars_cost_no_time() -> None:
    # A pattern that backtracks would still be at it when the universe ends.
    assert not Patterns(["*a" * 40 + "b"]).match("a" * 5000)
