"""
The HTTP contract of an appliance, whatever its engine is.

Seen from outside only: what clients get at the doors, and what upstream has been asked for it.
"""

from support.fixtures import (
    appliance,
    at,
    deployment,
    fakepypi,
    files,
    names,
    pages,
    project,
    published,
    pytest_runtest_makereport,
    upstream,
)

__all__ = [
    "appliance",
    "at",
    "deployment",
    "fakepypi",
    "files",
    "names",
    "pages",
    "project",
    "published",
    "pytest_runtest_makereport",
    "upstream",
]
