"""What is measured, as its clients see it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests

from failure import Failure
from support.door import JSON, Door

if TYPE_CHECKING:
    from bench.machine import Machine
    from bench.site import Site

# What pip asks with.
HEADERS = {
    "Accept": f"{JSON}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
    "Accept-Encoding": "gzip",
}

_READY_WITHIN = 180.0  # seconds; devpi first makes its database


@dataclass(frozen=True)
class Subject:
    """
    Someone who serves project pages and files: in which container, on which port, where pages are.

    All have the appliance's own name and certificate, so that TLS costs all the same.
    """

    name: str
    machine: Machine
    door: Door
    port: int
    path: str

    def url(self, project: str) -> str:
        """Return a project's page for somebody in the network of the container."""
        return f"https://127.0.0.1:{self.port}{self.path.format(project=project)}"

    @property
    def headers(self) -> dict[str, str]:
        """The header of a request, Host included."""
        return {"Host": self.door.name, **HEADERS}

    def file_path(self, project: str, filename: str) -> str:
        """
        Return the path to which the project's page links for a file.

        Raises:
            Failure: there is no page, or no such file in it.

        """
        place = self.path.format(project=project)
        answer = self.door.ask(place, HEADERS)
        if answer.status_code == requests.codes.ok:
            for file in answer.json()["files"]:
                if file["filename"] == filename:
                    return str(
                        urlsplit(urljoin(f"https://{self.door.name}{place}", file["url"])).path
                    )
        raise Failure(f"{self.name} links to no {filename} ({answer.status_code} {answer.text!r})")

    def fetch(self, project: str) -> tuple[bytes, float]:
        """Fetch a project's page; see `timed`."""
        return timed(self.door, self.path.format(project=project))


def timed(door: Door, path: str) -> tuple[bytes, float]:
    """
    Return a compressed body as it came, and the seconds from the request to its last byte.

    Raises:
        Failure: the answer is another one.

    """
    start = time.perf_counter()
    answer = door.ask(path, HEADERS, stream=True)
    body = answer.raw.read(decode_content=False)
    seconds = time.perf_counter() - start
    if answer.status_code != requests.codes.ok or answer.headers.get("Content-Encoding") != "gzip":
        raise Failure(
            f"{door.address}{path} was answered with {answer.status_code}: {body[:200]!r}"
        )
    return body, seconds


def cellar(site: Site) -> Subject:
    """Return the appliance."""
    return Subject("cellar", site.appliance, site.door, 443, "/simple/{project}/")


def ready(subject: Subject, project: str) -> Subject:
    """Return the subject once it serves the page."""
    deadline = time.monotonic() + _READY_WITHIN
    while True:
        try:
            subject.fetch(project)
        except (Failure, requests.RequestException) as error:
            if time.monotonic() > deadline:
                log = subject.machine.run("journalctl", "--no-pager", "--lines=5", "--output=cat")
                raise Failure(f"{subject.name} serves no pages: {error}\n{log}") from error
            time.sleep(0.5)
        else:
            return subject
