"""The role's whole nginx at work: on loopback, between clients of a test and upstreams of its."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import signal
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import trustme

from support import nginx
from support.rendering import render
from unit.roles.variants import FILES_HOST, HOSTS, INDEX_HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

T = TypeVar("T")

INDEX_DOOR = "cellar.example"
ORIGIN = "files.acme.example"
AUTHORIZATION = "Basic Y2k6aHVzaA=="


@dataclass(frozen=True)
class Request:
    """A request that an upstream got; the names of header fields are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    sni: str | None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an upstream says, after `delay` seconds; `measured` is with a Content-Length."""

    status: int = 200
    reason: str = "OK"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    measured: bool = True


@dataclass(frozen=True)
class Response:
    """What a client got; the names of header fields are lower case, values of equal ones joined."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class Upstream:
    """Says what `answer` tells it to, and remembers what it was asked."""

    def __init__(self) -> None:
        """Be silent about everything at first."""
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._at_once = 0
        self.answer: Callable[[Request], Answer] = lambda _: Answer(status=404, reason="Not Found")

    def asked(self, part: str) -> list[Request]:
        """Return the requests whose target has this part."""
        return [request for request in self.requests if part in request.target]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tls = writer.get_extra_info("ssl_object")
        sni = getattr(tls, "server_name_of_the_client", None)
        with (
            contextlib.closing(writer),
            contextlib.suppress(
                asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError
            ),
        ):
            while True:
                first, headers = _head(await reader.readuntil(b"\r\n\r\n"))
                method, target, _ = first.split(" ")
                request = Request(method, target, headers, sni)
                self.requests.append(request)
                answer = self.answer(request)
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                await asyncio.sleep(answer.delay)
                self._at_once -= 1
                measured = answer.measured and answer.status != 304
                length = {"Content-Length": str(len(answer.body))} if measured else {}
                fields = "".join(f"{k}: {v}\r\n" for k, v in {**length, **answer.headers}.items())
                head = f"HTTP/1.1 {answer.status} {answer.reason}\r\n{fields}\r\n"
                writer.write(head.encode() + (b"" if method == "HEAD" else answer.body))
                await writer.drain()
                if not answer.measured or len(answer.body) < int(
                    answer.headers.get("Content-Length", 0)
                ):
                    return


def _head(raw: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = raw.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in filter(None, lines):
        name, _, value = line.partition(":")
        known = headers.get(name.lower())
        headers[name.lower()] = value.strip() if known is None else f"{known}, {value.strip()}"
    return first, headers


class Engine:
    """A running nginx. `rewriter`, `pypi` and `origin` are what it asks."""

    def __init__(self, program: Path, directory: Path, **variables: Any) -> None:
        """Render, check and start; `variables` replace the role's."""
        self.directory = directory
        self.rewriter, self.pypi, self.origin = Upstream(), Upstream(), Upstream()
        self._program = program
        self._variables = variables
        self._authority = trustme.CA()
        self._client_tls = ssl.create_default_context()
        self._authority.configure_trust(self._client_tls)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: list[asyncio.Server] = []
        self._port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        ports = self.do(self._listen())
        self._port = ports.pop()
        self._configure(*ports)
        command = [str(self._program), "-p", str(self.directory), "-e", f"{self.directory}/error"]
        command += ["-c", f"{self.directory}/nginx.conf", "-g", "daemon off; master_process on;"]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.do(self._ready())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)
        self.do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine beside the upstreams and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    @property
    def log(self) -> str:
        """Everything in nginx's log of errors."""
        return (self.directory / "log/error.log").read_text()

    def ask(
        self, path: str, host: str = INDEX_DOOR, method: str = "GET", **headers: str
    ) -> Response:
        """Ask a door once; underscores in the names of header fields mean hyphens."""
        return self.do(self._ask(path, host, headers, method))

    def ask_from(self, source: str, path: str, host: str = INDEX_DOOR) -> Response:
        """Ask a door once from another address of this machine."""
        return self.do(self._ask(path, host, {}, source=source))

    def ask_at_once(self, count: int, path: str, host: str = INDEX_DOOR) -> list[Response]:
        """Ask so many times at the same time, each over a connection of its own."""

        async def all_of_them() -> list[Response]:
            return await asyncio.gather(*(self._ask(path, host, {}) for _ in range(count)))

        return self.do(all_of_them())

    def reload(self, **variables: Any) -> None:
        """Replace some variables while it runs; requests after this are the new workers'."""
        self._variables |= variables
        self._write_configuration()
        before = self._workers()
        self._process.send_signal(signal.SIGHUP)
        for _ in range(500):
            if self._workers().isdisjoint(before):
                return
            time.sleep(0.01)
        raise RuntimeError("nginx did not reload in time")

    def _workers(self) -> set[str]:
        children = f"/proc/{self._process.pid}/task/{self._process.pid}/children"
        return set(Path(children).read_text().split())

    @contextlib.contextmanager
    def told_of_a_full_disk(self) -> Iterator[None]:
        """Say, as the rewriter does, that nothing is to be stored."""
        self._tell("full")
        try:
            yield
        finally:
            self._tell("free")

    def _tell(self, state: str) -> None:
        new = self.directory / "run/new"
        new.symlink_to(state)
        new.replace(self._disk_link)

    @property
    def _disk_link(self) -> Path:
        return self.directory / "run/disk"

    def ask_internally(self, path: str, method: str = "GET") -> Response:
        """Ask at the socket that the rewriter has."""

        async def ask() -> Response:
            reader, writer = await asyncio.open_unix_connection(f"{self.directory}/internal.sock")
            return await _exchange(reader, writer, path, "internal", {}, method)

        return self.do(ask())

    async def _ask(
        self,
        path: str,
        host: str,
        headers: Mapping[str, str],
        method: str = "GET",
        *,
        source: str = "127.0.0.1",
    ) -> Response:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1",
            self._port,
            ssl=self._client_tls,
            server_hostname=host,
            local_addr=(source, 0),
        )
        return await _exchange(reader, writer, path, host, headers, method)

    async def _listen(self) -> list[int]:
        """Let the upstreams listen; return the ports of PyPI's, of the origin's, and a free one."""
        socket = f"{self.directory}/rewriter.sock"
        rewriter = await asyncio.start_unix_server(self.rewriter.serve, socket, backlog=4096)
        self._servers.append(rewriter)
        ports = []
        for upstream in (self.pypi, self.origin):
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            names = (INDEX_HOST, FILES_HOST, ORIGIN)
            self._authority.issue_cert(*names).configure_cert(context)
            context.sni_callback = _remember_name
            server = await asyncio.start_server(
                upstream.serve, "127.0.0.1", 0, ssl=context, backlog=1024
            )
            self._servers.append(server)
            ports.append(server.sockets[0].getsockname()[1])
        free = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
        ports.append(free.sockets[0].getsockname()[1])
        free.close()
        await free.wait_closed()
        return ports

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _configure(self, pypi: int, origin: int) -> None:
        directory = self.directory
        folders = ("cache/temp", "log", "own/broken", "public", "run/free", "run/full", "upstreams")
        for name in folders:
            (directory / name).mkdir(parents=True)
        self._disk_link.symlink_to("free")
        self._upstream_ports = pypi, origin
        certificate = self._authority.issue_cert(INDEX_DOOR, INDEX_HOST, FILES_HOST)
        certificate.cert_chain_pems[0].write_to_path(directory / "server.pem")
        certificate.private_key_pem.write_to_path(directory / "server.key")
        self._authority.cert_pem.write_to_path(directory / "ca.pem")
        self._write_configuration()

    def _write_configuration(self) -> None:
        directory = self.directory
        pypi, origin = self._upstream_ports
        paths = {
            "cellar_cache_dir": "cache",
            "__cellar_log_dir": "log",
            "__cellar_public_dir": "public",
            "__cellar_certificate": "server.pem",
            "__cellar_certificate_key": "server.key",
            "__cellar_upstream_ca": "ca.pem",
            "__cellar_rewriter_socket": "rewriter.sock",
            "__cellar_engine_socket": "internal.sock",
            "__cellar_disk_link": "run/disk",
            "__nginx_own_dir": "own",
            "__cellar_upstreams_dir": "upstreams",
        }
        variables: dict[str, Any] = {
            **{name: f"{directory}/{path}" for name, path in paths.items()},
            "ansible_facts": {},
            "cellar_server_names": [INDEX_DOOR],
            **HOSTS,
            "cellar_https_port": self._port,
            "cellar_http_port": 0,
            "cellar_cache_min_free": "1k",
            "__cellar_engine_user": getpass.getuser(),
            "__nginx_build": {"stderr": nginx.version_line(self._program)},
            "__cellar_pools": [
                {"name": name} for name in ("pypi_index_host", "pypi_files_host", "files_of_1")
            ],
            "__cellar_file_origins": [
                {
                    "origin": f"{ORIGIN}:{origin}",
                    "host": ORIGIN,
                    "port": origin,
                    "ca_path": f"{directory}/ca.pem",
                    "authorization": AUTHORIZATION,
                }
            ],
        }
        text = render("nginx", "nginx.conf.j2", **variables | self._variables)
        # Only the addresses are others than on an appliance; names and certificates are not.
        places = {"files_of_1": origin, "pypi_index_host": pypi, "pypi_files_host": pypi}
        for pool, port in places.items():
            line = f"server 127.0.0.1:{port} max_fails=0;\n"
            (directory / f"upstreams/{pool}.servers").write_text(line * 2)
        text = text.replace(f"listen {self._port} ", f"listen 127.0.0.1:{self._port} ")
        (directory / "nginx.conf").write_text(text)
        self.origin_name = f"{ORIGIN}:{origin}"

    async def _ready(self) -> None:
        for _ in range(500):
            if self._process.poll() is not None:
                raise RuntimeError(f"nginx did not start: {self._process.communicate()[1]}")
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.close()
                return
            await asyncio.sleep(0.01)
        raise RuntimeError("nginx did not start in time")


def _remember_name(tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    tls.server_name_of_the_client = name  # type: ignore[attr-defined] # for Upstream.serve


async def _exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    path: str,
    host: str,
    headers: Mapping[str, str],
    method: str,
) -> Response:
    fields = {"Host": host, "Accept-Encoding": "gzip", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    writer.write("\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode())
    first, found = _head(await reader.readuntil(b"\r\n\r\n"))
    _, status, *reason = first.split(" ", 2)
    length = 0 if status == "304" or method == "HEAD" else int(found["content-length"])
    body = await reader.readexactly(length)
    writer.close()
    return Response(int(status), " ".join(reason), found, body)


@contextlib.contextmanager
def running(program: Path, directory: Path, **variables: Any) -> Iterator[Engine]:
    """Run the engine for as long as the block lasts."""
    with Engine(program, directory, **variables) as engine:
        yield engine
