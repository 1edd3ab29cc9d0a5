"""Asking the indexes from a command, which runs once and is not the rewriter."""

import asyncio

from cellar.settings import Settings
from cellar.upstream.access import load_access
from cellar.upstream.bodies import Rooms
from cellar.upstream.client import Found
from cellar.upstream.indexes import Indexes


def ask_pages(settings: Settings, project: str) -> list[Found]:
    """
    Return the pages of a project (a normalised name) as the indexes that own it have them.

    They are asked as the rewriter asks them, and nothing is taken from the cache.

    Raises:
        AccessError: when a CA bundle or a credential cannot be loaded.
        ProjectNotFoundError: when no index has the project.
        UpstreamError: for trouble.

    """
    return asyncio.run(_ask_pages(settings, project))


async def _ask_pages(settings: Settings, project: str) -> list[Found]:
    indexes = Indexes(settings, load_access(settings))
    try:
        async with Rooms().room() as room:
            outcomes = await indexes.pages(project, room)
    finally:
        await indexes.aclose()
    return [outcome for _, outcome in outcomes.said if isinstance(outcome, Found)]
