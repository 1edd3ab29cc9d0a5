"""An engine with files and pages of a test's own making, and what damages its store."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
from typing import TYPE_CHECKING, Any

from cellar.store import open_record, read_key, zones
from unit.roles.engine import Answer, Request
from unit.roles.variants import FILES_HOST

if TYPE_CHECKING:
    from pathlib import Path

    from cellar.store import Key
    from unit.roles.engine import Engine

JSON = "application/vnd.pypi.simple.v1+json"
SLICE = 256 * 1024
REVISION = "0123abcd"
VARIABLES: dict[str, Any] = {
    "cellar_slice_size": "256k",
    "__cellar_pages_revision": REVISION,
    "__cellar_oracle_revision": REVISION,
    "__cellar_checks_files": True,
    "__cellar_least_file_limit": "none",
    "__cellar_file_zones": [{"name": "pinned", "max_size": "", "unused_days": 0}],
}


class Stocked:
    """What upstream has, and the engine's store."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.cache = engine.directory / "cache"
        self.contents: dict[str, bytes] = {}
        self._random = random.Random(7)
        engine.pypi.answer = engine.origin.answer = self._host
        engine.rewriter.answer = self._rewriter

    def empty(self) -> None:
        """Forget everything."""
        self.contents.clear()
        for place in self.everything():
            place.unlink()

    def publish(self, filename: str, size: int) -> str:
        """Let PyPI's file host have a file; return its path."""
        content = self._random.randbytes(size)
        digest = hashlib.blake2b(content, digest_size=32).hexdigest()
        path = f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{filename}"
        self.contents[path] = content
        return path

    def publish_at_acme(self, filename: str, size: int, *, hashed: bool = True) -> str:
        """Let another index's host have a file; return the appliance's path of it."""
        content = self._random.randbytes(size)
        digest = hashlib.sha256(content).hexdigest() if hashed else "-"
        self.contents[f"/whl/{filename}"] = content
        return f"/files/{self.engine.origin_name}/{digest}/whl/{filename}"

    def publish_page(self, project: str, *paths: str) -> str:
        """Let the project have a page with files, and the SHA-256 of the metadata of each."""
        files = []
        for path in paths:
            content = self.contents[path]
            promised = hashlib.sha256(self.contents[f"{path}.metadata"]).hexdigest()
            files.append(
                {
                    "filename": path.rpartition("/")[2],
                    "url": f"https://{FILES_HOST}{path}",
                    "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
                    "core-metadata": {"sha256": promised},
                }
            )
        page = {"meta": {"api-version": "1.4"}, "name": project, "files": files}
        self.publish_document(f"/simple/{project}/", page)
        return f"/simple/{project}/"

    def publish_document(self, path: str, document: object) -> None:
        """Let upstream have a page."""
        self.contents[path] = gzip.compress(json.dumps(document).encode(), 1)

    def fetch(self, path: str, **headers: str) -> bytes:
        """Ask the index door, which stores what it serves; return the body."""
        answer = self.engine.ask(path, Accept=JSON, **headers)
        assert answer.status in {200, 206}, answer
        return answer.body

    def cache_status(self, path: str) -> str:
        return self.engine.ask(path, Accept=JSON).headers["x-cache"]

    def places(self, path: str = "", kind: str = "") -> list[Path]:
        """Return where the store has records, all or those of a path and kind, sorted by slice."""
        found = []
        for place in self.everything():
            key = self.key(place)
            if (not path or key.path == path) and (not kind or key.kind == kind):
                found.append((key.first, place))
        return [place for _, place in sorted(found)]

    def everything(self) -> list[Path]:
        """Return where the store has anything."""
        folders = [folder for zone in zones(self.cache) for folder in zone.folders()]
        return [place for folder in folders for place in folder.iterdir()]

    def key(self, place: Path) -> Key:
        with open_record(place) as record:
            return read_key(record.key)

    def _host(self, request: Request) -> Answer:
        content = self.contents.get(request.target)
        if content is None:
            return Answer(status=404, reason="Not Found")
        common = {"Accept-Ranges": "bytes", "ETag": '"upstream"'}
        part = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
        if part is None or request.method == "HEAD":
            return Answer(headers=common, body=content)
        first, end = int(part[1]), min(int(part[2]) + 1, len(content))
        said = {"Content-Range": f"bytes {first}-{end - 1}/{len(content)}"}
        return Answer(
            status=206, reason="Partial Content", headers=common | said, body=content[first:end]
        )

    def _rewriter(self, request: Request) -> Answer:
        if request.target.startswith("/file/"):
            zone = "metadata" if request.target.endswith(".metadata") else "files"
            zone = "pinned" if "pinned" in request.target else zone
            said = {"X-File-Limit": "none", "X-File-Zone": zone, "Cache-Control": "max-age=600"}
            path = request.target.removeprefix("/file")
            other = re.fullmatch(r"/files/[^/]+/[^/]+(/.+)", path)
            return Answer(headers={**said, "X-File-Target": other[1] if other else path})
        page = re.search(r"/(?:simple/[^/]+/|pypi/.+/json)\Z", request.target)
        body = self.contents.get(page[0]) if page else None
        if body is None:
            return Answer(status=404, reason="Not Found")
        said = {
            "Content-Type": JSON,
            "Content-Encoding": "gzip",
            "Cache-Control": "max-age=600, public",
            "ETag": '"page"',
        }
        return Answer(headers=said, body=body)


def flip(place: Path, at: int = -1) -> None:
    """Change one bit of a record; `at` counts from its end if it is negative."""
    content = bytearray(place.read_bytes())
    content[at] ^= 1
    place.write_bytes(content)


def cut(place: Path, count: int) -> None:
    """Take bytes from a record's end."""
    place.write_bytes(place.read_bytes()[:-count])
