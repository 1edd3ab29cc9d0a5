"""The index servers on `private-indexes`: what they have been asked, and putting wheels on them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from fakepypi.publication import Publication
from indexes.publishing import Published

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fakepypi.client import FakePyPI
    from support.deployment import Machine

_LOG = "/var/log/nginx/requests.log"
_PUBLISH = (
    "env PYTHONPATH=/srv/tests PYTHONDONTWRITEBYTECODE=1 "
    "/opt/fakepypi/bin/python -m indexes.publishing"
)


@dataclass(frozen=True)
class Asked:
    """A request to one of the servers, with the size of the answer's body in bytes."""

    host: str
    method: str
    path: str
    status: int
    bytes: int
    user: str
    authorization: str
    user_agent: str

    @property
    def filename(self) -> str:
        """The last part of the path, decoded."""
        return unquote(self.path.rpartition("/")[2])


@dataclass(frozen=True)
class Servers:
    """All servers; each answers as `<its name>.example`. `ca` signs for all of them."""

    machine: Machine
    address: str
    ca: Path
    user: str
    password: str
    fakepypi: FakePyPI

    def publish(self, server: str, project: str, version: str, **options: Any) -> Published:
        """Publish a wheel on a server; `options` are the further fields of `Publication`."""
        publication = Publication(project, version, **options)
        if server == "mirror":
            self.fakepypi.publish(project, version, **options)
        printed = self.machine.run(f"{_PUBLISH} %s %s", server, json.dumps(asdict(publication)))
        return Published(**json.loads(printed))

    def requests(self, about: str = "") -> list[Asked]:
        """Return the requests so far whose path has `about`, in order."""
        lines = self.machine.run(f"cat {_LOG}").splitlines()
        asked = [Asked(**json.loads(line)) for line in lines]
        return [request for request in asked if about in request.path]

    @contextmanager
    def down(self) -> Iterator[None]:
        """Refuse connections to all servers inside the `with` block."""
        self.machine.run("systemctl stop nginx")
        try:
            yield
        finally:
            self.machine.run("systemctl start nginx")
