"""The status on one screen, and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

from cellar.selftest.report import Status as Outcome
from cellar.status.problems import DAY, problems
from cellar.status.taking import Status
from cellar.units import age, count_of, percentage, size

_LABEL = 16


def as_text(status: Status) -> str:
    """Return what needs a hand, a sentence a line, and below it how everything is."""
    found = problems(status)
    lines = found or ["Nothing needs a hand."]
    rows = [
        *_doors(status),
        ("certificates", _certificates(status)),
        ("upstream", _said(status, "upstream")),
        ("rewriter", _said(status, "rewriter")),
        ("resolver", f"{_said(status, 'upstream names')}; asked {_ago(status, status.resolved)}"),
        ("traffic", _traffic(status)),
        *_verifier(status),
        *_zones(status),
        ("disk", _disk(status)),
        ("units", _units(status)),
    ]
    return "\n".join([*lines, "", *(f"{label:<{_LABEL}}{text}" for label, text in rows)])


def as_json(status: Status) -> str:
    """Return one JSON object: `ok`, `problems`, and the fields of the status."""
    found = problems(status)
    return json.dumps({"ok": not found, "problems": found, **asdict(status)}, indent=2)


def _doors(status: Status) -> Iterator[tuple[str, str]]:
    for door in status.doors:
        results = [result for result in status.checks if result.door == door.name]
        unknown = [result.check for result in results if result.status is Outcome.SKIP]
        text = "works" if door.up else "FAILS"
        if unknown and door.up:
            text = f"answers; {unknown[0].partition(',')[0]} and file could not be asked for"
        yield f"{door.name} door", text


def _said(status: Status, check: str) -> str:
    result = status.check(check)
    return result.finding if result.status is not Outcome.FAIL else f"FAILS: {result.finding}"


def _ago(status: Status, then: float | None) -> str:
    return "never" if then is None else f"{age(status.when - then)} ago"


def _certificates(status: Status) -> str:
    ends: dict[float, list[str]] = {}
    for each in status.certificates:
        ends.setdefault(each.ends, []).append(each.name)
    said = [f"{', '.join(names)} {_left(status, end)}" for end, names in ends.items()]
    if status.authority:
        said.append(f"the CA {_left(status, status.authority.ends)}")
    return "; ".join(said) or "none could be seen"


def _left(status: Status, end: float) -> str:
    return f"{count_of(int((end - status.when) // DAY), 'day')} left"


def _traffic(status: Status) -> str:
    if status.passed is None:
        return "not counted yet"
    lately = status.passed.lately
    since = datetime.fromtimestamp(lately.since, UTC)
    ratio = "" if lately.hit_ratio is None else f", {percentage(lately.hit_ratio)} from the cache"
    failed = f", {lately.failed:,} failed" if lately.failed else ""
    return (
        f"since {since:%H:%M} UTC {count_of(lately.requests, 'request')}{ratio}, "
        f"{size(lately.bytes)}; {size(lately.fetched)} from upstream in "
        f"{count_of(lately.fetches, 'request')}{failed}"
    )


def _verifier(status: Status) -> Iterator[tuple[str, str]]:
    verified = status.verified
    if verified is None:
        yield "verifier", "has not ended a run yet"
        return
    outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(verified.records.items()))
    due = f"{verified.due:,} more due"
    yield "verifier", f"{_ago(status, verified.ended)}: {outcomes or 'nothing was due'}; {due}"


def _zones(status: Status) -> Iterator[tuple[str, str]]:
    if status.counted is None:
        yield "zones", "not counted yet; the verifier does it"
        return
    label = "zones"
    for zone in status.zones:
        text = f"{zone.name:<12} {count_of(zone.records, 'record'):>16} {size(zone.bytes):>10}"
        if zone.max_size:
            text += f" of {size(zone.max_size):>10}"
            text += f" {percentage(zone.bytes / zone.max_size):>7}"
        yield label, text
        label = ""
    yield label, f"counted {_ago(status, status.counted)}"


def _disk(status: Status) -> str:
    disk = status.disk
    if disk is None:
        return "cannot be read"
    return (
        f"{size(disk.free)} of {size(disk.size)} are free; {size(disk.min_free)} must be"
        f"{'' if disk.stores else '; NOTHING IS STORED'}"
    )


def _units(status: Status) -> str:
    if status.units is None:
        return "systemd does not tell"
    good = sum(state not in {"inactive", "failed"} for state in status.units.values())
    return f"{good} of {len(status.units)} are well"
