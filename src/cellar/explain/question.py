"""What `cellar explain` is asked about."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from cellar.index.names import normalise
from cellar.policy.distributions import is_filename, parse_filename, project_candidates


class QuestionError(Exception):
    """What is asked about cannot be understood; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Question:
    """
    The files that are asked about.

    `projects` are normalised names, of which the first one decides that has such files: the name of
    a file may tell several. `filename` is that of the one file that is meant, None for all files
    whose version is in `specifier`.
    """

    text: str
    projects: tuple[str, ...]
    specifier: SpecifierSet
    filename: str | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read a requirement (PEP 508), the name of a file or its URL.

        Extras and markers of a requirement play no part: they do not choose among files.

        Raises:
            QuestionError: when the text is none of these.

        """
        text = text.strip()
        if "://" in text and "@" not in text.partition("://")[0]:
            return cls._file(text, _last_part(text))
        # Of a wheel's `.metadata` (PEP 658) policy says what it says of the wheel.
        if is_filename(text.removesuffix(".metadata")):
            return cls._file(text, text)
        try:
            found = Requirement(text)
        except InvalidRequirement:
            raise QuestionError(
                f"{text!r} is neither a requirement such as demo or demo==1.2, nor the name or the "
                "URL of a file."
            ) from None
        if found.url:
            return cls._file(text, _last_part(found.url))
        return cls(text, (normalise(found.name),), found.specifier, None)

    @classmethod
    def _file(cls, text: str, filename: str) -> Self:
        filename = filename.removesuffix(".metadata")
        projects = project_candidates(filename)
        if not projects:
            raise QuestionError(f"{filename!r} names no project; ask with the project's name.")
        return cls(text, projects, SpecifierSet(), filename)

    def is_about(self, file: Mapping[str, Any], project: str) -> bool:
        """Tell whether an entry of the `files` of a project's page is asked about."""
        if self.filename is not None:
            return bool(file["filename"] == self.filename)
        if not self.specifier:
            return True
        found = parse_filename(file["filename"], project)
        return self.specifier.contains(found.version or found.written, prereleases=True)


def _last_part(url: str) -> str:
    try:
        return unquote(urlsplit(url).path.rpartition("/")[2])
    except ValueError:
        raise QuestionError(f"{url!r} is not a URL that can be parsed.") from None
