"""One rule of the operator's about what is offered, and what it says of a file."""

from datetime import datetime

from cellar.policy.matching import IndexFile, Matching, short, whole
from cellar.policy.texts import one_line, stamp
from cellar.policy.times import later
from cellar.policy.verdicts import Answer, Verdict
from cellar.settings import FileRuleSettings


class FileRule(Matching):
    """A rule that decides whether files are offered."""

    def __init__(self, settings: FileRuleSettings) -> None:
        self.answer = Answer(settings.answer)
        self._reason = one_line(settings.reason)
        super().__init__(settings, lenient=self.offers)

    @property
    def offers(self) -> bool:
        """Whether what the rule matches stays on the pages."""
        return self.answer is Answer.ALLOW

    def until(self, file: IndexFile) -> datetime | None:
        """Return when the rule no longer matches a file that it matches now; None for never."""
        if not self._age or file.uploaded is None:
            return None
        return later(file.uploaded, self._age)

    def verdict_on_file(self, file: IndexFile) -> Verdict:
        """Return the verdict on a file that the rule matches."""
        until, words = self.until(file), self.words(file)
        sentence = "" if self.offers else self._sentence(file.name, words, until)
        since = file.uploaded if until else None
        return Verdict(self.answer, self.name, sentence, until, words, since)

    def verdict_on_project(self, project: str) -> Verdict:
        """Return the verdict on a project as a whole."""
        words = whole(project)
        sentence = "" if self.offers else self._sentence(f"Project {project}", words, None)
        return Verdict(self.answer, self.name, sentence, words=words)

    def _sentence(self, what: str, words: str, until: datetime | None) -> str:
        done = "hidden" if self.answer is Answer.HIDE else "refused"
        end = f", until {stamp(until)}" if until else ""
        sentence = f"{short(one_line(what))} is {done} by rule {self.name}: {words}{end}."
        return f"{sentence} {self._reason}" if self._reason else sentence
