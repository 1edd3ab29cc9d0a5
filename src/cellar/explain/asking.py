"""Asking the indexes for the page that an explanation is about."""

import asyncio
from collections.abc import Mapping
from typing import Any

from cellar.explain.question import Question
from cellar.index.merging import merge
from cellar.index.page import PageError
from cellar.index.views import read_page
from cellar.settings import Settings
from cellar.upstream import (
    AccessError,
    Found,
    Indexes,
    ProjectNotFoundError,
    Rooms,
    UpstreamError,
    load_access,
)


class AskingError(Exception):
    """There is no page that has what was asked about; the message is one sentence."""


def ask(settings: Settings, question: Question) -> tuple[str, Mapping[str, Any]]:
    """
    Return the project that the question is about, and its page before any policy.

    Its own indexes are asked, as the rewriter asks them, and nothing is taken from the cache.

    Raises:
        AskingError: when no index has the project, or its page lacks the file; and for trouble.

    """
    try:
        return asyncio.run(_ask(settings, question))
    except AccessError as error:
        raise AskingError(str(error)) from error
    except UpstreamError as error:
        raise AskingError(error.reason) from error
    except PageError as error:
        raise AskingError(f"The page of the index upstream cannot be read: {error}") from error


async def _ask(settings: Settings, question: Question) -> tuple[str, Mapping[str, Any]]:
    indexes = Indexes(settings, load_access(settings))
    lacking = None
    try:
        for project in question.projects:
            try:
                document = await _page(indexes, project)
            except ProjectNotFoundError:
                continue
            if question.filename is None or any(
                question.is_about(file, project) for file in document["files"]
            ):
                return project, document
            lacking = lacking or project
    finally:
        await indexes.aclose()
    if lacking is not None:
        raise AskingError(f"The page of {lacking} has no file named {question.filename}.")
    raise AskingError(f"The index has no project named {' or '.join(question.projects)}.")


async def _page(indexes: Indexes, project: str) -> Mapping[str, Any]:
    async with Rooms().room() as room:
        outcomes = await indexes.pages(project, room)
    found = [outcome for _, outcome in outcomes.said if isinstance(outcome, Found)]
    pages = [read_page(page.body, project=project, url=page.url) for page in found]
    return merge(pages).document
