"""An HTTP client for one name at one address, whatever DNS says of that name."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
ACCEPT = {"json": JSON, "html": "text/html"}

_TIMEOUT = 75.0  # seconds; an appliance may take 60 before it gives upstream up


class _ToAddress(HTTPAdapter):
    """Connects by address; SNI and the certificate's check are by name."""

    def __init__(self, name: str) -> None:
        self._name = name
        super().__init__(pool_maxsize=64)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(
            *arguments, server_hostname=self._name, assert_hostname=self._name, **options
        )


@dataclass(frozen=True)
class Door:
    """
    Asks `address` for what is at `https://{name}/`. Only `ca` (PEM file) is trusted.

    Keeps no cookies, follows no redirects, reads no environment. Threads may share it.
    """

    address: str
    name: str
    ca: Path
    _adapter: _ToAddress = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_adapter", _ToAddress(self.name))

    def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """
        Send one request and return the answer, whatever its status.

        Without `stream` the body has been read: a `requests.RequestException` means that the answer
        ended too early, or that there was none.
        """
        request = requests.Request(
            method,
            f"https://{self.address}{path}",
            headers={"Host": self.name, **(headers or {})},
            data=body,
        ).prepare()
        answer = self._adapter.send(request, stream=True, timeout=_TIMEOUT, verify=str(self.ca))
        if not stream:
            _ = answer.content
        return answer

    def page(
        self, project: str, form: str = "json", headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Ask for a project's page in a form ("json" or "html") as the installers do."""
        usual = {"Accept": ACCEPT[form], "Accept-Encoding": "gzip, deflate"}
        return self.ask(f"/simple/{project}/", {**usual, **(headers or {})})

    def ask_at_once(
        self, count: int, path: str, headers: Mapping[str, str] | None = None
    ) -> list[requests.Response]:
        """Send so many equal requests at the same time, each over a connection of its own."""
        doors = [replace(self) for _ in range(count)]
        with ThreadPoolExecutor(count) as pool:
            asked = [pool.submit(door.ask, path, headers) for door in doors]
            return [answer.result() for answer in asked]


# By host name, or by the name of a door: the fixture that opens it says which.
OpenDoor = Callable[[str], Door]


def max_age(answer: requests.Response) -> int:
    """
    Return for how many seconds from its Date an answer says that it is fresh (RFC 9111, 5.2.2).

    Raises:
        AssertionError: it says nothing, or several things.

    """
    header = answer.headers.get("Cache-Control", "")
    values = [part.strip() for part in header.split(",")]
    ages = [value.removeprefix("max-age=") for value in values if value.startswith("max-age=")]
    assert len(ages) == 1, f"Cache-Control: {header!r} has not exactly one max-age"
    return int(ages[0])
