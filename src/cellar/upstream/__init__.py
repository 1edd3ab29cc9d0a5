"""
How index upstreams are asked: which one for a project, with what credential and for how long.

What their answers mean is nothing that this package knows.
"""

from cellar.upstream.access import Access, AccessError, load_access
from cellar.upstream.asking import ask_pages
from cellar.upstream.bodies import Room, Rooms
from cellar.upstream.client import Absent, Found, NotModified, Outcome, UpstreamError
from cellar.upstream.indexes import Indexes, Outcomes, ProjectNotFoundError

__all__ = [
    "Absent",
    "Access",
    "AccessError",
    "Found",
    "Indexes",
    "NotModified",
    "Outcome",
    "Outcomes",
    "ProjectNotFoundError",
    "Room",
    "Rooms",
    "UpstreamError",
    "ask_pages",
    "load_access",
]
