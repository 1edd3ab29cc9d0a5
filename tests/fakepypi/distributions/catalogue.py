"""What is published: projects, their files and pages, and where each file lies."""

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from fakepypi.distributions import artifacts
from fakepypi.distributions.content import BytesContent, Content, Digests, GeneratedContent
from fakepypi.jsonform import many_from_json
from fakepypi.publication import Publication, PublishedFile

_FIRST_UPLOAD = datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)
_UPLOAD_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")

DEMO = (
    Publication("demo-dependency", "1.0"),
    Publication("demo-dependency", "1.1"),
    Publication("demo", "1.0", requires=["demo-dependency>=1.0"]),
    Publication("demo", "1.1", requires=["demo-dependency>=1.0"]),
    Publication("demo", "1.1", kind="sdist", requires=["demo-dependency>=1.0"]),
    Publication("demo", "2.0", yanked='a > b & "c" broke'),
    Publication("Demo.Local", "1.0+cu128", requires_python=None),
    Publication("Demo.Local", "1!0.5", requires_python=None),
)


@dataclass
class File:
    """A published file with its content and everything pages say about it."""

    publication: Publication
    filename: str
    content: Content
    digests: Digests
    metadata: bytes | None
    upload_time: str
    serial: int
    yanked: bool | str

    @property
    def path(self) -> str:
        digest = self.digests.blake2b_256
        return f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{self.filename}"

    @property
    def metadata_digest(self) -> str | None:
        """SHA-256 in hex of the `.metadata` sibling, if there is one."""
        return None if self.metadata is None else hashlib.sha256(self.metadata).hexdigest()

    def published(self) -> PublishedFile:
        return PublishedFile(
            project=artifacts.normalise(self.publication.project),
            version=self.publication.version,
            filename=self.filename,
            path=self.path,
            size=self.content.size,
            sha256=self.digests.sha256,
            blake2b_256=self.digests.blake2b_256,
            metadata_path=None if self.metadata is None else f"{self.path}.metadata",
            serial=self.serial,
        )


@dataclass
class Project:
    """A project: its files in the order of publication, and its status (PEP 792)."""

    display_name: str
    files: list[File] = field(default_factory=list)
    serial: int = 0
    status: str = "active"
    status_reason: str | None = None
    raw_pages: dict[Literal["json", "html"], bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return artifacts.normalise(self.display_name)

    def as_of(self, serial: int) -> "Project":
        """Return the project as its page stood at an earlier serial."""
        return replace(self, files=[f for f in self.files if f.serial <= serial], serial=serial)


def make_file(publication: Publication) -> File:
    """
    Build and hash a file; takes time for a large one, and touches no shared state.

    Raises:
        ValueError: a blob without a filename, or a malformed upload time.

    """
    if publication.upload_time and not _UPLOAD_TIME.fullmatch(publication.upload_time):
        raise ValueError(f"upload_time {publication.upload_time} is not like 2026-01-31T12:00:00Z")
    metadata: bytes | None = None
    content: Content
    if publication.kind == "blob":
        if publication.filename is None:
            raise ValueError(f"a blob needs a filename (project {publication.project})")
        filename = publication.filename
        content = GeneratedContent(publication.size, filename)
    elif publication.kind == "sdist":
        filename = publication.filename or artifacts.sdist_filename(publication)
        content = BytesContent(artifacts.build_sdist(publication))
    else:
        filename = publication.filename or artifacts.wheel_filename(publication)
        content = BytesContent(artifacts.build_wheel(publication))
        if publication.core_metadata:
            metadata = artifacts.core_metadata(publication)
    return File(
        publication=publication,
        filename=filename,
        content=content,
        digests=Digests.of(content),
        metadata=metadata,
        upload_time=publication.upload_time or "",
        serial=0,
        yanked=publication.yanked,
    )


class Catalogue:
    """All projects of an index. Each change raises the serial, as on PyPI."""

    def __init__(self) -> None:
        self.serial = 1000
        self.projects: dict[str, Project] = {}
        self._by_path: dict[str, File] = {}

    def add(self, file: File) -> PublishedFile:
        """
        Publish a file.

        Raises:
            ValueError: the project already has a file of that name.

        """
        project = self._project(file.publication.project)
        if any(other.filename == file.filename for other in project.files):
            raise ValueError(f"{file.filename} is already published; withdraw it first")
        file.serial = self._change(project)
        if not file.upload_time:
            moment = _FIRST_UPLOAD + timedelta(seconds=file.serial)
            file.upload_time = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        project.files.append(file)
        self._by_path[file.path] = file
        return file.published()

    def add_page(self, name: str, form: Literal["json", "html"], body: bytes) -> int:
        """Serve a page's given bytes instead of made ones; returns the new serial."""
        project = self._project(name)
        project.raw_pages[form] = body
        return self._change(project)

    def withdraw(self, name: str, filename: str | None = None) -> int:
        """
        Delete a file, or a whole project, from index and file host; returns the new serial.

        Raises:
            ValueError: no such project or file.

        """
        project = self.existing(name)
        gone = [file for file in project.files if filename in (None, file.filename)]
        if filename is not None and not gone:
            raise ValueError(f"project {project.name} has no file {filename}")
        for file in gone:
            project.files.remove(file)
            self._by_path.pop(file.path, None)
        if filename is None:
            del self.projects[project.name]
        return self._change(project)

    def yank(self, name: str, filename: str, *, yanked: bool | str) -> int:
        """
        Set PEP 592's mark on a file; returns the new serial.

        Raises:
            ValueError: no such project or file.

        """
        project = self.existing(name)
        for file in project.files:
            if file.filename == filename:
                file.yanked = yanked
                return self._change(project)
        raise ValueError(f"project {project.name} has no file {filename}")

    def set_status(self, name: str, status: str, reason: str | None = None) -> int:
        """
        Set PEP 792's status; returns the new serial.

        Raises:
            ValueError: no such project.

        """
        project = self.existing(name)
        project.status, project.status_reason = status, reason
        return self._change(project)

    def existing(self, name: str) -> Project:
        """
        Return a project.

        Raises:
            ValueError: no such project.

        """
        project = self.projects.get(artifacts.normalise(name))
        if project is None:
            raise ValueError(f"there is no project {name}")
        return project

    def file_at(self, path: str) -> File | None:
        """Return the file at a decoded `/packages/…` path."""
        return self._by_path.get(path)

    def clear(self) -> None:
        """Forget all projects; the serial stays, for it never goes back."""
        self.projects.clear()
        self._by_path.clear()

    def _project(self, name: str) -> Project:
        return self.projects.setdefault(artifacts.normalise(name), Project(name))

    def _change(self, project: Project) -> int:
        self.serial += 1
        project.serial = self.serial
        return self.serial


def read_publications(path: Path) -> list[Publication]:
    """
    Read a catalogue file: a JSON list of publications.

    Raises:
        ValueError: not JSON, or not publications.

    """
    try:
        document: Any = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    return many_from_json(Publication, document)
