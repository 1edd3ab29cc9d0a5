"""What the policy's verdicts are in answers."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.responses import Response

from cellar.index.links import Links
from cellar.policy import Answer, Policy
from cellar.policy.distributions import project_candidates
from cellar.web import answers


def absence(policy: Policy, project: str) -> Response | None:
    """Return the answer if policy hides a whole project, else None."""
    verdict = policy.project(project)
    return answers.not_found(verdict.sentence) if verdict.answer is Answer.HIDE else None


def refusal(policy: Policy, project: str) -> Response | None:
    """Return the answer if policy keeps a whole project back, else None."""
    verdict = policy.project(project)
    if verdict.answer is Answer.REFUSE:
        return answers.refused(verdict.sentence)
    return absence(policy, project)


def can_refuse(links: Links, project: str, file: Mapping[str, Any]) -> bool:
    """
    Tell whether a file of a project's page could be refused when it is asked for.

    It has to be asked of the appliance, which then knows the project by the file's name alone.
    """
    source = links.cached_source(file)
    return source is not None and project in project_candidates(source.path.rpartition("/")[2])


def timestamp(until: datetime | None) -> int | None:
    """Return a time in whole seconds since 1970, rounded up: by then it is over."""
    return None if until is None else math.ceil(until.timestamp())
