"""Upload times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def days_ago(days: float) -> str:
    """Return the time so many days ago, as PyPI writes it."""
    then = datetime.now(UTC) - timedelta(days=days)
    return then.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
