"""What a report says, in whatever form."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cellar.report.figures import Accounts, By, Figures, NotCached, Table
from cellar.report.span import Span
from cellar.report.suggestions import Suggestion, suggestions
from cellar.settings import Settings
from cellar.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Report:
    """
    A report. Times are seconds since 1970, 0 for never.

    `counted` is when the logs had been counted to their ends, `since` the first line that ever was.
    """

    appliance: str
    span: Span
    counted: int
    since: int
    unreadable: int
    total: Figures
    tables: dict[By, Table]
    not_cached: list[NotCached]
    suggestions: list[Suggestion]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a report is to be about, by what it has tables, and how many rows they have."""

    span: Span
    by: Sequence[By]
    top: int


def report_on(
    traffic: Traffic,
    settings: Settings,
    wanted: Wanted,
    progress: Callable[[Iterable[By]], Iterable[By]] = iter,
) -> Report:
    """Return a report; `progress` may watch the tables being made."""
    span = wanted.span
    accounts = Accounts(traffic, span)
    return Report(
        appliance=settings.appliance.server_names[0],
        span=span,
        counted=traffic.counted,
        since=traffic.since,
        unreadable=traffic.unreadable,
        total=accounts.total(),
        tables={each: accounts.table(each, wanted.top) for each in progress(wanted.by)},
        not_cached=accounts.not_cached(),
        suggestions=suggestions(traffic, settings, span),
    )
