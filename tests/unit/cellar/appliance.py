"""A scripted appliance with its upstream, for `cellar selftest` to look at."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import trustme
from click.testing import CliRunner, Result

from cellar.cli import main, metrics, status
from cellar.resolving import ResolvingError, failures
from cellar.selftest import checks
from cellar.settings import read_settings
from cellar.status import Status, take
from unit.cellar.servers import Answer, Request, Script, https_server
from unit.cellar.support import PYPI, write_settings

Change = Callable[[Request, Answer], Answer]


JSON = "application/vnd.pypi.simple.v1+json"
NAMES = ["cellar.example", "second.example", "localhost", "files.example"]
SMALL, LARGE = b"small file", b"a somewhat larger file"

CHECKS = [
    "upstream names",
    "upstream",
    "TLS of cellar.example",
    "TLS of second.example",
    "health check",
    "rewriter",
    "page, index door",
    "file, index door",
    "TLS of localhost",
    "TLS of files.example",
    "page, intercept door",
    "file, intercept door",
    "disk",
]


def path_of(content: bytes, name: str) -> str:
    digest = hashlib.blake2b(content, digest_size=32).hexdigest()
    return f"{digest[:2]}/{digest[2:4]}/{digest[4:]}/{name}"


def page(files_url: str) -> bytes:
    files = [
        {"filename": name, "url": files_url + path_of(content, name), "size": len(content)}
        for name, content in (("large-1.zip", LARGE), ("small-1.zip", SMALL))
    ]
    files.append({"filename": "old-1.zip", "url": "https://files.example/old-1.zip", "size": 1})
    meta = {"api-version": "1.4"}
    return json.dumps({"meta": meta, "name": "an-example", "files": files}).encode()


class Appliance:
    """Answers as an appliance does, until a test changes its mind."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.changed: Change = lambda _, answer: answer

    def __call__(self, request: Request) -> Answer:
        self.requests.append(request)
        return self.changed(request, self.answer(request))

    def answer(self, request: Request) -> Answer:
        host = request.header["host"]
        seen = self.requests.count(request) > 1
        cached = {"X-Cache": "HIT" if seen else "MISS"}
        if (host, request.path) == ("cellar.example", "/healthz"):
            return Answer(200, b"ok")
        if (host, request.path) == ("cellar.example", "/simple/an-example"):
            return Answer(301, b"over there", {"Location": "/simple/an-example/"})
        if request.path == "/simple/an-example/" and request.header["accept"] == JSON:
            if host == "cellar.example":
                return Answer(200, page("../../packages/"), cached)
            if host == "localhost":
                return Answer(200, page("https://files.example/packages/"), cached)
        if request.path == f"/packages/{path_of(SMALL, 'small-1.zip')}" and host in {
            "cellar.example",
            "files.example",
        }:
            return Answer(200, SMALL, cached)
        return Answer(404, b"nothing here")


class World:
    """An appliance, its upstream, and the settings that describe both."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self.stack = stack
        self.ca = trustme.CA()
        self.ca_file = directory / "ca.pem"
        self.ca.cert_pem.write_to_path(self.ca_file)
        self.appliance = Appliance()
        self.upstream: Script = lambda _: Answer(200, page("https://files.example/packages/"))
        self.names = NAMES
        self.certificate_ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=300)
        self.changes: dict[str, dict[str, Any]] = {
            "upstream": {},
            "appliance": {},
            "certificates": {},
        }
        # What systemd says; None for nothing.
        self.units: dict[str, str] | None = {"nginx.service": "active"}
        for folder in ("resolver", "verifier", "metrics", "traffic"):
            (directory / folder).mkdir()
        # What the DNS says of each host; 192.0.2.1 is the appliance.
        self.addresses: dict[str, list[str]] = {
            "localhost": ["192.0.2.2"],
            "files.example": ["192.0.2.3"],
        }

    def settings(self) -> Path:
        serve = self.stack.enter_context
        port = serve(https_server(self.ca, self.names, self.appliance, self.certificate_ends))
        upstream_port = serve(https_server(self.ca, ["localhost"], self.upstream))
        return write_settings(
            self.directory / "cellar.toml",
            indexes=[{**PYPI, "url": f"https://localhost:{upstream_port}/simple/"}],
            upstream={
                "ca_file": str(self.ca_file),
                "connect_timeout": 2.0,
                "read_timeout": 2.0,
                **self.changes["upstream"],
            },
            appliance={
                "https_port": port,
                "server_names": ["cellar.example", "second.example"],
                "ca_file": str(self.ca_file),
                "cache_dir": str(self.directory),
                "min_free": 1,
                **self.changes["appliance"],
            },
            resolver={"directory": str(self.directory / "resolver")},
            verifier={"directory": str(self.directory / "verifier")},
            certificates=self.changes["certificates"],
            metrics={"file": str(self.directory / "metrics/metrics")},
            traffic={
                "directory": str(self.directory / "traffic"),
                "log_directory": str(self.directory / "traffic"),
            },
        )

    def selftest(self, *options: str) -> Result:
        return self.run("selftest", *options)

    def run(self, command: str, *options: str) -> Result:
        """Run a command of `cellar` on the appliance."""
        arguments = [command, "--settings", str(self.settings()), *options]
        with (
            self._resolved(),
            mock.patch.object(metrics, "ask_units", self.ask_units),
            mock.patch.object(status, "ask_units", self.ask_units),
        ):
            return CliRunner().invoke(main, arguments)

    def status(self) -> Status:
        """Take the appliance's status now."""
        path = self.settings()
        with self._resolved():
            return take(read_settings(path), path, time.time(), self.ask_units)

    def ask_units(self, _: Sequence[str]) -> Mapping[str, str] | None:
        return self.units

    def _resolved(self) -> AbstractContextManager[object]:
        found = partial(failures, look_up=self._look_up, is_own="192.0.2.1".__eq__)
        return mock.patch.object(checks, "failures", found)

    def _look_up(self, host: str, servers: object) -> list[str]:
        if host not in self.addresses:
            raise ResolvingError(f"{host} cannot be resolved by {servers}", "check that name")
        return self.addresses[host]


def outcomes(result: Result) -> dict[str, tuple[str, str]]:
    """Return each check's status and the rest of its line."""
    found = {}
    for line in result.stdout.splitlines():
        status, rest = line.split(maxsplit=1)
        name, finding = rest.split(": ", 1)
        assert line == f"{status:<5} {rest}"
        found[name] = (status, finding)
    return found
