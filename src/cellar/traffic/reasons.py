"""Why an answer did not come from the cache and did not go into it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from cellar.policy import StoragePolicy, Storing
from cellar.traffic.lines import Answer
from cellar.traffic.subjects import CACHED_KINDS, Subject


class Why(StrEnum):
    """
    Why something is not cached.

    OVER_LIMIT and RULE are the operator's choice: for the size of the file, or whatever its size.
    REFUSED is a file that nobody gets, NEGATIVE what upstream does not have, ERROR its trouble.
    RANGES asked for several parts of a file at once. NO_SPACE is the disk's. PASSED is what the
    appliance is no cache for. NOT is nothing of these.
    """

    NOT = ""
    OVER_LIMIT = "over limit"
    RULE = "rule"
    REFUSED = "refused"
    NEGATIVE = "negative"
    ERROR = "error"
    RANGES = "several ranges"
    NO_SPACE = "no space"
    PASSED = "passed through"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, and the name of the file rule or of the setting that says so; "" if none does."""

    why: Why
    rule: str = ""


NOT = Reason(Why.NOT)
_GIVEN = {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.NOT_MODIFIED}
_ABSENT = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_MISSES = {"miss", "expired"}


class Reasons:
    """Finds reasons by the policy of now, and by the disk; `has_space` looks at that one."""

    def __init__(self, policy: StoragePolicy, has_space: Callable[[], bool]) -> None:
        self._policy = policy
        self._has_space = has_space

    def reason(self, answer: Answer, subject: Subject) -> Reason:
        """Return why an answer has nothing to do with the cache, `NOT` if it has."""
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Reason(Why.ERROR)
        if subject.kind not in CACHED_KINDS:
            return Reason(Why.PASSED) if answer.asked else NOT
        if subject.filename:
            return self._of_file(answer, subject)
        return Reason(Why.NEGATIVE) if answer.status in {*_ABSENT, HTTPStatus.FORBIDDEN} else NOT

    def _of_file(self, answer: Answer, subject: Subject) -> Reason:
        if answer.status in _ABSENT:
            return Reason(Why.NEGATIVE)
        if answer.status == HTTPStatus.FORBIDDEN:
            return self._refused(subject)
        if answer.status == HTTPStatus.FOUND:
            return self._kept_out(subject, 0, Storing.REDIRECT)
        if answer.status not in _GIVEN or not answer.asked:
            return NOT
        return self._stored(answer) if answer.cache else self._passed(answer, subject)

    def _stored(self, answer: Answer) -> Reason:
        lacks = answer.cache in _MISSES and not self._has_space()
        return Reason(Why.NO_SPACE) if lacks else NOT

    def _passed(self, answer: Answer, subject: Subject) -> Reason:
        """Tell why a file was handed out without asking the cache."""
        if answer.method != "GET" or answer.range.startswith("bytes=-"):
            return NOT  # its length, or its end, which another socket of the engine has
        if "," in answer.range:
            return Reason(Why.RANGES)
        return self._kept_out(subject, answer.bytes, Storing.STREAM, Storing.REDIRECT)

    def _kept_out(self, subject: Subject, least: int, *answers: Storing) -> Reason:
        found = self._policy.keeping_out(subject.filename, least, answers)
        if found is None:
            return Reason(Why.PASSED)
        why = Why.OVER_LIMIT if found.larger_than else Why.RULE
        return Reason(why, found.rule or found.setting or "")

    def _refused(self, subject: Subject) -> Reason:
        """Tell who refused a file: its size may have, or a rule that needs its page to be told."""
        found = self._policy.keeping_out(subject.filename, 0, (Storing.REFUSE,))
        return Reason(Why.REFUSED, (found.setting or "") if found else "")
