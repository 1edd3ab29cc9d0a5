"""What the file host answers, as PyPI's does behind its CDN."""

import gzip
import hashlib
import re
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import quote

from fakepypi.distributions.artifacts import normalise
from fakepypi.distributions.catalogue import Catalogue, File
from fakepypi.distributions.content import BytesContent, Content
from fakepypi.hosts.negotiation import accepts_gzip
from fakepypi.http.message import Request, Response, redirect, text

_METHODS = "GET, HEAD, OPTIONS"
_FOREVER = "max-age=365000000, immutable, public"
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, OPTIONS",
    "Access-Control-Allow-Headers": "Range",
}
_OLD_PATH = re.compile(r"/packages/[^/]+/[^/]+/([^/]+)/([^/]+)")


class FileHost:
    """The file host of one catalogue: queries are ignored, and nothing is ever a 304."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def answer(self, request: Request) -> Response:
        """Return the answer to a request."""
        if request.method == "OPTIONS":
            return Response(200, {"Allow": _METHODS, **_CORS})
        if request.method not in ("GET", "HEAD"):
            refusal = text(405, f"405 Method Not Allowed: {request.method}\n")
            return refusal.with_headers({"Allow": _METHODS})
        if file := self._catalogue.file_at(request.path):
            return _file(file)
        whole = self._catalogue.file_at(request.path.removesuffix(".metadata"))
        if whole is not None and whole.metadata is not None:
            return _metadata(request, whole, whole.metadata)
        return self._old_path(request) or text(404, "404 Not Found\n")

    def _old_path(self, request: Request) -> Response | None:
        """Redirect `/packages/<tag>/<first letter>/<name>/<filename>` to the hashed path."""
        if match := _OLD_PATH.fullmatch(request.path):
            project = self._catalogue.projects.get(normalise(match[1]))
            for file in project.files if project else ():
                if file.filename == match[2]:
                    return redirect(302, quote(file.path, safe="/!+~"))
        return None


def _file(file: File) -> Response:
    kind = "application/octet-stream"
    if file.filename.endswith(".tar.gz"):
        kind = "application/x-tar"
    about = {
        "x-pypi-file-package-type": "sdist" if kind.endswith("tar") else "bdist_wheel",
        "x-pypi-file-project": file.published().project,
        "x-pypi-file-version": file.publication.version,
    }
    return _stored(file, file.content, file.digests.sha256, kind).with_headers(about)


def _metadata(request: Request, file: File, metadata: bytes) -> Response:
    headers = {"Vary": "Accept-Encoding"}
    if accepts_gzip(request.header("accept-encoding")):
        metadata = gzip.compress(metadata, mtime=0)
        headers["Content-Encoding"] = "gzip"
    digest = hashlib.sha256(metadata).hexdigest()
    kind = "application/octet-stream"
    return _stored(file, BytesContent(metadata), digest, kind).with_headers(headers)


def _stored(file: File, content: Content, digest: str, content_type: str) -> Response:
    uploaded = datetime.fromisoformat(file.upload_time)
    headers = {
        "Content-Type": content_type,
        "ETag": f'"{digest[:32]}"',
        "Last-Modified": format_datetime(uploaded, usegmt=True),
        "Cache-Control": _FOREVER,
        "Accept-Ranges": "bytes",
        "X-Cache": "MISS, HIT",
        **_CORS,
    }
    return Response(200, headers, content, ranges=True)
