"""What is seen of an appliance that is well, and of each that is not, on the way that jobs go."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from cellar_runner.guard.probing import Prober, Verdict, Way
from cellar_runner.plan import Mode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OWN = "cellar.example"
NAMES = ("index.example", "files.example")
# Seconds: for a probe here, and for what may come on top of it on a busy machine.
PATIENCE = 0.5
ON_TOP = 1.5


@dataclass
class Appliance:
    """One listening port; `certificates` are by the name that a client asks for."""

    authority: trustme.CA = field(default_factory=trustme.CA)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=dict)
    certificates: dict[str, ssl.SSLContext] = field(default_factory=dict)
    tunnels: list[str] = field(default_factory=list)
    tunnel_answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"
    port: int = 0

    def __post_init__(self) -> None:
        self.show(OWN, *NAMES)
        for path in ("/healthz", "/healthz/pages"):
            self.says(path, 200, "ok\n")

    def says(self, path: str, status: int, body: str) -> None:
        head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body.encode())}\r\n\r\n"
        self.answers[path] = (head + body).encode()

    def show(self, *names: str, days: int = 30, authority: trustme.CA | None = None) -> None:
        """Show these names a certificate of their own, which ends in so many days."""
        for name in names:
            end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
            begin = end - dt.timedelta(days=90)
            issued = (authority or self.authority).issue_cert(name, not_before=begin, not_after=end)
            self.certificates[name] = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            issued.configure_cert(self.certificates[name])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer over TLS for as long as the client asks."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        names: list[str] = []

        def choose(tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
            names.append(name or "")
            if name not in self.certificates:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            tls.context = self.certificates[name]
            return None

        context.sni_callback = choose
        await writer.start_tls(context)
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1]
            host = re.search(r"(?m)^Host: (.*)\r$", head)
            assert host is not None
            self.asked.append((names[0], host[1], path))
            writer.write(self.answers[path])
            await writer.drain()

    async def tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Be the proxy door: answer to CONNECT, and be the intercept door behind it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.tunnels.append(head.split("\r\n")[0])
        writer.write(self.tunnel_answer)
        await writer.drain()
        await self.serve(reader, writer)


@contextlib.contextmanager
def listening(serve: Serve) -> Iterator[int]:
    """Serve on a port of loopback; yield it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    tasks: set[asyncio.Task[Any]] = set()

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(
            OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            await serve(reader, writer)
        writer.transport.abort()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(quietly, "127.0.0.1", 0)

    async def stop(server: asyncio.Server) -> None:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def appliance() -> Appliance:
    return Appliance()


@pytest.fixture
def bundle(appliance: Appliance, tmp_path: Path) -> Path:
    path = tmp_path / "ca-bundle.pem"
    appliance.authority.cert_pem.write_to_path(path)
    return path


def way(
    mode: Mode, port: int, bundle: Path, host: str = "127.0.0.1", names: tuple[str, ...] = NAMES
) -> Way:
    return Way(mode, host, port, (OWN,) if mode is Mode.INDEX else names, OWN, bundle)


def probe(mode: Mode, port: int, bundle: Path, host: str = "127.0.0.1") -> Verdict:
    """Probe once, and see that it ends in time."""
    begun = time.monotonic()
    verdict = Prober(way(mode, port, bundle, host), PATIENCE).probe()
    assert time.monotonic() - begun < PATIENCE + ON_TOP
    return verdict


def probed(appliance: Appliance, mode: Mode, bundle: Path) -> Verdict:
    """Probe an appliance that serves as it says."""
    with listening(appliance.tunnel if mode is Mode.PROXY else appliance.serve) as port:
        appliance.port = port
        return probe(mode, port, bundle)


@pytest.mark.parametrize("mode", [Mode.INTERCEPT, Mode.PROXY])
def test_jobs_way_to_both_of_pypis_names_is_tried_and_no_path_of_pypis_asked_for(
    appliance: Appliance, bundle: Path, mode: Mode
) -> None:
    verdict = probed(appliance, mode, bundle)

    assert (verdict.trouble, verdict.well) == ("", True)
    assert appliance.asked == [(NAMES[0], OWN, "/healthz"), (NAMES[1], OWN, "/healthz/pages")]
    tunnels = [f"CONNECT {name}:443 HTTP/1.1" for name in NAMES]
    assert appliance.tunnels == (tunnels if mode is Mode.PROXY else [])


def test_while_all_is_well_the_names_take_turns_and_a_fault_of_one_is_held_on_to(
    appliance: Appliance, bundle: Path
) -> None:
    """A handshake is what a probe costs; two failures in a row are what jobs are led away by."""
    good = appliance.certificates[NAMES[1]]
    with listening(appliance.serve) as port:
        prober = Prober(way(Mode.INTERCEPT, port, bundle), PATIENCE)
        for _ in range(4):
            assert prober.probe().well
        assert [name for name, _, path in appliance.asked if path == "/healthz/pages"] == [
            NAMES[1],
            NAMES[1],
            NAMES[0],
            NAMES[1],
        ]
        assert len(appliance.asked) == 8

        appliance.certificates[NAMES[1]] = appliance.certificates[OWN]
        wells = [prober.probe().well for _ in range(5)]
        assert wells == [True, False, False, False, False]

        appliance.certificates[NAMES[1]] = good
        appliance.asked.clear()
        assert [prober.probe().well for _ in range(3)] == [True] * 3
        assert {name for name, _, _ in appliance.asked} == set(NAMES)


def test_with_an_index_url_its_own_host_is_tried(appliance: Appliance, bundle: Path) -> None:
    assert probed(appliance, Mode.INDEX, bundle).trouble == ""
    assert appliance.asked == [(OWN, OWN, "/healthz"), (OWN, OWN, "/healthz/pages")]


def test_the_certificate_that_ends_first_is_told(appliance: Appliance, bundle: Path) -> None:
    appliance.show(NAMES[1], days=7)
    end = probed(appliance, Mode.INTERCEPT, bundle).certificate_end
    assert abs(end - time.time() - 7 * 86400) < 60


SENTENCE = "Cellar: the engine cannot write to the disk of its cache.\n"


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("path", ["/healthz", "/healthz/pages"])
@pytest.mark.parametrize(
    ("status", "body", "trouble"),
    [
        (503, SENTENCE, "The appliance says: " + SENTENCE.strip()),
        (500, "<html>", "127.0.0.1 port {port} does not say how it is ({path}): it answered 500."),
        (404, "no\n", "127.0.0.1 port {port} does not say how it is ({path}): it answered 404."),
        (204, "", "127.0.0.1 port {port} does not say how it is ({path}): it answered 204."),
    ],
)
def test_what_an_appliance_says_of_itself_is_passed_on(
    appliance: Appliance,
    bundle: Path,
    mode: Mode,
    path: str,
    status: int,
    body: str,
    trouble: str,
) -> None:
    appliance.says(path, status, body)
    said = probed(appliance, mode, bundle).trouble
    assert said == trouble.format(port=appliance.port, path=path)


@pytest.mark.parametrize("mode", [Mode.INTERCEPT, Mode.PROXY])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("days", "foreign", "reason"),
    [
        (-1, False, "certificate has expired"),
        (120, False, "certificate is not yet valid"),
        (30, True, "unable to get local issuer certificate"),
    ],
    ids=["expired", "not yet valid", "foreign"],
)
def test_a_certificate_that_jobs_would_not_trust_is_named(
    appliance: Appliance,
    bundle: Path,
    mode: Mode,
    name: str,
    days: int,
    reason: str,
    *,
    foreign: bool,
) -> None:
    """Also that of the one name only: half of a job would fail."""
    appliance.show(name, days=days, authority=trustme.CA() if foreign else None)
    trouble = probed(appliance, mode, bundle).trouble
    assert trouble == (
        f"The certificate that 127.0.0.1 port {appliance.port} shows for {name} is not trusted:"
        f" {reason}."
    )


def test_a_certificate_of_another_name_is_named(appliance: Appliance, bundle: Path) -> None:
    appliance.certificates[NAMES[1]] = appliance.certificates[OWN]
    assert "for files.example is not trusted: Hostname mismatch" in (
        probed(appliance, Mode.INTERCEPT, bundle).trouble
    )


def test_a_door_that_does_not_know_pypis_names_is_named(appliance: Appliance, bundle: Path) -> None:
    del appliance.certificates[NAMES[0]]
    trouble = probed(appliance, Mode.INTERCEPT, bundle).trouble
    there = f"127.0.0.1 port {appliance.port}"
    assert trouble.startswith(f"{there} does not speak TLS for index.example: "), trouble


@pytest.mark.parametrize("mode", list(Mode))
def test_an_appliance_that_is_off_is_named(bundle: Path, mode: Mode) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert probe(mode, port, bundle).trouble == (
        f"127.0.0.1 port {port} takes no connection: Connection refused."
    )


@contextlib.contextmanager
def vanishing() -> Iterator[int]:
    """Yield a port of loopback at which no connection is answered."""
    with contextlib.ExitStack() as stack:
        # The kernel answers no more connections than these to who takes none of them.
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = full.getsockname()[1]
        for _ in range(3):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)  # noqa: FBT003 # it has no name
            client.connect_ex(("127.0.0.1", port))
        yield port


@pytest.mark.parametrize("mode", list(Mode))
def test_packets_that_vanish_are_no_reason_to_wait(bundle: Path, mode: Mode) -> None:
    with vanishing() as port:
        assert probe(mode, port, bundle).trouble == (
            f"127.0.0.1 port {port} takes no connection: no answer within 0.5 seconds."
        )


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        pass


async def closing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(4096)


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(4096)
    writer.write(b"SSH-2.0-OpenSSH_10.2\r\n\r\n" * 10)
    await writer.drain()
    await silent(reader, writer)


async def dripping(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # The beginning of a record of TLS that would be as long as one can be.
    for byte in b"\x16\x03\x03\x40\x00" + bytes(0x4000):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("serve", "trouble"),
    [
        (silent, "{there} does not speak TLS for index.example within 0.5 seconds."),
        (dripping, "{there} does not speak TLS for index.example within 0.5 seconds."),
        (closing, "{there} does not speak TLS for index.example: .*"),
        (garbage, "{there} does not speak TLS for index.example: wrong version number."),
    ],
)
def test_something_else_in_its_place_is_named(serve: Serve, trouble: str, bundle: Path) -> None:
    with listening(serve) as port:
        found = probe(Mode.INTERCEPT, port, bundle).trouble
    assert re.fullmatch(trouble.format(there=f"127.0.0.1 port {port}"), found), found


@pytest.mark.parametrize(
    ("serve", "trouble"),
    [
        (silent, "{there} does not lead to index.example within 0.5 seconds."),
        (dripping, "{there} does not lead to index.example within 0.5 seconds."),
        (closing, "{there} does not lead to index.example: it closed the connection."),
        (garbage, "{there} does not lead to index.example: its answer is not HTTP."),
    ],
)
def test_something_else_in_place_of_the_proxy_is_named(
    serve: Serve, trouble: str, bundle: Path
) -> None:
    with listening(serve) as port:
        found = probe(Mode.PROXY, port, bundle).trouble
    assert found == trouble.format(there=f"The proxy 127.0.0.1 port {port}")


@pytest.mark.parametrize("status", [403, 407, 502, 503])
def test_a_proxy_that_refuses_is_named(appliance: Appliance, bundle: Path, status: int) -> None:
    appliance.tunnel_answer = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()
    assert probed(appliance, Mode.PROXY, bundle).trouble == (
        f"The proxy 127.0.0.1 port {appliance.port} does not lead to index.example:"
        f" it answered {status}."
    )


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (b"", "within 0.5 seconds."),
        (b"HTTP/1.1 200 OK\r\nContent-Len", "within 0.5 seconds."),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "within 0.5 seconds."),
        (b"HTTP/1.1 OK\r\n\r\n", ": its answer is not HTTP."),
        (b"\x00" * 9 + b"\r\n\r\n", ": its answer is not HTTP."),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, ": its answer does not end."),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 70_000,
            ": its answer does not end.",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n" + b"x" * 70_000,
            ": its answer does not end.",
        ),
    ],
)
def test_an_answer_that_is_none_is_no_answer(
    appliance: Appliance, bundle: Path, answer: bytes, trouble: str
) -> None:
    appliance.answers["/healthz"] = answer
    found = probed(appliance, Mode.INTERCEPT, bundle).trouble
    asked = f"127.0.0.1 port {appliance.port} does not say how it is (/healthz)"
    assert found == asked + (trouble if trouble.startswith(":") else f" {trouble}")


def test_an_answer_that_drips_ends_with_the_patience(appliance: Appliance, bundle: Path) -> None:
    whole = appliance.answers["/healthz"]

    class Drips(Appliance):
        async def serve(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            context = self.certificates[NAMES[0]]
            await writer.start_tls(context)
            for byte in whole:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.1)

    dripping = Drips(appliance.authority)
    found = probed(dripping, Mode.INTERCEPT, bundle).trouble
    assert found.endswith("does not say how it is (/healthz) within 0.5 seconds.")


def test_a_name_that_nobody_knows_is_named(bundle: Path) -> None:
    found = probe(Mode.INDEX, 443, bundle, host="cellar.invalid").trouble
    assert found.startswith("The name cellar.invalid cannot be looked up")


def test_a_name_server_that_is_silent_is_no_reason_to_wait_nor_for_many_threads(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering = threading.Event()
    asked = []

    def slow(*arguments: Any, **_: Any) -> list[Any]:
        asked.append(arguments)
        answering.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    prober = Prober(way(Mode.INDEX, 443, bundle, host=OWN), 0.1)
    before = threading.active_count()
    for _ in range(5):
        found = prober.probe().trouble
        assert found == "The name cellar.example cannot be looked up within 0.1 seconds."
    assert threading.active_count() == before + 1
    assert len(asked) == 1
    answering.set()


@pytest.mark.parametrize("dead", ["refuses", "is silent"])
def test_every_address_of_a_name_is_tried_as_clients_do(
    appliance: Appliance, bundle: Path, monkeypatch: pytest.MonkeyPatch, dead: str
) -> None:
    with listening(appliance.serve) as port, vanishing() as silent_port:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            closed_port = closed.getsockname()[1]
        first = closed_port if dead == "refuses" else silent_port
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", each))
            for each in (first, port)
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        assert probe(Mode.INDEX, 443, bundle, host=OWN).trouble == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file or directory"), ("", ".*"), ("no certificate\n", ".*")],
)
def test_a_bundle_that_jobs_cannot_use_is_named(
    appliance: Appliance, tmp_path: Path, content: str | None, reason: str
) -> None:
    bundle = tmp_path / "none.pem"
    if content is not None:
        bundle.write_text(content)
    found = probed(appliance, Mode.INTERCEPT, bundle).trouble
    assert re.fullmatch(f"{bundle} cannot be used: {reason}[.]", found), found


def test_a_bundle_that_changes_is_read_again(appliance: Appliance, bundle: Path) -> None:
    """A CA is changed while the guard runs."""
    with listening(appliance.serve) as port:
        prober = Prober(way(Mode.INTERCEPT, port, bundle), PATIENCE)
        assert prober.probe().well
        new = trustme.CA()
        appliance.show(OWN, *NAMES, authority=new)
        assert "not trusted" in prober.probe().trouble
        new.cert_pem.write_to_path(bundle)
        assert prober.probe().well
