"""PyPI's legacy JSON API: `/pypi/<name>/json` and `/pypi/<name>/<version>/json`."""

from typing import Any

from fakepypi.distributions.artifacts import extras
from fakepypi.distributions.catalogue import File, Project
from fakepypi.hosts.simple import dump


def project_document(project: Project, files_origin: str) -> bytes:
    """Return the document of a project: its newest release's, and all releases."""
    versions = list(dict.fromkeys(file.publication.version for file in project.files))
    document = _document(project, _newest(project), files_origin)
    document["releases"] = {
        version: [_url(f, files_origin) for f in _release(project, version)] for version in versions
    }
    return dump(document)


def release_document(project: Project, version: str, files_origin: str) -> bytes | None:
    """Return the document of one release, or None if there is no such release."""
    if not _release(project, version):
        return None
    return dump(_document(project, version, files_origin))


def _newest(project: Project) -> str:
    """Return the version published last, yanked ones only when there is nothing else."""
    offered = [file for file in project.files if file.yanked is False] or project.files
    return offered[-1].publication.version if offered else ""


def _release(project: Project, version: str) -> list[File]:
    return [file for file in project.files if file.publication.version == version]


def _document(project: Project, version: str, files_origin: str) -> dict[str, Any]:
    files = _release(project, version)
    publication = files[0].publication if files else None
    requires = list(publication.requires) if publication else []
    yanked = bool(files) and all(file.yanked is not False for file in files)
    info = {
        "name": project.display_name,
        "version": version,
        "summary": publication.summary if publication else "",
        "requires_dist": requires or None,
        "requires_python": publication.requires_python if publication else None,
        "provides_extra": (extras(publication) or None) if publication else None,
        "yanked": yanked,
        "yanked_reason": files[0].yanked or None if yanked else None,
        "description": "",
        "license": None,
        "classifiers": [],
    }
    return {
        "info": info,
        "last_serial": project.serial,
        "urls": [_url(file, files_origin) for file in files],
        "vulnerabilities": [],
    }


def _url(file: File, files_origin: str) -> dict[str, Any]:
    is_sdist = file.filename.endswith((".tar.gz", ".zip"))
    return {
        "comment_text": None,
        "digests": {"blake2b_256": file.digests.blake2b_256, "sha256": file.digests.sha256},
        "downloads": -1,
        "filename": file.filename,
        "has_sig": False,
        "packagetype": "sdist" if is_sdist else "bdist_wheel",
        "python_version": "source" if is_sdist else "py3",
        "requires_python": file.publication.requires_python,
        "size": file.content.size,
        "upload_time": file.upload_time[:19],
        "upload_time_iso_8601": file.upload_time,
        "url": files_origin + file.path,
        "yanked": file.yanked is not False,
        "yanked_reason": file.yanked if isinstance(file.yanked, str) else None,
    }
