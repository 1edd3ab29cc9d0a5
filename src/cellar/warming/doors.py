"""The appliance's doors, asked for much and at once."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from typing import Self
from urllib.parse import urlsplit

import httpx

from cellar.policy.texts import one_line
from cellar.settings import Settings
from cellar.tls import TrustError, tls_context
from cellar.warming.report import Outcome

JSON = "application/vnd.pypi.simple.v1+json"
# What the engine says of an answer that is in the cache, or is now.
_CACHED = {"HIT", "UPDATING", "STALE"}
_FETCHED = {"MISS", "EXPIRED", "REVALIDATED"}
# Seconds without a byte. Behind others who fetch the same over a slow line it takes a while, and so
# long may it take to be interrupted.
_PATIENCE = 60
_LONGEST_SENTENCE = 300


class WarmingError(Exception):
    """Nothing can be asked; the message is one sentence."""


class Doors:
    """
    Asks the appliance at its own address for its names, over kept connections.

    `index` is the name of the index door, `intercept` that of PyPI's index if its door is open.
    `pages` are the names that have pages, each with what people call its door.
    """

    def __init__(self, settings: Settings, connections: int) -> None:
        """
        Prepare to ask over so many connections; nothing is connected yet.

        Raises:
            WarmingError: when there is nobody to trust.

        """
        appliance = settings.appliance
        try:
            self._tls = tls_context(appliance.ca_file, key="the appliance")
        except TrustError as error:
            raise WarmingError(str(error)) from error
        self.index = appliance.server_names[0]
        self.pages = {self.index: "index door"}
        self.intercept: str | None = None
        if appliance.intercept:
            self.intercept = urlsplit(settings.indexes[0].url).hostname or ""
            self.pages[self.intercept] = "intercept door"
        host = f"[{appliance.address}]" if ":" in appliance.address else appliance.address
        self._root = f"https://{host}:{appliance.https_port}"
        self._connections = connections
        self._connect_timeout = settings.upstream.connect_timeout
        self._clients: dict[str, httpx.Client] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Open the connections, one after another as they are needed."""
        # A client for each name: a kept connection would be used again for another name.
        for name in self.pages:
            client = httpx.Client(
                base_url=self._root,
                verify=self._tls,
                trust_env=False,
                timeout=httpx.Timeout(_PATIENCE, connect=self._connect_timeout),
                limits=httpx.Limits(max_connections=self._connections),
                headers={"Host": name},
            )
            self._clients[name] = self._stack.enter_context(client)
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        self._stack.close()

    @contextmanager
    def ask(self, name: str, path: str, **headers: str) -> Iterator[httpx.Response]:
        """
        Ask for a path and give the answer while its body can be read; see httpx for its errors.

        Underscores in the names of header fields mean hyphens.
        """
        fields = {key.replace("_", "-"): value for key, value in headers.items()}
        extensions = {"sni_hostname": name}
        with self._clients[name].stream(
            "GET", path, headers=fields, extensions=extensions
        ) as response:
            yield response


def stored(response: httpx.Response) -> Outcome:
    """Return whether what is answered was in the cache, is now, or will not be."""
    said = response.headers.get("X-Cache", "")
    if said in _CACHED:
        return Outcome.CACHED
    return Outcome.FETCHED if said in _FETCHED else Outcome.NOT_STORED


def fault(response: httpx.Response) -> tuple[Outcome, str]:
    """Read an answer that is no content; return what it means, and the appliance's sentence."""
    status = response.status_code
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        place = urlsplit(response.headers.get("Location", "")).hostname or "upstream"
        return Outcome.NOT_STORED, f"clients are sent to {one_line(place)}"
    sentence = _sentence(response)
    if status == HTTPStatus.FORBIDDEN:
        return Outcome.REFUSED, sentence
    if status == HTTPStatus.NOT_FOUND:
        return Outcome.MISSING, sentence or "upstream does not have it"
    return Outcome.FAILED, f"status {status}{f': {sentence}' if sentence else ''}"


def _sentence(response: httpx.Response) -> str:
    text = response.read().decode("utf-8", "replace").strip()
    if response.headers.get("Content-Type", "").startswith("application/problem+json"):
        # RFC 9457
        problem = json.loads(text)
        text = str(problem["detail"])
    return one_line(text.partition("\n")[0])[:_LONGEST_SENTENCE]
