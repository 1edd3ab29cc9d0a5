"""For how long an index page is fresh: upstream's word (RFC 9111), bounded by the appliance."""

import math


def freshness(cache_control: str | None, age: str | None, *, limit: int) -> int:
    """
    Return for how many seconds an upstream's answer may be used (RFC 9111 sections 4.2 and 5.2.2).

    `cache_control` and `age` are the values of the answer's fields, None where it has none;
    `limit` is the appliance's upper bound in seconds, and counts alone if upstream says nothing
    about freshness. A value that is no number of seconds means "stale", as the RFC advises.
    """
    directives = _directives(cache_control or "")
    if directives.keys() & {"no-store", "no-cache", "private"}:
        return 0
    lifetimes = [_seconds(directives[d]) for d in ("max-age", "s-maxage") if d in directives]
    if not lifetimes:
        return limit
    return min(max(min(lifetimes) - _seconds(age or "0"), 0), limit)


def bounded(fresh: int, now: float, until: float | None) -> int:
    """Return `fresh`, or less if the answer changes by itself at `until` (seconds since 1970)."""
    return fresh if until is None else min(fresh, max(math.ceil(until - now), 0))


def for_client(fresh: int) -> str:
    """Return the value of Cache-Control for clients."""
    return f"max-age={fresh}, public"


def for_engine(fresh: int) -> str:
    """
    Return the value of Cache-Control for the engine (RFC 5861).

    In the second half of its time a page is still served at once, and is renewed behind that: so
    nobody waits for a renewal, and nobody gets a page older than `fresh` while upstream answers.
    """
    later = fresh // 2
    return f"max-age={fresh - later}, stale-while-revalidate={later}, public"


def _directives(cache_control: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in cache_control.split(","))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def _seconds(text: str) -> int:
    text = text.strip()
    # As many digits as any time in seconds can need.
    return int(text[:18]) if text.isascii() and text.isdigit() else 0
