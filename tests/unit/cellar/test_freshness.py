"""How long a page is fresh."""

import pytest

from cellar.freshness import freshness

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
