"""From what is wanted of a project, and its page, to the paths that the appliance is asked for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from packaging.version import InvalidVersion, Version

from cellar.index.links import Links
from cellar.policy.distributions import Kind as Distribution
from cellar.policy.distributions import parse_filename, release
from cellar.settings import Settings
from cellar.warming.report import Kind, Outcome, Result
from cellar.warming.selecting import Filters
from cellar.warming.wanted import Named, Wanted

Entry = Mapping[str, Any]

# PyPI's pages of old have the name of the attribute (PEP 714).
_METADATA = ("core-metadata", "dist-info-metadata", "data-dist-info-metadata")


@dataclass(frozen=True, slots=True)
class Job:
    """
    A path of the appliance that has to be in the cache.

    Its content has to have one of the `sha256`, if there are any.
    """

    kind: Kind
    name: str
    path: str
    sha256: frozenset[str] = frozenset()


class Places:
    """Knows the appliance's paths of files."""

    def __init__(self, settings: Settings) -> None:
        self._links = Links.of(settings.indexes)
        self._own = settings.appliance.server_names

    def of(self, url: str, sha256: str | None) -> str | None:
        """Return the path of the file at a URL, of upstream or of the appliance; None for none."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        if parts.hostname in self._own:
            return parts.path if self._links.source(unquote(parts.path)) is not None else None
        hashes = {"sha256": sha256} if sha256 else {}
        path = self._links.cached_path({"url": url, "hashes": hashes})
        return None if path is None else "/" + path.partition("#")[0]

    def is_known(self, url: str) -> bool:
        """Tell whether a URL is of a host whose files the appliance has, at whatever path."""
        return url.startswith((*self._links.pypi, *self._links.others))


@dataclass(frozen=True, slots=True)
class Listing:
    """
    The page of a project: its entries by file name.

    `outcome` is what became of the page; without it there are no entries.
    """

    project: str
    outcome: Outcome
    entries: Mapping[str, Entry]

    @property
    def is_there(self) -> bool:
        """Whether the page was read."""
        return self.outcome not in {Outcome.MISSING, Outcome.REFUSED, Outcome.FAILED}


class Plan:
    """Chooses the files of one project."""

    def __init__(self, places: Places, filters: Filters, listing: Listing) -> None:
        self._places = places
        self._filters = filters
        self._listing = listing

    def jobs(self, wanted: Iterable[Wanted]) -> Iterator[Job | Result]:
        """Yield what has to be fetched, and the outcome of what cannot be."""
        for each in wanted:
            if not self._filters.holds(each.marker):
                yield _left_out(each, "its marker does not hold here")
            elif each.files:
                yield from self._named(each)
                if each.by_document:
                    yield Job(Kind.DOCUMENT, f"document of {each}", _document(each))
            elif not self._listing.is_there:
                outcome = self._listing.outcome
                yield Result(Kind.FILE, str(each), outcome, "its files are on its page alone")
            elif each.sha256:
                yield from self._by_content(each)
            elif each.version:
                yield from self._released(each)
            else:
                yield from self._newest(each)

    def _named(self, wanted: Wanted) -> Iterator[Job | Result]:
        fitting = [file for file in wanted.files if self._filters.fits(file.filename)]
        if not fitting:
            yield _left_out(wanted, "none of its files fits")
        for file in fitting:
            yield from self._found(file)

    def _found(self, file: Named) -> Iterator[Job | Result]:
        entry = self._listing.entries.get(file.filename)
        listed = None if entry is None else self._path(entry)
        path = self._places.of(file.url, file.sha256) if file.url else listed
        # The page knows the path of today, and the hash that is a part of it.
        is_listed = listed is not None and file.url is not None and self._places.is_known(file.url)
        if is_listed and (path is None or path.startswith("/files/")):
            path = listed
        if path is not None:
            # A page may have another file of this name.
            same = entry if path == listed else None
            digest = file.sha256 or (_sha256(same) if same else None)
            yield from self._jobs(file.filename, path, digest, same)
        elif file.url:
            detail = f"{file.url} does not lead to the appliance"
            yield Result(Kind.FILE, file.filename, Outcome.MISSING, detail)
        elif entry is not None:
            detail = f"{entry['url']} does not lead to the appliance"
            yield Result(Kind.FILE, file.filename, Outcome.MISSING, detail)
        elif not self._listing.is_there:
            detail = f"the page of {self._listing.project} has its path"
            yield Result(Kind.FILE, file.filename, self._listing.outcome, detail)
        else:
            detail = f"it is not on the page of {self._listing.project}"
            yield Result(Kind.FILE, file.filename, Outcome.MISSING, detail)

    def _by_content(self, wanted: Wanted) -> Iterator[Job | Result]:
        found = [e for e in self._listing.entries.values() if _sha256(e) in wanted.sha256]
        # Some indexes do not say hashes; then the version is what there is.
        unsaid = [e for e in self._of_version(wanted) if _sha256(e) is None]
        if not found and not unsaid:
            yield _missing(wanted, "no file on its page has one of the hashes")
            return
        fitting = [e for e in (*found, *unsaid) if self._filters.fits(e["filename"])]
        if not fitting:
            yield _left_out(wanted, "none of its files fits")
        for entry in fitting:
            yield from self._listed(entry, wanted.sha256)
        lost = len(wanted.sha256) - len({_sha256(entry) for entry in found})
        if lost and not unsaid:
            yield _left_out(wanted, f"{lost} of its hashes are of no file on its page")

    def _released(self, wanted: Wanted) -> Iterator[Job | Result]:
        found = self._of_version(wanted)
        if not found:
            yield _missing(wanted, "its page has no file of this version")
            return
        fitting = [entry for entry in found if self._filters.fits(entry["filename"])]
        if not fitting:
            yield _missing(wanted, "none of its files fits")
        for entry in fitting:
            yield from self._listed(entry)

    def _newest(self, wanted: Wanted) -> Iterator[Job | Result]:
        chosen: dict[str, Entry] = {}
        for filters in self._filters.each():
            chosen |= {entry["filename"]: entry for entry in self._newest_of(filters)}
        if not chosen:
            yield _missing(wanted, "no release has a file that fits")
        for entry in chosen.values():
            yield from self._listed(entry)

    def _newest_of(self, filters: Filters) -> Sequence[Entry]:
        """Return the fitting files of the newest release, which is a final one if there is one."""
        releases: dict[Version, list[Entry]] = {}
        for entry in self._listing.entries.values():
            found = parse_filename(entry["filename"], self._listing.project)
            is_installable = found.kind in {Distribution.WHEEL, Distribution.SDIST}
            if found.version is None or not is_installable or entry.get("yanked"):
                continue
            if filters.fits(entry["filename"]) and filters.fits_python(_requires_python(entry)):
                releases.setdefault(found.version, []).append(entry)
        if not releases:
            return ()
        return releases[max(releases, key=lambda version: (not version.is_prerelease, version))]

    def _of_version(self, wanted: Wanted) -> list[Entry]:
        try:
            version: Version | str = Version(wanted.version or "")
        except InvalidVersion:
            version = release(wanted.version or "")
        return [
            entry
            for entry in self._listing.entries.values()
            if parse_filename(entry["filename"], self._listing.project).release == version
        ]

    def _listed(self, entry: Entry, sha256: frozenset[str] = frozenset()) -> Iterator[Job | Result]:
        path = self._path(entry)
        if path is None:
            detail = f"{entry['url']} does not lead to the appliance"
            yield Result(Kind.FILE, entry["filename"], Outcome.MISSING, detail)
            return
        said = _sha256(entry)
        yield from self._jobs(entry["filename"], path, said, entry, sha256)

    def _jobs(
        self,
        filename: str,
        path: str,
        sha256: str | None,
        entry: Entry | None,
        any_of: frozenset[str] = frozenset(),
    ) -> Iterator[Job]:
        digests = frozenset({sha256}) if sha256 else any_of
        yield Job(Kind.FILE, filename, path, digests)
        promised = None if entry is None else _metadata(entry)
        if promised is not None:
            yield Job(Kind.METADATA, f"{filename}.metadata", f"{path}.metadata", promised)

    def _path(self, entry: Entry) -> str | None:
        return self._places.of(entry["url"], _sha256(entry))


def _sha256(entry: Entry) -> str | None:
    hashes = entry.get("hashes")
    digest = hashes.get("sha256") if isinstance(hashes, dict) else None
    return digest.lower() if isinstance(digest, str) else None


def _metadata(entry: Entry) -> frozenset[str] | None:
    """Return the SHA-256 of a file's metadata file (PEP 658), of which not all pages say it."""
    for key in _METADATA:
        if promise := entry.get(key):
            digest = promise.get("sha256") if isinstance(promise, dict) else None
            return frozenset({digest.lower()} if isinstance(digest, str) else ())
    return None


def _requires_python(entry: Entry) -> str | None:
    requires = entry.get("requires-python")
    return requires if isinstance(requires, str) else None


def _document(wanted: Wanted) -> str:
    return f"/pypi/{wanted.project}/{quote(wanted.version or '', safe='!+')}/json"


def _left_out(wanted: Wanted, why: str) -> Result:
    return Result(Kind.FILE, str(wanted), Outcome.LEFT_OUT, why)


def _missing(wanted: Wanted, why: str) -> Result:
    return Result(Kind.FILE, str(wanted), Outcome.MISSING, why)
