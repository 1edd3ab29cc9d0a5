"""How long a page is fresh."""

import re

import pytest

from cellar.freshness import bounded, for_client, for_engine, freshness

LIMIT = 600
CASES = [
    ("max-age=600, public", None, 600),
    ("max-age=600", "100", 500),
    ("max-age=600", "9999", 0),
    ("max-age=60, public", None, 60),
    ("public, MAX-AGE=60", None, 60),
    ('max-age="60"', None, 60),
    ("max-age = 60", None, 60),
    ("max-age=365000000, immutable, public", None, 600),
    (f"max-age={'9' * 5000}", None, 600),
    ("max-age=300, s-maxage=60", None, 60),
    ("max-age=60, s-maxage=300", None, 60),
    ("s-maxage=300", None, 300),
    ("max-age=0", None, 0),
    ("no-store", None, 0),
    ("max-age=600, no-cache", None, 0),
    ("private, max-age=600", None, 0),
    ("max-age=-5", None, 0),
    ("max-age=soon", None, 0),
    ("max-age", None, 0),
    ("max-age=٣٠٠", None, 0),
    (None, None, 600),
    ("", None, 600),
    ("public", None, 600),
    ("max-age=600", "young", 600),
]


@pytest.mark.parametrize(("cache_control", "age", "seconds"), CASES)
def test_a_page_is_as_fresh_as_upstream_says_and_never_more_than_the_limit(
    cache_control: str | None, age: str | None, seconds: int
) -> None:
    assert freshness(cache_control, age, limit=LIMIT) == seconds


@pytest.mark.parametrize(
    ("until", "seconds"),
    [(None, 600), (9999.0, 600), (1100.0, 100), (1000.2, 1), (1000.0, 0), (0, 0)],
)
def test_a_page_is_fresh_until_it_changes_by_itself(until: float | None, seconds: int) -> None:
    assert bounded(600, 1000.0, until) == seconds


@pytest.mark.parametrize("fresh", [0, 1, 2, 59, 60, 600])
def test_the_engine_renews_in_the_second_half_of_what_clients_are_told(fresh: int) -> None:
    assert for_client(fresh) == f"max-age={fresh}, public"
    found = re.fullmatch(r"max-age=(\d+), stale-while-revalidate=(\d+), public", for_engine(fresh))
    assert found
    first, second = int(found[1]), int(found[2])
    assert first + second == fresh
    assert 0 <= first - second <= 1
