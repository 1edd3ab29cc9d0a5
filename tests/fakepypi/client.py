"""Steers a fakepypi over its control port. Needs `requests`, and nothing the server needs."""

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import requests

from fakepypi.control.journal import RequestRecord, Totals
from fakepypi.http.message import Role
from fakepypi.misbehaviour.behaviour import Behaviour
from fakepypi.publication import Publication, PublishedFile

_TIMEOUT = 60.0
_POLL = 0.01


class FakePyPIError(Exception):
    """The server refused a control request; the message says why."""


class FakePyPI:
    """A fakepypi that runs somewhere, seen through its control API."""

    def __init__(self, control_url: str) -> None:
        self.control_url = control_url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy under test must not see the control traffic
        about = self._call("GET", "/")
        self.index_host: str = about["index_host"]
        self.files_host: str = about["files_host"]
        self.https_port: int = about["https_port"]
        self.http_port: int | None = about["http_port"]

    def close(self) -> None:
        """Close the control connection."""
        self._session.close()

    @property
    def ca_pem(self) -> str:
        """The CA's certificate in PEM."""
        answer = self._session.get(f"{self.control_url}/ca.pem", timeout=_TIMEOUT)
        answer.raise_for_status()
        return answer.text

    @property
    def serial(self) -> int:
        """The index's last serial."""
        return int(self._call("GET", "/")["serial"])

    # What is published

    def publish(self, project: str, version: str, **options: Any) -> PublishedFile:
        """
        Publish one file; `options` are the further fields of `Publication`.

        Raises:
            FakePyPIError: the file is already there, or an option is impossible.
            TypeError: there is no such option.

        """
        publication = Publication(project, version, **options)
        (published,) = self._call("POST", "/publish", vars(publication))
        return PublishedFile(**published)

    def publish_demo(self) -> list[PublishedFile]:
        """Publish the small built-in catalogue."""
        return [PublishedFile(**published) for published in self._call("POST", "/demo", {})]

    def publish_page(
        self, project: str, body: bytes, form: Literal["json", "html"] = "json"
    ) -> int:
        """Serve these bytes as a project's page; returns the new serial."""
        encoded = base64.b64encode(body).decode()
        page = {"project": project, "form": form, "base64": encoded}
        return int(self._call("POST", "/pages", page)["serial"])

    def withdraw(self, project: str, filename: str | None = None) -> int:
        """Delete a file or a whole project; returns the new serial."""
        wanted = {"project": project, "filename": filename}
        return int(self._call("POST", "/withdraw", wanted)["serial"])

    def yank(self, project: str, filename: str, *, yanked: bool | str = True) -> int:
        """Set PEP 592's mark on a file; returns the new serial."""
        wanted = {"project": project, "filename": filename, "yanked": yanked}
        return int(self._call("POST", "/yank", wanted)["serial"])

    def set_status(self, project: str, status: str, reason: str | None = None) -> int:
        """Set PEP 792's project status; returns the new serial."""
        wanted = {"project": project, "status": status, "reason": reason}
        return int(self._call("POST", "/status", wanted)["serial"])

    # How it misbehaves

    def behave(self, behaviour: Behaviour) -> int:
        """Put a behaviour in force until it is cleared; returns its number."""
        return int(self._call("POST", "/behaviours", behaviour.set_fields())["number"])

    @contextmanager
    def behaving(self, host: Role | None = None, path: str = "*", **fields: Any) -> Iterator[None]:
        """Misbehave inside the `with` block; `fields` are those of `Behaviour`."""
        number = self.behave(Behaviour(host=host, path=path, **fields))
        try:
            yield
        finally:
            self.clear(number)

    def clear(self, number: int | None = None) -> None:
        """End one behaviour, or all of them."""
        query = "" if number is None else f"?number={number}"
        self._call("DELETE", f"/behaviours{query}")

    def behaviours(self) -> dict[str, dict[str, Any]]:
        """Return the behaviours in force by number, with how often each has `acted`."""
        return dict(self._call("GET", "/behaviours"))

    @contextmanager
    def down(self) -> Iterator[None]:
        """Refuse connections inside the `with` block, and cut those that are open."""
        self._call("POST", "/listening", {"listening": False})
        try:
            yield
        finally:
            self._call("POST", "/listening", {"listening": True})

    # What it has seen

    def requests(self, **selection: Any) -> list[RequestRecord]:
        """Return the requests seen, in order; select by `host`, `path`, `method`, `status`."""
        found = self._call("GET", "/requests", query=selection)
        pairs = [tuple(map(tuple, record.pop("headers"))) for record in found]
        return [RequestRecord(headers=h, **r) for h, r in zip(pairs, found, strict=True)]

    def totals(self, **selection: Any) -> Totals:
        """Return sums over the selected requests."""
        return Totals(**self._call("GET", "/totals", query=selection))

    def bytes_sent(self, **selection: Any) -> int:
        """Return the body bytes sent in answer to the selected requests."""
        return self.totals(**selection).bytes_sent

    def wait_for(
        self, count: int, *, bytes_sent: int = 0, timeout: float = 10.0, **selection: Any
    ) -> Totals:
        """
        Return once so many of the selected requests have come, and so many body bytes have gone.

        Raises:
            TimeoutError: they have not, within `timeout` seconds.

        """
        return self._wait(
            lambda totals: totals.requests >= count and totals.bytes_sent >= bytes_sent,
            timeout,
            selection,
        )

    def wait_until_idle(self, *, timeout: float = 10.0, **selection: Any) -> Totals:
        """
        Return once no answer to the selected requests is under way any more.

        Raises:
            TimeoutError: some still are, after `timeout` seconds.

        """
        return self._wait(lambda totals: totals.open == 0, timeout, selection)

    def _wait(
        self, condition: Callable[[Totals], bool], timeout: float, selection: dict[str, Any]
    ) -> Totals:
        deadline = time.monotonic() + timeout
        while not condition(totals := self.totals(**selection)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {timeout} s in vain; {selection or 'all'}: {totals}")
            time.sleep(_POLL)
        return totals

    def forget_requests(self) -> None:
        """Start the request log anew."""
        self._call("DELETE", "/requests")

    def reset(self) -> None:
        """Back to the start: no projects, no behaviours, no requests, and listening."""
        self._call("POST", "/listening", {"listening": True})
        for resource in ("/behaviours", "/projects", "/requests"):
            self._call("DELETE", resource)

    def _call(self, method: str, resource: str, document: Any = None, query: Any = None) -> Any:
        answer = self._session.request(
            method, self.control_url + resource, json=document, params=query, timeout=_TIMEOUT
        )
        result = answer.json()
        if not answer.ok:
            raise FakePyPIError(result["error"])
        return result
