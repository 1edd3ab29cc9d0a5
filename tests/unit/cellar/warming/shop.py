"""An appliance with the engine's own nginx, and lock files for `cellar warm`."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner, Result

from cellar.cli import main
from unit.cellar.support import PYPI, write_settings
from unit.roles.variants import FILES_HOST

if TYPE_CHECKING:
    from pathlib import Path

    from unit.roles.engine import Answer, Request
    from unit.store.stocked import Stocked

WHEEL = "demo-1.0-py3-none-any.whl"
LINUX = "demo-1.0-cp312-cp312-manylinux_2_17_x86_64.whl"
WINDOWS = "demo-1.0-cp312-cp312-win_amd64.whl"
SDIST = "demo-1.0.tar.gz"
NEXT = "demo-2.0-py3-none-any.whl"


class Shop:
    """An appliance, what upstream has for it, and a folder for lock files."""

    def __init__(self, stocked: Stocked, directory: Path) -> None:
        self.stocked = stocked
        self.directory = directory
        self.paths: dict[str, str] = {}
        # What the appliance's rewriter says of a file instead of handing it out, by its name.
        self.kept_back: dict[str, Answer] = {}
        self._rewriter = stocked.engine.rewriter.answer
        self._entries: dict[str, list[dict[str, Any]]] = {}
        stocked.engine.rewriter.answer = self._answer
        engine = stocked.engine
        files = [f"https://{engine.origin_name}/whl/"]
        acme = {**PYPI, "name": "acme", "url": "https://acme.example/simple/", "files": files}
        self._indexes = [PYPI, acme]
        self._settings = self._written(intercept=True)

    def _written(self, *, intercept: bool) -> Path:
        engine = self.stocked.engine
        return write_settings(
            self.directory / "cellar.toml",
            indexes=self._indexes,
            appliance={
                "https_port": engine._port,  # noqa: SLF001 the engine chose it
                "intercept": intercept,
                "ca_file": str(engine.directory / "ca.pem"),
            },
        )

    def close_intercept_door(self) -> None:
        """Let the settings say that there is none."""
        self._settings = self._written(intercept=False)

    def close(self) -> None:
        self.stocked.engine.rewriter.answer = self._rewriter

    def publish(
        self, filename: str, size: int = 1000, *, yanked: bool = False, requires_python: str = ""
    ) -> str:
        """Let upstream have a file on the page of its project; return its SHA-256."""
        path = self.paths[filename] = self.stocked.publish(filename, size)
        digest = hashlib.sha256(self.stocked.contents[path]).hexdigest()
        entry = {
            "filename": filename,
            "url": f"https://{FILES_HOST}{path}",
            "hashes": {"sha256": digest},
            "yanked": yanked,
            "requires-python": requires_python or None,
        }
        if filename.endswith(".whl"):
            metadata = f"metadata of {filename}".encode()
            self.stocked.contents[f"{path}.metadata"] = metadata
            entry["core-metadata"] = {"sha256": hashlib.sha256(metadata).hexdigest()}
        self.show(entry)
        return digest

    def publish_at_acme(self, filename: str, *, hashed: bool) -> str:
        """Let another index have a file on the page of its project; return its SHA-256."""
        self.paths[filename] = self.stocked.publish_at_acme(filename, 1000, hashed=hashed)
        digest = hashlib.sha256(self.stocked.contents[f"/whl/{filename}"]).hexdigest()
        self.show(
            {
                "filename": filename,
                "url": f"https://{self.stocked.engine.origin_name}/whl/{filename}",
                "hashes": {"sha256": digest} if hashed else {},
            }
        )
        return digest

    def show(self, entry: dict[str, Any]) -> None:
        """Add a file to the page of its project."""
        project = entry["filename"].partition("-")[0]
        self._entries.setdefault(project, []).append(entry)
        page = {
            "meta": {"api-version": "1.4"},
            "name": project,
            "files": self._entries[project],
        }
        self.stocked.publish_document(f"/simple/{project}/", page)

    def url(self, filename: str) -> str:
        return f"https://{FILES_HOST}{self.paths[filename]}"

    def lock(self, text: str, name: str = "requirements.txt") -> str:
        path = self.directory / name
        path.write_text(text)
        return str(path)

    def arguments(self, *arguments: str) -> list[str]:
        return ["warm", "--settings", str(self._settings), *arguments]

    def warm(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, self.arguments(*arguments))

    def asked(self, part: str) -> list[Request]:
        """Return what the file host was asked for."""
        return self.stocked.engine.pypi.asked(part)

    def _answer(self, request: Request) -> Answer:
        for filename, answer in self.kept_back.items():
            if request.target.startswith("/file/") and request.target.endswith(filename):
                return answer
        return self._rewriter(request)


def outcomes(result: Result) -> dict[str, str]:
    """Return what was said of each item, by its name."""
    *lines, _ = result.stdout.splitlines()
    return {line[12:].partition(": ")[0]: line[:12].strip() for line in lines}


def details(result: Result) -> dict[str, str]:
    *lines, _ = result.stdout.splitlines()
    return {line[12:].partition(": ")[0]: line[12:].partition(": ")[2] for line in lines}


def poetry_lock(shop: Shop, filename: str, digest: str, source: str = "") -> str:
    return shop.lock(
        '[[package]]\nname = "demo"\nversion = "1.0"\n'
        f'files = [{{file = "{filename}", hash = "sha256:{digest}"}}]\n{source}'
        '[metadata]\nlock-version = "2.1"\n',
        "poetry.lock",
    )


def uv_lock(shop: Shop, *files: tuple[str, str]) -> str:
    wheels = ", ".join(f'{{ url = "{url}", hash = "sha256:{digest}" }}' for url, digest in files)
    return shop.lock(
        f'version = 1\n[[package]]\nname = "demo"\nversion = "1.0"\nwheels = [{wheels}]\n',
        "uv.lock",
    )
