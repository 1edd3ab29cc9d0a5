"""pylock.toml (PEP 751): names the files, with their URLs where it knows them."""

import tomllib
from typing import Any

from packaging.pylock import (
    Package,
    PackageArchive,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockUnsupportedVersionError,
    PylockValidationError,
)

from cellar.policy.texts import one_line
from cellar.warming.lockfiles.tables import digest_of, filename_of, not_of_an_index
from cellar.warming.wanted import Lock, LockError, Named, Wanted


def read_pylock(text: str, name: str) -> Lock:
    """
    Read the text of a pylock.toml, version 1; `name` is what errors call it.

    Raises:
        LockError: when it cannot be read.

    """
    document: dict[str, Any] = tomllib.loads(text)
    try:
        packages = Pylock.from_dict(document).packages
    except PylockUnsupportedVersionError:
        raise LockError(
            f"{name}: lock-version {document['lock-version']} of pylock.toml is not known; known "
            "is 1.0."
        ) from None
    except PylockValidationError as error:
        raise LockError(f"{name}: {one_line(str(error)).rstrip('.')}.") from None
    wanted, notices = [], []
    for number, package in enumerate(packages, start=1):
        place = f"{name}: package {number} ({package.name})"
        files = tuple(filter(None, (_named(each, place) for each in _files(package))))
        if files:
            version = str(package.version) if package.version else None
            wanted.append(Wanted(package.name, version, files, marker=package.marker))
        else:
            kind = "version control" if package.vcs else "a folder or a file on a disk"
            notices.append(not_of_an_index(kind, place))
    return Lock(tuple(wanted), tuple(notices))


def _files(package: Package) -> list[PackageWheel | PackageSdist | PackageArchive]:
    wheels = package.wheels or ()
    return [file for file in (*wheels, package.sdist, package.archive) if file is not None]


def _named(file: PackageWheel | PackageSdist | PackageArchive, place: str) -> Named | None:
    if file.url is None:
        return None
    digest = file.hashes.get("sha256")
    sha256 = None if digest is None else digest_of(digest, place)
    # The URL's own name of the file; `name` may be spelt as the standard has it.
    return Named(filename_of(file.url, place), file.url, sha256)
