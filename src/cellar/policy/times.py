"""Times on pages. All are aware and in UTC."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

# PEP 700; datetime.fromisoformat alone takes much more than that.
_UPLOAD_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z", re.ASCII)
_LATEST = datetime.max.replace(tzinfo=UTC)


def upload_time(file: Mapping[str, Any]) -> datetime | None:
    """Return the `upload-time` of an entry of `files`, None if it has none in PEP 700's form."""
    text = file.get("upload-time")
    if not isinstance(text, str) or not _UPLOAD_TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def later(time: datetime, duration: timedelta) -> datetime:
    """Add; what is past the end of the calendar, as with an upload in year 9999, is its end."""
    try:
        return time + duration
    except OverflowError:
        return _LATEST
