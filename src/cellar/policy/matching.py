"""What a rule matches."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from packaging.specifiers import SpecifierSet

from cellar.policy.distributions import Distribution, parse_filename
from cellar.policy.patterns import Patterns
from cellar.policy.texts import one_line
from cellar.policy.times import later, upload_time
from cellar.settings import FileRuleSettings

_UNKNOWN_SIZE = -1
_LONGEST_NAME = 80


class IndexFile:
    """An entry of a page's `files`, read as far as rules ask, and once."""

    __slots__ = ("_distribution", "name", "project", "size", "uploaded")

    def __init__(self, project: str, entry: Mapping[str, Any]) -> None:
        name, size = entry.get("filename"), entry.get("size")
        self.project = project
        self.name = name if isinstance(name, str) else ""
        self.size = size if type(size) is int else _UNKNOWN_SIZE
        self.uploaded = upload_time(entry)
        self._distribution: Distribution | None = None

    @property
    def distribution(self) -> Distribution:
        """What the file's name says."""
        if self._distribution is None:
            self._distribution = parse_filename(self.name, self.project)
        return self._distribution


class Matching:
    """
    What a rule matches, made ready to be asked about thousands of files.

    `applies` tells for which projects; whoever calls the other methods has asked it. A `lenient`
    rule gives, or keeps for longer: what is not known does not match it.
    """

    def __init__(self, settings: FileRuleSettings, *, lenient: bool) -> None:
        self.name = settings.name
        self._lenient = lenient
        self._projects = Patterns(settings.projects)
        self._settings = settings
        self._versions = SpecifierSet(settings.versions)
        self._kinds = frozenset(settings.kinds)
        self._filenames = Patterns(settings.filenames)
        self._age = timedelta(days=settings.younger_than_days)
        # Cheap ones first: the name of a file is parsed only for a rule that has to know it.
        conditions = (
            (settings.larger_than, self._is_large),
            (settings.younger_than_days, self._is_young),
            (settings.filenames, self._is_named_so),
            (settings.kinds, self._is_of_a_kind),
            (self._versions, self._has_a_version),
        )
        self._conditions = tuple(test for setting, test in conditions if setting)

    @property
    def is_for_projects(self) -> bool:
        """Whether the rule names nothing but projects, and so decides about them as a whole."""
        return not self._conditions

    def applies(self, project: str) -> bool:
        """Tell whether the rule is for the project (a normalised name)."""
        return self._projects.match(project)

    def matches(self, file: IndexFile, now: datetime) -> bool:
        """Tell whether the rule matches the file at a time."""
        for test in self._conditions:  # noqa: SIM110 a generator costs more than the tests
            if not test(file, now):
                return False
        return True

    def words(self, file: IndexFile) -> str:
        """Say what of a file that the rule matches makes it match."""
        settings, words = self._settings, []
        if settings.filenames:
            words.append(f"its name matches {one_line(self._filenames.first(file.name) or '')}")
        if settings.kinds:
            words.append(f"it is of kind {file.distribution.kind}")
        if self._versions:
            version = file.distribution.version
            found = f"{version} matches" if version else "cannot be read and may match"
            words.append(f"its version {found} {settings.versions}")
        if settings.larger_than:
            words.append(f"it is larger than {settings.larger_than} bytes")
        if settings.younger_than_days:
            found = "is" if file.uploaded else "has no upload-time and so counts as"
            unit = "day" if settings.younger_than_days == 1 else "days"
            words.append(f"it {found} younger than {settings.younger_than_days} {unit}")
        return " and ".join(words) or whole(file.project)

    def _is_large(self, file: IndexFile, _: datetime) -> bool:
        return file.size > self._settings.larger_than

    def _is_young(self, file: IndexFile, now: datetime) -> bool:
        if file.uploaded is None:
            return self._settings.undated == "match"
        # A file is old enough from the very moment on, and its page may be asked for at it.
        return now < later(file.uploaded, self._age)

    def _is_named_so(self, file: IndexFile, _: datetime) -> bool:
        return self._filenames.match(file.name)

    def _is_of_a_kind(self, file: IndexFile, _: datetime) -> bool:
        return file.distribution.kind in self._kinds

    def _has_a_version(self, file: IndexFile, _: datetime) -> bool:
        version = file.distribution.version
        if version is not None:
            return self._versions.contains(version, prereleases=True)
        # Fail closed: nobody can say that the file is not one of those to be kept out, and an old
        # installer may read a version there (`1.0-evil` came before 1.0 for pip until 2024). An
        # exemption is for what is known to be meant, such as the very spelling (`===2004d`).
        return not self._lenient or self._versions.contains(file.distribution.written)


def whole(project: str) -> str:
    """Say that a rule is for a project as a whole."""
    return f"the rule is for all of {project}"


def short(text: str) -> str:
    """Return a text that may be of any length, cut for a sentence."""
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."
