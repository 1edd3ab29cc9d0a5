"""The policy as a whole: all rules in their order."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cellar.policy.documents import with_files
from cellar.policy.file_rules import FileRule
from cellar.policy.matching import IndexFile
from cellar.policy.verdicts import Answer, Verdict
from cellar.settings import OFFER_ANSWERS, FileRuleSettings

_ALLOWED = Verdict(Answer.ALLOW)


def _nothing(project: str, file: Mapping[str, Any]) -> bool:  # noqa: ARG001 a default's shape
    return False


@dataclass(frozen=True, slots=True)
class Shown:
    """
    A page's document as policy leaves it.

    `until` is the earliest time at which policy alone may say something else of one of the page's
    files, because a file comes of age; None if time changes nothing.
    """

    document: Mapping[str, Any]
    until: datetime | None


class Policy:
    """
    What of the indexes is offered. Of the rules that match a file, the first one decides.

    Projects are given as normalised names, and times are aware. `enforces` tells whether the policy
    can refuse anything, so that requests for files have to be asked about too.
    """

    def __init__(
        self,
        rules: Sequence[FileRuleSettings],
        can_refuse: Callable[[str, Mapping[str, Any]], bool] = _nothing,
    ) -> None:
        """
        Make the rules ready; they have been checked, as `read_settings` does.

        `can_refuse` tells of a project and an entry of its page whether the file's URL would be
        refused. No refused file is shown of which that is not sure.
        """
        self._rules = [FileRule(rule) for rule in rules if rule.answer in OFFER_ANSWERS]
        self._can_refuse = can_refuse
        self.enforces = any(rule.answer is Answer.REFUSE for rule in self._rules)

    def project(self, project: str) -> Verdict:
        """
        Return the verdict on a project as a whole.

        Only rules decide here that name projects and nothing else. One that keeps a project out
        stands back behind a rule that allows some of its files: "allow versions <2, refuse the
        rest" leaves a page with those versions on it.
        """
        for rule in self._of(project):
            if rule.is_for_projects:
                return rule.verdict_on_project(project)
            if rule.offers:
                break
        return _ALLOWED

    def file(self, project: str, file: Mapping[str, Any], now: datetime) -> Verdict:
        """
        Return the verdict on a file.

        `file` is an entry of the page's `files` (PEP 691, PEP 700); keys may be missing.
        """
        found = IndexFile(project, file)
        rule = _first(self._of(project), found, now)
        return _ALLOWED if rule is None else rule.verdict_on_file(found)

    def shows(self, project: str, file: Mapping[str, Any], answer: Answer) -> bool:
        """
        Tell whether clients are shown a file, on the project's page and elsewhere.

        `answer` is that of the verdict on it. Of a project that is refused as a whole the refused
        files are shown: clients tell the user why a file is refused, and not why a page is.
        """
        is_refused = self.project(project).answer is Answer.REFUSE
        return self._shows(project, file, answer, is_refused=is_refused)

    def page(self, document: Mapping[str, Any], project: str, now: datetime) -> Shown:
        """
        Return what of a page is shown, and until when.

        The document is the same object if nothing is hidden. Else `files` has lost some entries,
        and `versions` those that have lost all their files; all else is as it was.
        """
        rules = self._of(project)
        if not rules:
            return Shown(document, None)
        is_refused = self.project(project).answer is Answer.REFUSE
        kept: list[IndexFile] = []
        hidden: list[IndexFile] = []
        entries: list[Any] = []
        until: datetime | None = None
        for entry in document["files"]:
            file = IndexFile(project, entry)
            rule = _first(rules, file, now)
            answer = Answer.ALLOW if rule is None else rule.answer
            if self._shows(project, entry, answer, is_refused=is_refused):
                entries.append(entry)
                kept.append(file)
            else:
                hidden.append(file)
            end = None if rule is None else rule.until(file)
            if end is not None and (until is None or end < until):
                until = end
        if not hidden:
            return Shown(document, until)
        gone = {file.distribution.release for file in hidden}
        for file in kept:
            if not gone:
                break
            gone.discard(file.distribution.release)
        return Shown(with_files(document, entries, lambda version: version not in gone), until)

    def _shows(
        self, project: str, file: Mapping[str, Any], answer: Answer, *, is_refused: bool
    ) -> bool:
        if answer is Answer.REFUSE:
            return is_refused and self._can_refuse(project, file)
        return answer is Answer.ALLOW

    def _of(self, project: str) -> list[FileRule]:
        return [rule for rule in self._rules if rule.applies(project)]


def _first(rules: Iterable[FileRule], file: IndexFile, now: datetime) -> FileRule | None:
    for rule in rules:
        if rule.matches(file, now):
            return rule
    return None
