"""The report as JSON, for programs. Its keys stay: `version` is another one if they do not."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from cellar.report.contents import Report
from cellar.report.figures import By, Figures, Table

VERSION = 1


def as_json(report: Report) -> str:
    """Return one JSON object: requests and bytes are integers, ratios from 0 to 1, or null."""
    return json.dumps(
        {
            "version": VERSION,
            "appliance": report.appliance,
            "first_day": str(report.span.first),
            "last_day": str(report.span.last),
            "counted": _moment(report.counted),
            "since": _moment(report.since),
            "unreadable_lines": report.unreadable,
            "total": _figures(report.total),
            "by": {by: _rows(table) for by, table in report.tables.items()},
            "not_cached": [asdict(each) for each in report.not_cached],
            "suggestions": [asdict(each) for each in report.suggestions],
        }
    )


def _rows(table: Table) -> list[dict[str, Any]]:
    # A row without a name is all that have none of their own.
    return [
        {("day" if table.by is By.DAY else "name"): row.name or None, **_figures(row.figures)}
        for row in table.rows
    ]


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "requests_served": figures.requests,
        "requests_from_cache": figures.hits,
        "requests_not_from_cache": figures.misses,
        "hit_ratio": figures.hit_ratio,
        "bytes_served": figures.served,
        "requests_fetched": figures.fetches,
        "bytes_fetched": figures.fetched,
        "bytes_saved": figures.saved,
    }


def _moment(seconds: int) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else None
