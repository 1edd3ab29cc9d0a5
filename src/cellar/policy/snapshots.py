"""The index as of a day in the past."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from cellar.index.names import normalise
from cellar.policy.distributions import parse_filename
from cellar.policy.documents import with_files
from cellar.policy.times import upload_time


def as_of(document: Mapping[str, Any], day: date) -> Mapping[str, Any]:
    """
    Return a page's document as of the end of a day in UTC.

    A file without a usable upload-time (PEP 700) may be a later one, so it is left out. `versions`
    keeps what has a file left: a version without any may be a later one as well. All else stays.
    """
    end = datetime.combine(day, time.max, UTC)
    files = [f for f in document["files"] if (at := upload_time(f)) is not None and at <= end]
    project = normalise(document["name"])
    left = {parse_filename(file["filename"], project).release for file in files}
    return with_files(document, files, lambda version: version in left)
