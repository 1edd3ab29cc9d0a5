"""What the policy's verdicts are in answers."""

import math
from datetime import datetime

from starlette.responses import Response

from cellar.policy import Answer, Policy
from cellar.web import answers


def refusal(policy: Policy, project: str) -> Response | None:
    """Return the answer if policy keeps a whole project back, else None."""
    verdict = policy.project(project)
    if verdict.answer is Answer.REFUSE:
        return answers.refused(verdict.sentence)
    if verdict.answer is Answer.HIDE:
        return answers.not_found(verdict.sentence)
    return None


def timestamp(until: datetime | None) -> int | None:
    """Return a time in whole seconds since 1970, rounded up: by then it is over."""
    return None if until is None else math.ceil(until.timestamp())
