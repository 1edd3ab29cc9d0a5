"""Lines are added up."""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

from cellar.policy import StoragePolicy
from cellar.traffic.lines import Answer, Fetch, UnreadableLineError, fetches
from cellar.traffic.reasons import NOT, Reason, Reasons, Why
from cellar.traffic.subjects import Kind, Subject, subject_of
from cellar.traffic.sums import (
    DAY,
    HOUR,
    Fetched,
    KeptOut,
    Served,
    Stored,
    Sums,
    Used,
    day_of,
    key_of,
)

_GIVEN = {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.NOT_MODIFIED}
_GIVEN_TEXTS = {str(int(status)) for status in _GIVEN}
_STORED = {"miss", "expired"}
_KEPT_OUT = {Why.OVER_LIMIT, Why.RULE}
NO_ANSWER = "none"


class Adder:
    """
    Adds lines up.

    `hosts` are the upstreams by the engine's names for them, and `host_of` tells that of a project
    for which the rewriter asked. What is older than `whole_days_before` (seconds since 1970) is not
    told apart by the hour.
    """

    def __init__(
        self,
        reasons: Reasons,
        policy: StoragePolicy,
        hosts: Mapping[str, str],
        host_of: Callable[[str], str],
        whole_days_before: int,
    ) -> None:
        self._reasons = reasons
        self._policy = policy
        self._hosts = hosts
        self._host_of = host_of
        self._whole_days_before = whole_days_before

    def answers(self, lines: Iterable[bytes]) -> Sums:
        """Return what lines of the access log add up to."""
        sums = Sums()
        for line in lines:
            try:
                answer = Answer.read(line)
            except UnreadableLineError:
                sums.unreadable += 1
                continue
            # A timer asks every minute: on a quiet appliance, that would be most of all.
            if not answer.is_selftest:
                self._answer(answer, sums)
        return sums

    def fetches(self, lines: Iterable[bytes]) -> Sums:
        """Return what lines of the log of upstream add up to."""
        sums = Sums()
        for line in lines:
            try:
                found = list(fetches(line))
            except UnreadableLineError:
                sums.unreadable += 1
                continue
            for fetch in found:
                self._fetch(fetch, sums)
        return sums

    def _answer(self, answer: Answer, sums: Sums) -> None:
        sums.saw(answer.time)
        subject = subject_of(answer.path)
        reason = self._reasons.reason(answer, subject)
        start = self._start(answer.time)
        if subject.project and answer.status in _GIVEN:
            sums.known[start].add(subject.project)
        served = Served(
            start,
            answer.door,
            subject.project,
            subject.kind,
            answer.cache,
            _class(str(answer.status)),
            reason.why,
            reason.rule,
        )
        sum_of = sums.served[served]
        sum_of[0] += 1
        sum_of[1] += answer.bytes
        if subject.filename:
            self._file(answer, subject, reason, sums)

    def _file(self, answer: Answer, subject: Subject, reason: Reason, sums: Sums) -> None:
        is_whole = answer.status == HTTPStatus.OK and answer.method == "GET"
        size = answer.bytes if is_whole else 0
        key = key_of(answer.path)
        if reason.why in _KEPT_OUT:
            of = sums.kept_out.setdefault(
                (day_of(answer.time), key),
                KeptOut(subject.filename, subject.project, reason.why, reason.rule),
            )
            of.size = max(of.size, size)
            of.requests += 1
            of.bytes += answer.bytes
        elif reason is NOT and answer.status in _GIVEN and answer.method == "GET":
            used = sums.used.setdefault(key, Used(0, 0))
            used.size = max(used.size, size)
            used.time = max(used.time, answer.time)

    def _fetch(self, fetch: Fetch, sums: Sums) -> None:
        sums.saw(fetch.time)
        subject = subject_of(fetch.path)
        start = self._start(fetch.time)
        if subject.project and fetch.status in _GIVEN_TEXTS:
            sums.known[start].add(subject.project)
        host = self._hosts.get(fetch.pool, fetch.pool) or self._host_of(subject.project)
        status = _class(fetch.status) if fetch.status else NO_ANSWER
        fetched = Fetched(start, host, subject.project, subject.kind, status)
        sum_of = sums.fetched[fetched]
        sum_of[0] += 1
        sum_of[1] += fetch.bytes
        is_stored = fetch.cache in _STORED and fetch.status in _GIVEN_TEXTS
        if subject.kind is Kind.FILE and is_stored and fetch.method == "GET":
            zone = self._policy.named(subject.filename, None).zone
            stored = sums.stored.setdefault(key_of(fetch.path), Stored(zone, 0, 0))
            stored.bytes += fetch.bytes
            stored.time = max(stored.time, fetch.time)

    def _start(self, time: int) -> int:
        return time // HOUR * HOUR if time >= self._whole_days_before else time // DAY * DAY


def _class(status: str) -> str:
    return f"{status[:1]}xx"
