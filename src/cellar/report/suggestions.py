"""What other limits and sizes would have kept, as far as what was counted shows it."""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cellar.policy.storage import FILE_ZONES, FILES_MAX_SIZE, SIZE_LIMIT
from cellar.report.span import Span
from cellar.settings import Settings
from cellar.traffic import Again, KeptOutFile, Traffic, Why
from cellar.units import count_of, setting_size, size

# Of what can be had, the share that a suggestion is content with: the rest is dear.
_ENOUGH = 0.9
# Less is no reason to change anything.
_LEAST_SAVED = 2**20
_UNITS = {"g": 2**30, "m": 2**20, "k": 2**10}
_MOST_OF_A_UNIT = 10


@dataclass(frozen=True, slots=True)
class Suggestion:
    """
    A setting, or a rule, and what it should be.

    `now` and `suggested` are bytes, `written` is the latter as a setting has it. With it `saved` of
    the `fetched` bytes would not have been fetched.
    """

    setting: str
    now: int
    suggested: int
    written: str
    fetched: int
    saved: int
    sentence: str


def suggestions(traffic: Traffic, settings: Settings, span: Span) -> list[Suggestion]:
    """Return what would have saved something; nothing without evidence of it."""
    kept_out = traffic.kept_out(span.begins, span.ends)
    again = traffic.again(span.begins, span.ends)
    return [*_limits(settings, kept_out), *_sizes(traffic, settings, again)]


def _limits(settings: Settings, kept_out: list[KeptOutFile]) -> Iterator[Suggestion]:
    limits = {SIZE_LIMIT: settings.files.size_limit} | {
        rule.name: rule.larger_than for rule in settings.file_rules
    }
    for name, limit in limits.items():
        files = [
            file
            for file in kept_out
            if file.rule == name and file.why == Why.OVER_LIMIT and file.size > limit > 0
        ]
        saving = {file: _saving(file) for file in files}
        found = _cheapest(_by_size(saving))
        if found is None:
            continue
        suggested, written = _rounded_up(found)
        kept = [file for file in files if file.size <= suggested]
        fetched, saved = sum(file.bytes for file in files), sum(saving[file] for file in kept)
        asked = sum(file.requests for file in files)
        what = name if name == SIZE_LIMIT else f"larger_than of rule {name}"
        yield Suggestion(
            what,
            limit,
            suggested,
            written,
            fetched,
            saved,
            f"{what}, which is {setting_size(limit)}, kept out {count_of(len(files), 'file')} that"
            f" clients asked for {count_of(asked, 'time')} ({size(fetched)}). With {written} the"
            f" cache would have kept {len(kept)} of them in {size(sum(f.size for f in kept))}"
            f" of its space, and {size(saved)} less would have been fetched.",
        )


def _sizes(traffic: Traffic, settings: Settings, again: list[Again]) -> Iterator[Suggestion]:
    zones = {"": settings.files.max_size} | {
        zone.name: zone.max_size for zone in settings.file_zones
    }
    for zone, limit in zones.items():
        cases = [each for each in again if each.zone == zone]
        # Before so much has come in, nothing needs to have gone for lack of space.
        if not limit or traffic.stored(zone) < limit:
            continue
        by_need: dict[int, int] = {}
        for each in cases:
            by_need[each.need] = by_need.get(each.need, 0) + each.bytes
        need = _cheapest(by_need)
        if need is None:
            continue
        suggested, written = _rounded_up(limit + need)
        fetched = sum(each.bytes for each in cases)
        saved = sum(each.bytes for each in cases if limit + each.need <= suggested)
        days = statistics.median_low([each.days for each in cases for _ in range(each.requests)])
        what = FILES_MAX_SIZE if not zone else f"max_size of zone {zone} in {FILE_ZONES}"
        times = count_of(sum(each.requests for each in cases), "time")
        yield Suggestion(
            what,
            limit,
            suggested,
            written,
            fetched,
            saved,
            f"{what} is {setting_size(limit)}. {times} a file was fetched again that had been in"
            f" the cache, mostly {count_of(days, 'day')} after its last use: {size(fetched)}. With"
            f" {written}, {size(saved)} of it would still have been there.",
        )


def _saving(file: KeptOutFile) -> int:
    """Return what would have come from the cache, had it kept the file after the first time."""
    return file.bytes - file.size


def _by_size(saving: Mapping[KeptOutFile, int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for file, saved in saving.items():
        found[file.size] = found.get(file.size, 0) + saved
    return found


def _cheapest(saved_at: Mapping[int, int]) -> int | None:
    """Return the least cost at which enough is saved, None if there is too little to save."""
    everything = sum(saved_at.values())
    if everything < _LEAST_SAVED:
        return None
    so_far = 0
    for cost in sorted(saved_at):
        so_far += saved_at[cost]
        if so_far >= _ENOUGH * everything:
            return cost
    return None


def _rounded_up(count: int) -> tuple[int, str]:
    """Return a number of bytes as a setting writes it, in two digits or three; rounded up."""
    unit = next((u for u, of in _UNITS.items() if count >= _MOST_OF_A_UNIT * of), "k")
    number = -(-count // _UNITS[unit])
    step = 10 ** max(0, len(str(number)) - 2)
    number = -(-number // step) * step
    return number * _UNITS[unit], f"{number}{unit}"
