"""Which files the machines that are served can use: by Python version and platform."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from packaging.markers import Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from cellar.policy.distributions import Kind, parse_filename

_PYTHON = re.compile(r"(3)\.([0-9]{1,2})(t?)", re.ASCII)
_PLATFORM = re.compile(
    r"(?P<libc>manylinux|musllinux)_(?P<major>[0-9]+)_(?P<minor>[0-9]+)_(?P<linux>[a-z0-9_]+)"
    r"|manylinux(?P<named>1|2010|2014)_(?P<old>[a-z0-9_]+)"
    r"|macosx_(?P<mac_major>[0-9]+)_(?P<mac_minor>[0-9]+)_(?P<mac>[a-z0-9_]+)"
    r"|win32|win_(?P<windows>[a-z0-9]+)",
    re.ASCII,
)
# PEP 600, "Legacy manylinux tags": each is one of the versions of glibc.
_NAMED = {"1": 5, "2010": 12, "2014": 17}
# Markers that are of no environment alone, but of what is installed.
_OF_A_CHOICE = re.compile(r"\bextras?\b|\bdependency_groups\b")
# Where nobody says which, a marker may hold for any of these.
_PYTHONS = tuple(f"3.{minor}" for minor in range(8, 17))
_PLATFORMS = (
    "manylinux_2_28_x86_64",
    "manylinux_2_28_aarch64",
    "macosx_14_0_x86_64",
    "macosx_14_0_arm64",
    "win_amd64",
    "win_arm64",
)
# A patch release at each end of a minor one, since requirements name patch releases.
_PATCHES = ("0", "99")
_WINDOWS_MACHINES = {"amd64": "AMD64", "arm64": "ARM64"}


class FilterError(Exception):
    """A filter cannot be understood; the message is one sentence."""


@dataclass(frozen=True)
class Filters:
    """
    What files have to fit: one of the Python versions and one of the platforms, if any are given.

    `pythons` are versions of CPython such as 3.12 (3.13t without the GIL), `platforms` are platform
    tags of wheels, of which older ones that the platform supports count as well. Without `sdists`
    no source distribution fits; with them each does.
    """

    pythons: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    sdists: bool = True

    def __post_init__(self) -> None:
        """
        Check the filters.

        Raises:
            FilterError: when one of them is no version or no platform tag.

        """
        for python in self.pythons:
            if not _PYTHON.fullmatch(python):
                raise FilterError(f"{python!r} is no version of Python such as 3.12 or 3.13t.")
        for platform in self.platforms:
            if not _PLATFORM.fullmatch(platform):
                raise FilterError(
                    f"{platform!r} is no platform tag such as manylinux_2_28_x86_64, "
                    "musllinux_1_2_aarch64, macosx_14_0_arm64 or win_amd64."
                )

    def fits(self, filename: str) -> bool:
        """Tell whether a file fits, by its name."""
        kind = parse_filename(filename).kind
        if kind is Kind.SDIST:
            return self.sdists
        if not self.pythons and not self.platforms:
            return True
        if kind is not Kind.WHEEL:
            return False
        try:
            tags = parse_wheel_filename(filename)[3]
        except InvalidWheelFilename:
            return False
        return any(self._fits_tag(tag) for tag in tags)

    def fits_python(self, requires: str | None) -> bool:
        """Tell whether one of the Python versions meets a Requires-Python; any does without one."""
        try:
            specifiers = SpecifierSet(requires or "")
        except InvalidSpecifier:
            # As installers do.
            return True
        return not self.pythons or any(
            specifiers.contains(f"{python.rstrip('t')}.{patch}")
            for python in self.pythons
            for patch in _PATCHES
        )

    def holds(self, marker: Marker | None) -> bool:
        """Tell whether a marker may hold in an environment that the filters describe."""
        if marker is None or not (self.pythons or self.platforms):
            return True
        if _OF_A_CHOICE.search(str(marker)):
            return True
        return any(marker.evaluate(dict(each)) for each in self._environments)

    def each(self) -> Iterator[Self]:
        """Yield filters for each version and each platform alone."""
        for python in self.pythons or (None,):
            for platform in self.platforms or (None,):
                yield type(self)(
                    (python,) if python else (), (platform,) if platform else (), self.sdists
                )

    def _fits_tag(self, tag: Tag) -> bool:
        return (not self.pythons or (tag.interpreter, tag.abi) in self._interpreters) and (
            not self.platforms or tag.platform == "any" or tag.platform in self._supported
        )

    @cached_property
    def _interpreters(self) -> frozenset[tuple[str, str]]:
        """The interpreter and ABI tags that the versions support, on whatever platform."""
        found: set[tuple[str, str]] = set()
        for python in self.pythons:
            major, minor, threaded = _parts(python)
            interpreter = f"cp{major}{minor}"
            abis = [f"{interpreter}t"] if threaded else [interpreter]
            tags = [
                *cpython_tags((major, minor), abis, ["any"]),
                *compatible_tags((major, minor), interpreter, ["any"]),
            ]
            found.update((tag.interpreter, tag.abi) for tag in tags)
        return frozenset(found)

    @cached_property
    def _supported(self) -> frozenset[str]:
        return frozenset(tag for platform in self.platforms for tag in _supported(platform))

    @cached_property
    def _environments(self) -> list[Mapping[str, str]]:
        return [
            _environment(python, patch, platform)
            for python in self.pythons or _PYTHONS
            for patch in _PATCHES
            for platform in self.platforms or _PLATFORMS
        ]


def _parts(python: str) -> tuple[int, int, bool]:
    found = _PYTHON.fullmatch(python)
    assert found is not None  # noqa: S101 __post_init__ has looked
    return int(found[1]), int(found[2]), bool(found[3])


def _supported(platform: str) -> Iterator[str]:
    """Yield the platform tags of wheels that run on a platform (PEP 600, PEP 656)."""
    found = _PLATFORM.fullmatch(platform)
    assert found is not None  # noqa: S101 Filters has looked
    if found["mac"]:
        version = int(found["mac_major"]), int(found["mac_minor"])
        yield from mac_platforms(version, found["mac"])
    elif found["libc"] == "musllinux":
        for minor in range(int(found["minor"]) + 1):
            yield f"musllinux_{found['major']}_{minor}_{found['linux']}"
        yield f"linux_{found['linux']}"
    elif found["libc"] or found["named"]:
        machine = found["linux"] or found["old"]
        newest = int(found["minor"]) if found["libc"] else _NAMED[found["named"]]
        for minor in range(newest + 1):
            yield f"manylinux_2_{minor}_{machine}"
        yield from (f"manylinux{n}_{machine}" for n, minor in _NAMED.items() if minor <= newest)
        yield f"linux_{machine}"
    else:
        yield platform


def _environment(python: str, patch: str, platform: str) -> Mapping[str, str]:
    """Return the environment of CPython on a platform (PEP 508, "Environment Markers")."""
    found = _PLATFORM.fullmatch(platform)
    assert found is not None  # noqa: S101 Filters has looked
    if found["mac"]:
        names = ("posix", "darwin", "Darwin", found["mac"])
    elif platform.startswith("win"):
        windows = found["windows"] or ""
        names = ("nt", "win32", "Windows", _WINDOWS_MACHINES.get(windows, windows or "x86"))
    else:
        names = ("posix", "linux", "Linux", found["linux"] or found["old"])
    version = python.rstrip("t")
    return {
        "os_name": names[0],
        "sys_platform": names[1],
        "platform_system": names[2],
        "platform_machine": names[3],
        "platform_release": "",
        "platform_version": "",
        "python_version": version,
        "python_full_version": f"{version}.{patch}",
        "implementation_name": "cpython",
        "implementation_version": f"{version}.{patch}",
        "platform_python_implementation": "CPython",
    }
