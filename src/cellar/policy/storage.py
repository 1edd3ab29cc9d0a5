"""Which files are stored, where, and what the client of another one gets."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from cellar.policy.distributions import project_candidates
from cellar.policy.matching import IndexFile, Matching, short
from cellar.policy.texts import one_line
from cellar.settings import (
    STORAGE_ANSWERS,
    FileRuleSettings,
    FilesSettings,
    FileZoneSettings,
)

# The operator's settings that may have the size which decides.
SIZE_LIMIT = "cellar_file_size_limit"
FILES_MAX_SIZE = "cellar_files_max_size"
FILE_ZONES = "cellar_file_zones"

# Storage does not change with time, so that what is said of a file can be remembered.
_ANY_TIME = datetime.min.replace(tzinfo=UTC)


class Storing(StrEnum):
    """
    What becomes of a file.

    STORE keeps it in the cache. STREAM passes it through, REDIRECT sends the client to upstream,
    and REFUSE gives it a sentence.
    """

    STORE = "store"
    STREAM = "stream"
    REDIRECT = "redirect"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Storage:
    """
    What becomes of a file of a size.

    `zone` is where it is stored, "" for the common one. `limit` is the greatest size, in bytes, for
    which the same holds of this file; None if there is none. `rule` is the name of the rule that
    decided, None where none did; then `setting` is the one with the size that the file is larger
    than, None if there is none. `words` say what was found of the file;
    `sentence` is for clients, ASCII on one line, "" unless refused. `larger_than` is the size, in
    bytes, that the file had to be larger than for this; 0 if its size did not count.
    """

    answer: Storing
    zone: str = ""
    limit: int | None = None
    rule: str | None = None
    setting: str | None = None
    words: str = ""
    sentence: str = ""
    larger_than: int = 0


class StorageRule(Matching):
    """A rule that decides whether files are stored."""

    def __init__(self, settings: FileRuleSettings) -> None:
        self.answer = Storing(settings.answer)
        self.zone = settings.zone
        self._larger_than = settings.larger_than
        super().__init__(settings, lenient=self.answer is Storing.STORE)

    def decision(self, file: IndexFile) -> Storage:
        """Return what becomes of a file that the rule matches, without its limit."""
        return Storage(
            self.answer,
            self.zone,
            rule=self.name,
            words=self.words(file),
            larger_than=self._larger_than,
        )


class StoragePolicy:
    """
    What is stored. Of the rules that match a file, the first one decides; else the settings do.

    What is larger than all that its zone may hold is not stored: it would make everything else go.
    `has_limits` tells whether the size of a file can make a difference beside that, and `redirects`
    whether any client may be sent to upstream.
    """

    def __init__(
        self,
        rules: Sequence[FileRuleSettings],
        files: FilesSettings,
        zones: Sequence[FileZoneSettings] = (),
    ) -> None:
        """Make the rules ready; they have been checked, as `read_settings` does."""
        own = [rule for rule in rules if rule.answer in STORAGE_ANSWERS]
        self._rules = [StorageRule(rule) for rule in own]
        self._files = files
        limits = {files.size_limit, *(rule.larger_than for rule in own)} - {0}
        self._budgets = {"": files.max_size} | {zone.name: zone.max_size for zone in zones}
        self._limits = sorted({*limits, *self._budgets.values()} - {0})
        self.has_limits = bool(limits)
        answers = {rule.answer for rule in own} | (
            {files.over_limit} if files.size_limit else set()
        )
        self.redirects = Storing.REDIRECT in answers

    def file(self, project: str, file: Mapping[str, Any], size: int | None) -> Storage:
        """
        Return what becomes of a file.

        `project` is a normalised name, "" if it is not known. `file` is an entry of a page's
        `files` (PEP 691); all but `filename` may be missing, and `size` counts in place of the
        entry's: bytes, None if it is not known. Then what holds for the smallest files holds, up to
        the limit that comes with it.
        """
        at = size or 0
        found = self._at(project, file, at)
        for limit in self._limits:
            if limit >= at and _outcome(self._at(project, file, limit + 1)) != _outcome(found):
                return _limited(found, limit)
        return found

    def named(self, filename: str, size: int | None) -> Storage:
        """Return what becomes of a file of which its URL tells the name, and so the project."""
        project = next(iter(project_candidates(filename)), "")
        return self.file(project, {"filename": filename}, size)

    def keeping_out(
        self, filename: str, least: int, answers: Collection[Storing]
    ) -> Storage | None:
        """
        Return why one of `answers` became of a file, None if the policy of now does not say.

        `least` is what is known of its size: it has so many bytes, or more.
        """
        project = next(iter(project_candidates(filename)), "")
        for size in (least, *(limit + 1 for limit in self._limits if limit >= least)):
            found = self._at(project, {"filename": filename}, size)
            if found.answer in answers:
                return found
        return None

    def _at(self, project: str, file: Mapping[str, Any], size: int) -> Storage:
        sized = IndexFile(project, {**file, "size": size})
        found = self._decided(sized, size)
        budget = self._budgets.get(found.zone)
        if found.answer is not Storing.STORE or not budget or size <= budget:
            return found
        place = f"zone {found.zone}" if found.zone else "the cache"
        words = f"its {size} bytes are more than the {budget} that {place} may hold"
        setting = FILE_ZONES if found.zone else FILES_MAX_SIZE
        return Storage(Storing.STREAM, setting=setting, words=words, larger_than=budget)

    def _decided(self, sized: IndexFile, size: int) -> Storage:
        """Return what rules and the limit for all say of a file of a size."""
        for rule in self._rules:
            if rule.applies(sized.project) and rule.matches(sized, _ANY_TIME):
                return rule.decision(sized)
        limit = self._files.size_limit
        if not limit or size <= limit:
            return Storage(Storing.STORE)
        answer = Storing(self._files.over_limit)
        words = f"its {size} bytes are more than the {limit} of {SIZE_LIMIT}"
        sentence = ""
        if answer is Storing.REFUSE:
            sentence = f"{short(one_line(sized.name))} is refused: {words}."
        return Storage(
            answer, setting=SIZE_LIMIT, words=words, sentence=sentence, larger_than=limit
        )


def _outcome(storage: Storage) -> tuple[Storing, str]:
    return storage.answer, storage.zone


def _limited(found: Storage, limit: int) -> Storage:
    return replace(found, limit=limit)
