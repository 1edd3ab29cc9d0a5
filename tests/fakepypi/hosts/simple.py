"""PyPI's simple index pages: JSON 1.4 and HTML 1.4, field by field as PyPI writes them."""

import json
from collections.abc import Iterable
from html import escape
from typing import Any

from fakepypi.distributions.catalogue import File, Project

API_VERSION = "1.4"


def project_json(project: Project, files_origin: str, index_origin: str, padding: int = 0) -> bytes:
    """Return a project's page in JSON (PEP 691, 700, 714, 740, 792)."""
    status = {"status": project.status}
    if project.status_reason is not None:
        status["reason"] = project.status_reason
    document: dict[str, Any] = {
        "files": [_file_entry(file, files_origin, index_origin) for file in project.files],
        "meta": {"_last-serial": project.serial, "api-version": API_VERSION},
        "name": project.name,
        "project-status": status,
        "versions": list(dict.fromkeys(file.publication.version for file in project.files)),
    }
    if padding:
        document["_padding"] = "x" * padding
    return dump(document)


def project_html(project: Project, files_origin: str, index_origin: str, padding: int = 0) -> bytes:
    """Return a project's page in HTML (PEP 503, 592, 629, 658, 714, 740, 792)."""
    metas = [f'<meta name="pypi:project-status" content="{escape(project.status)}">']
    if project.status_reason is not None:
        reason = escape(project.status_reason)
        metas.append(f'<meta name="pypi:project-status-reason" content="{reason}">')
    anchors = [_anchor(file, files_origin, index_origin) for file in project.files]
    if padding:
        anchors.append(f"<!--{'x' * padding}-->")
    return _html_page(f"Links for {project.name}", metas, anchors, project.serial)


def root_json(projects: Iterable[Project], serial: int) -> bytes:
    """Return the list of all projects in JSON (PEP 691)."""
    entries = [{"_last-serial": p.serial, "name": p.display_name} for p in projects]
    meta = {"_last-serial": serial, "api-version": API_VERSION}
    return dump({"meta": meta, "projects": entries})


def root_html(projects: Iterable[Project], serial: int) -> bytes:
    """Return the list of all projects in HTML, with root-relative links."""
    anchors = [f'<a href="/simple/{p.name}/">{escape(p.display_name)}</a><br />' for p in projects]
    return _html_page("Simple index", [], anchors, serial)


def dump(document: Any) -> bytes:
    """Return JSON as PyPI writes it: sorted keys, no spaces."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def provenance_url(file: File, index_origin: str) -> str | None:
    """Return the absolute URL of a file's attestations (PEP 740), or None."""
    if file.publication.provenance is None:
        return None
    project, version = file.published().project, file.publication.version
    return f"{index_origin}/integrity/{project}/{version}/{file.filename}/provenance"


def _metadata_hash(file: File) -> dict[str, str] | None:
    return None if file.metadata_digest is None else {"sha256": file.metadata_digest}


def _file_entry(file: File, files_origin: str, index_origin: str) -> dict[str, Any]:
    metadata = _metadata_hash(file) or False
    return {
        "core-metadata": metadata,
        "data-dist-info-metadata": metadata,
        "filename": file.filename,
        "hashes": {"sha256": file.digests.sha256},
        "provenance": provenance_url(file, index_origin),
        "requires-python": file.publication.requires_python,
        "size": file.content.size,
        "upload-time": file.upload_time,
        "url": files_origin + file.path,
        "yanked": file.yanked,
    }


def _anchor(file: File, files_origin: str, index_origin: str) -> str:
    attributes = {"href": f"{files_origin}{file.path}#sha256={file.digests.sha256}"}
    if file.publication.requires_python is not None:
        attributes["data-requires-python"] = file.publication.requires_python
    if file.metadata_digest is not None:
        attributes["data-dist-info-metadata"] = f"sha256={file.metadata_digest}"
        attributes["data-core-metadata"] = f"sha256={file.metadata_digest}"
    if file.yanked is not False:
        attributes["data-yanked"] = file.yanked if isinstance(file.yanked, str) else ""
    if provenance := provenance_url(file, index_origin):
        attributes["data-provenance"] = provenance
    written = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items())
    return f"<a {written}>{escape(file.filename)}</a><br />"


def _html_page(title: str, metas: Iterable[str], anchors: Iterable[str], serial: int) -> bytes:
    lines = [
        "<!DOCTYPE html>",
        "<html>",
        "  <head>",
        f'    <meta name="pypi:repository-version" content="{API_VERSION}">',
        *(f"    {meta}" for meta in metas),
        f"    <title>{escape(title)}</title>",
        "  </head>",
        "  <body>",
        f"    <h1>{escape(title)}</h1>",
        *anchors,
        "  </body>",
        "</html>",
        f"<!--SERIAL {serial}-->",
    ]
    return "\n".join(lines).encode()
