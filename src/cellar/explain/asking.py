"""Asking the indexes for the page that an explanation is about."""

from collections.abc import Mapping
from typing import Any

from cellar.explain.question import Question
from cellar.index.merging import merge
from cellar.index.page import PageError
from cellar.index.views import read_page
from cellar.settings import Settings
from cellar.upstream import AccessError, ProjectNotFoundError, UpstreamError, ask_pages


class AskingError(Exception):
    """There is no page that has what was asked about; the message is one sentence."""


def ask(settings: Settings, question: Question) -> tuple[str, Mapping[str, Any]]:
    """
    Return the project that the question is about, and its page before any policy.

    Raises:
        AskingError: when no index has the project, or its page lacks the file; and for trouble.

    """
    lacking = None
    for project in question.projects:
        document = _page(settings, project)
        if document is None:
            continue
        if question.filename is None or any(
            question.is_about(file, project) for file in document["files"]
        ):
            return project, document
        lacking = lacking or project
    if lacking is not None:
        raise AskingError(f"The page of {lacking} has no file named {question.filename}.")
    raise AskingError(f"The index has no project named {' or '.join(question.projects)}.")


def _page(settings: Settings, project: str) -> Mapping[str, Any] | None:
    try:
        found = ask_pages(settings, project)
        pages = [read_page(page.body, project=project, url=page.url) for page in found]
    except ProjectNotFoundError:
        return None
    except AccessError as error:
        raise AskingError(str(error)) from error
    except UpstreamError as error:
        raise AskingError(error.reason) from error
    except PageError as error:
        raise AskingError(f"The page of {project} cannot be read: {error}") from error
    return merge(pages).document
