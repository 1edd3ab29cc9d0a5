"""What several tests of this directory need: a settings file, and readers that are not Cellar's."""

import asyncio
import resource
import ssl
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx

from cellar.settings import Settings, read_settings
from cellar.upstream import Access
from cellar.web import create_app

PAGES = Path(__file__).parent / "pages"

PYPI: dict[str, Any] = {
    "name": "pypi",
    "url": "https://index.example/simple/",
    "files": ["https://files.example/packages/"],
    "ca_file": "",
    "credential": "",
    "missing_statuses": [],
}
PYPI_ROUTE: dict[str, Any] = {"projects": ["*"], "indexes": ["pypi"]}
FILE_RULE: dict[str, Any] = {
    "name": "cooldown",
    "answer": "hide",
    "projects": ["*"],
    "versions": "",
    "kinds": [],
    "filenames": [],
    "younger_than_days": 7,
    "undated": "match",
    "larger_than": 0,
    "zone": "",
    "reason": "",
}

# Sections are tables, arrays are lists of tables.
SETTINGS: dict[str, Any] = {
    "upstream": {
        "ca_file": "/etc/cellar/upstream-ca.pem",
        "user_agent": "cellar/0.1.0 (mailto:operator@example)",
        "cdn_loop": "cellar.example",
        "connect_timeout": 5.0,
        "read_timeout": 30.0,
        "page_size_limit": 1048576,
    },
    "pages": {"max_age": 600, "revision": "0123abcd"},
    "files": {"size_limit": 0, "over_limit": "stream", "max_size": 0},
    "rewriter": {"workers": 2, "engine_socket": "/run/nginx/internal.sock"},
    "appliance": {
        "address": "127.0.0.1",
        "https_port": 443,
        "server_names": ["cellar.example"],
        "intercept": True,
        "proxy_port": 0,
        "ca_file": "/etc/cellar/tls/ca.pem",
        "cache_dir": "/var/cache/cellar",
        "min_free": 2147483648,
        "disk_link": "/nonexistent/cellar/disk",
        "selftest_project": "an-example",
        "units": ["nginx.service", "cellar-resolver.timer"],
    },
    "resolver": {"servers": [], "directory": "/nonexistent/cellar"},
    "verifier": {"days": 1, "rate": 0, "directory": "/nonexistent/cellar/verifier"},
    "traffic": {
        "days": 90,
        "log_directory": "/nonexistent/log",
        "directory": "/nonexistent/cellar/traffic",
    },
    "zones": {"pages_max_size": 2**31, "metadata_max_size": 2**30},
    "certificates": {"renew_days": 30, "renews": True},
    "metrics": {"file": "/nonexistent/cellar/metrics.txt"},
    "pools": [{"name": "pypi_files_host", "host": "files.example", "port": 443}],
    "indexes": [PYPI],
    "routes": [PYPI_ROUTE],
    "file_zones": [],
    "file_rules": [],
}


def toml(tables: Mapping[str, Any]) -> str:
    """Write tables, and lists of tables, of texts, numbers, switches and lists as TOML."""
    lines = []
    for name, content in tables.items():
        array = isinstance(content, list)
        for table in content if array else [content]:
            lines.append(f"[[{name}]]" if array else f"[{name}]")
            lines += [f"{key} = {_toml_value(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _toml_value(value: object) -> str:
    return repr(value).replace("'", '"').replace("True", "true").replace("False", "false")


def changed(**changes: Any) -> dict[str, Any]:
    """Return the settings with some keys of some sections replaced, and some arrays as a whole."""
    return {
        name: changes.get(name, content)
        if isinstance(content, list)
        else {**content, **changes.get(name, {})}
        for name, content in SETTINGS.items()
    }


def write_settings(path: Path, **changes: Any) -> Path:
    path.write_text(toml(changed(**changes)), encoding="utf-8")
    return path


def settings(directory: Path, **changes: Any) -> Settings:
    return read_settings(write_settings(directory / "cellar.toml", **changes))


def resident() -> int:
    """Return how many bytes of this process are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


Upstream = Callable[[httpx.Request], httpx.Response]


def scripted(
    status: int = 200, body: bytes = b"", header: Mapping[str, str] | None = None
) -> httpx.Response:
    """Return an answer of a scripted upstream, whose body is still to be read from the wire."""
    return httpx.Response(status, headers=header, stream=httpx.ByteStream(body))


def _no_engine(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError(f"there is no engine to ask for {request.url}")


def _recording(script: Upstream, asked: list[httpx.Request]) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return script(request)

    return httpx.MockTransport(answer)


class Rewriter:
    """The application, with a scripted upstream in place of the network."""

    def __init__(
        self,
        values: Settings,
        upstream: Upstream,
        authorizations: Mapping[str, str] | None = None,
        engine: Upstream | None = None,
    ) -> None:
        self.asked: list[httpx.Request] = []
        self.asked_of_engine: list[httpx.Request] = []
        unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._app = create_app(
            values,
            {
                index.name: Access(unused, (authorizations or {}).get(index.name))
                for index in values.indexes
            },
            _recording(upstream, self.asked),
            _recording(engine or _no_engine, self.asked_of_engine),
        )

    def ask(self, path: str, method: str = "GET", **header: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with self._client() as client:
                return await client.request(method, path, headers=header)

        return asyncio.run(ask())

    def wire(self, path: str) -> bytes:
        """Return the body as it is sent, still encoded."""

        async def ask() -> bytes:
            async with self._client() as client, client.stream("GET", path) as answer:
                return b"".join([piece async for piece in answer.aiter_raw()])

        return asyncio.run(ask())

    def _client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://engine")


class Link(dict[str, str]):
    """The attributes of an anchor; its text is under the key "text"."""


class SimplePage(HTMLParser):
    """Reads a page as PEP 503 describes it, for comparison; it shares no code with Cellar."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[Link] = []
        self.metas: list[tuple[str | None, str | None]] = []
        self.comments: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "a":
            self.links.append(Link({name: value or "" for name, value in attrs}, text=""))
        if tag == "meta":
            found = dict(attrs)
            self.metas.append((found.get("name"), found.get("content")))

    def handle_data(self, data: str) -> None:
        if self.links and self.lasttag == "a" and self.cdata_elem is None:
            self.links[-1]["text"] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.lasttag = ""

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def hashed_path(name: str, digit: str = "a") -> str:
    """Return a path in PyPI's scheme, below /packages/."""
    return f"{digit * 2}/{digit * 2}/{digit * 60}/{name}"
