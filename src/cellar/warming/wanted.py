"""What a lock file wants, whatever its format."""

from dataclasses import dataclass

from packaging.markers import Marker


class LockError(Exception):
    """A lock file cannot be read; the message is one sentence with the file and the place."""


@dataclass(frozen=True, slots=True)
class Named:
    """A file that a lock file names; `sha256` is lower-case hexadecimal, None if it says none."""

    filename: str
    url: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    Some files of one project, given by the first of these that there is.

    `files` by name, `sha256` by content, `version` all files of that one, and nothing of it the
    newest release. `project` is a normalised name. Without a `marker` (PEP 508) they are wanted in
    every environment. `by_document` tells that whoever installs them asks the release's document of
    PyPI's JSON API for them.
    """

    project: str
    version: str | None = None
    files: tuple[Named, ...] = ()
    sha256: frozenset[str] = frozenset()
    marker: Marker | None = None
    by_document: bool = False

    def __str__(self) -> str:
        """Return the project and what of it is wanted, in a few words."""
        return f"{self.project} {self.version}" if self.version else self.project


@dataclass(frozen=True, slots=True)
class Lock:
    """What a lock file wants, and one sentence for each thing in it that is passed over."""

    wanted: tuple[Wanted, ...]
    notices: tuple[str, ...] = ()
