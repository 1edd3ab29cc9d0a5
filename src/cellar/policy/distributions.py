"""What the name of a distribution's file says: its project, its version and its kind."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from packaging.version import Version

from cellar.index.names import is_valid, normalise

# What installers unpack and build as a source distribution; PEP 625 allows the first alone.
_ARCHIVES = (
    ".tar.gz",
    ".zip",
    ".tar.bz2",
    ".tgz",
    ".tar.xz",
    ".tar.Z",
    ".tar",
    ".tbz",
    ".txz",
    ".tlz",
    ".tar.lz",
    ".tar.lzma",
    ".tar.zst",
)
_PACKAGES = (".exe", ".msi", ".dmg", ".rpm", ".deb")
# distutils wrote the platform behind the version: in installers, and in archives of built files.
_BUILT = re.compile(
    r"(?P<version>.+?)\.(?:win32|win-\w+|linux-\w+|macosx-[\w.]+-\w+|cygwin-\w+)(?:-py[\d.]+)?",
    re.ASCII,
)
# Each costs whoever asks an index for them one request.
_MOST_CANDIDATES = 4


class Kind(StrEnum):
    """The kinds of files that rules tell apart."""

    WHEEL = "wheel"
    SDIST = "sdist"
    EGG = "egg"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Distribution:
    """
    What a file name says.

    `project` is a normalised name, None if the file name tells none. `version` is None if it tells
    none that PEP 440 knows; `written` is the version as the file name spells it, "" if there is no
    place for one.
    """

    project: str | None
    version: Version | None
    kind: Kind
    written: str = ""

    @property
    def release(self) -> Version | str:
        """The version in a form that compares, by its spelling if PEP 440 does not know it."""
        return self.version or self.written


def is_filename(text: str) -> bool:
    """Tell whether a text is a file name of a distribution rather than, say, a project's name."""
    known = (".whl", ".egg", *_ARCHIVES, *_PACKAGES)
    return text.endswith(known) and bool(project_candidates(text))


def parse_filename(filename: str, project: str | None = None) -> Distribution:
    """
    Read a file name.

    It takes every name that `packaging.utils` takes, and reads it alike; it takes others as well,
    because indexes and older installers do: versions with a dash, names whose dashes nobody
    escaped, tags that no longer count. Where a name can be read in several ways, `project` (a
    normalised name) decides, if the file is known to be of that project; else the last dash does.
    """
    kind, stem = _kind(filename)
    if project is not None:
        for reading in _readings(stem, kind):
            if reading.project == project:
                return reading
    return next(_ranked(stem, kind), Distribution(None, None, kind))


def project_candidates(filename: str) -> tuple[str, ...]:
    """
    Return the normalised names of the projects that a file of this name may be of.

    The most probable is the first. There are a few at most, and none if the name tells none.
    """
    kind, stem = _kind(filename)
    projects = (reading.project for reading in _ranked(stem, kind))
    return tuple(dict.fromkeys(name for name in projects if name))[:_MOST_CANDIDATES]


def release(version: str) -> Version | str:
    """Return a version in the form of `Distribution.release`."""
    return _version(version) or version


@lru_cache(maxsize=4096)
def _project(text: str) -> str | None:
    return normalise(text) if is_valid(text) else None


# A release has many wheels, and its page is read again every few minutes.
@lru_cache(maxsize=4096)
def _version(text: str) -> Version | None:
    # The second spelling is that of old wheels, which escaped the dash of a version.
    for spelling in (text, text.replace("_", "-")):
        try:
            return Version(spelling)
        except ValueError:
            # Also from int(), for a number of thousands of digits.
            continue
    return None


def _kind(filename: str) -> tuple[Kind, str]:
    """Return the kind by the extension, and the name without it."""
    if filename.endswith(".whl"):
        return Kind.WHEEL, filename.removesuffix(".whl")
    if filename.endswith(".egg"):
        return Kind.EGG, filename.removesuffix(".egg")
    for kind, extensions in ((Kind.SDIST, _ARCHIVES), (Kind.OTHER, _PACKAGES)):
        for extension in extensions:
            if filename.endswith(extension):
                return kind, filename.removesuffix(extension)
    return Kind.OTHER, filename


def _readings(stem: str, kind: Kind) -> Iterator[Distribution]:
    """Yield what a name says with its project ending at its first dash, its second and so on."""
    at = stem.find("-")
    while at != -1:
        if (project := _project(stem[:at])) is not None:
            written = _written(stem[at + 1 :], kind)
            yield Distribution(project, _version(written), kind, written)
        at = stem.find("-", at + 1)


def _written(rest: str, kind: Kind) -> str:
    """Return the version's spelling from what stands behind the project's name."""
    if kind in {Kind.SDIST, Kind.OTHER} and (built := _BUILT.fullmatch(rest)):
        return built["version"]
    # All but archives have more behind the version, and no dash in it.
    return rest if kind is Kind.SDIST else rest.partition("-")[0]


def _ranked(stem: str, kind: Kind) -> Iterator[Distribution]:
    """Yield the most probable reading first: those with a version before those without one."""
    readings = list(_readings(stem, kind))
    known = [reading for reading in readings if reading.version is not None]
    others = [reading for reading in readings if reading.version is None]
    if kind in {Kind.WHEEL, Kind.EGG}:
        # Their dashes separate parts: those of the project's name and of the version are escaped.
        yield from known or others
    else:
        yield from reversed(known)
        yield from reversed(others)
