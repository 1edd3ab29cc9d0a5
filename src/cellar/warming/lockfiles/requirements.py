"""
requirements.txt: pinned projects, with the hashes of their files or without.

The format is pip's, "Requirements File Format" in its documentation.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement

from cellar.index.names import normalise
from cellar.policy.texts import one_line
from cellar.warming.lockfiles.tables import filename_of, not_of_an_index, sha256_of, shown
from cellar.warming.wanted import Lock, LockError, Named, Wanted

# Returns the name and the text of a file that one named `of` includes as `path`.
Include = Callable[[str, str], tuple[str, str]]

_COMMENT = re.compile(r"(?:^|\s+)#.*")
_OPTION = re.compile(r"(--[a-z0-9-]+|-[a-zA-Z])[\s=]*(.*)")
# What stands behind a requirement.
_OPTION_BEHIND = re.compile(r"\s--[a-z][a-z-]*(?:[ =]|$)")
_HASH = re.compile(r"--hash[ =]\s*(\S+)")
_INCLUDES = {"-r": False, "--requirement": False, "-c": True, "--constraint": True}
_EDITABLE = {"-e", "--editable"}
# Whom to ask is what the appliance is for.
_INDEXES = {
    "-i",
    "--index-url",
    "--extra-index-url",
    "--pypi-url",
    "-f",
    "--find-links",
    "--no-index",
    "--trusted-host",
}
# They change how files are chosen and installed, and not which ones a hash or a version means.
_NO_MATTER = {
    "--no-binary",
    "--only-binary",
    "--prefer-binary",
    "--require-hashes",
    "--pre",
    "--use-feature",
}
_VERSION_CONTROL = re.compile(r"(?:git|hg|svn|bzr)\+")
_PATH = re.compile(r"(?:[./~]|file:|[A-Za-z]:\\)")
_REMOTE = ("https://", "http://")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a file, of which some may have been joined; `is_constraint` if it only limits."""

    place: str
    text: str
    is_constraint: bool


def read_requirements(text: str, name: str, include: Include) -> Lock:
    """
    Read the text of a requirements.txt, and of those that it includes.

    `name` is what errors call it, and what `include` knows it by.

    Raises:
        LockError: when it cannot be read, or something in it is not pinned.

    """
    wanted: list[Wanted] = []
    notices: list[str] = []
    pins: dict[str, str] = {}
    unpinned: list[tuple[Wanted, str]] = []
    for line in _lines(text, name, include, (name,), is_constraint=False):
        if line.text.startswith("-"):
            _take_option(line, notices)
            continue
        found = _read(line, notices)
        if found is None:
            continue
        if line.is_constraint:
            if found.version:
                pins.setdefault(found.project, found.version)
        elif found.version or found.files:
            wanted.append(found)
        else:
            unpinned.append((found, line.place))
    for each, place in unpinned:
        if each.project not in pins:
            raise LockError(
                f"{place}: {each.project} is not pinned with ==; lock the file first, with "
                "`uv pip compile` or pip-compile."
            )
        wanted.append(replace(each, version=pins[each.project]))
    return Lock(tuple(dict.fromkeys(wanted)), tuple(dict.fromkeys(notices)))


def _lines(
    text: str, name: str, include: Include, above: tuple[str, ...], *, is_constraint: bool
) -> Iterator[_Line]:
    """Yield the lines of a file and of those that it includes, `above` are those that include."""
    for number, line in _joined(text):
        place = f"{name}: line {number}"
        option = _OPTION.fullmatch(line)
        if option is None or option[1] not in _INCLUDES:
            yield _Line(place, line, is_constraint)
            continue
        path = option[2].strip().strip("\"'")
        if not path:
            raise LockError(f"{place}: {option[1]} names no file.")
        try:
            inner_name, inner = include(name, path)
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise LockError(f"{place}: {one_line(path)} cannot be read: {reason}.") from None
        if inner_name in above:
            raise LockError(f"{place}: {one_line(path)} includes itself.")
        limits = is_constraint or _INCLUDES[option[1]]
        yield from _lines(inner, inner_name, include, (*above, inner_name), is_constraint=limits)


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines without their comments, those that go on joined, with the number of the first."""
    begun, first = "", 0
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        first = first if begun else number
        # A comment ends what goes on, and a backslash in it is no more than a part of it.
        is_comment = line.lstrip().startswith("#")
        if not is_comment and line.endswith("\\"):
            begun += line.removesuffix("\\") + " "
            continue
        whole = _COMMENT.sub("", begun + ("" if is_comment else line)).strip()
        begun = ""
        if whole:
            yield first, whole
    if whole := _COMMENT.sub("", begun).strip():
        yield first, whole


def _take_option(line: _Line, notices: list[str]) -> None:
    option = _OPTION.fullmatch(line.text)
    name = option[1] if option else line.text
    if name in _EDITABLE:
        notices.append(not_of_an_index("a folder or a repository", line.place))
    elif name in _INDEXES:
        notices.append(f"{line.place}: {name} is ignored; the appliance asks its own indexes.")
    elif name not in _NO_MATTER:
        raise LockError(f"{line.place}: {shown(line.text)} is no option of a requirements file.")


def _read(line: _Line, notices: list[str]) -> Wanted | None:
    """Return what a line wants, None if it is of no index."""
    place = line.place
    behind = _OPTION_BEHIND.search(line.text)
    text = line.text[: behind.start()] if behind else line.text
    digests = {
        sha256_of(written.replace("=", ":"), place)
        for written in (_HASH.findall(line.text[behind.start() :]) if behind else [])
    }
    sha256 = frozenset(digest for digest in digests if digest)
    if _VERSION_CONTROL.match(text) or _PATH.match(text):
        notices.append(not_of_an_index("a folder or a repository", place))
        return None
    if text.startswith(_REMOTE):
        raise LockError(f"{place}: write the project's name before the URL, as `name @ {text}`.")
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        reason = one_line(str(error).partition("\n")[0])
        raise LockError(f"{place}: {shown(text)} is no requirement: {reason}.") from None
    project = normalise(found.name)
    if found.url is None:
        return Wanted(project, _pin(found), sha256=sha256, marker=found.marker)
    if not found.url.startswith(_REMOTE):
        notices.append(not_of_an_index("a folder or a repository", place))
        return None
    url, _, fragment = found.url.partition("#")
    inside = re.search(r"(?:^|&)sha256=([^&]+)", fragment)
    if inside:
        sha256 |= {sha256_of(f"sha256:{inside[1]}", place) or ""}
    one = next(iter(sha256)) if len(sha256) == 1 else None
    return Wanted(project, None, (Named(filename_of(url, place), url, one),), marker=found.marker)


def _pin(requirement: Requirement) -> str | None:
    """Return the one version that a requirement allows."""
    for specifier in requirement.specifier:
        if specifier.operator == "===" or (
            specifier.operator == "==" and not specifier.version.endswith(".*")
        ):
            return specifier.version
    return None
