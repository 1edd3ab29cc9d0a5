"""`cellar selftest` goes through the proxy door as a client does."""

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from unit.cellar.appliance import CHECKS, World, outcomes

NAMES = ["localhost", "files.example"]
TUNNELS = [f"{name}, proxy door" for name in NAMES]

# What the proxy says to a CONNECT; None for nothing at all.
Say = Callable[[str], str | None]

ESTABLISHED = "HTTP/1.1 200 Connection established\r\n\r\n"
FORBIDDEN = "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n"


@contextmanager
def proxy(say: Say) -> Iterator[tuple[int, list[str]]]:
    """Run a proxy whose every tunnel leads to this machine; yield its port and what it was told."""
    asked: list[str] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            client: socket.socket = self.request
            said = b""
            while not said.endswith(b"\r\n\r\n"):
                said += client.recv(1)
            request = said.decode()
            asked.append(request)
            answer = say(request)
            if answer is None:
                return
            client.sendall(answer.encode())
            if answer == ESTABLISHED:
                port = int(request.split()[1].rpartition(":")[2])
                with socket.create_connection(("127.0.0.1", port)) as server:
                    back = threading.Thread(target=_copy, args=(server, client), daemon=True)
                    back.start()
                    _copy(client, server)
                    back.join(5)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], asked
        server.shutdown()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # either end is gone


def test_a_tunnel_to_each_of_pypis_names_is_asked_for_and_tls_is_spoken_in_it(
    world: World,
) -> None:
    with proxy(lambda _: ESTABLISHED) as (port, asked):
        world.changes["appliance"]["proxy_port"] = port
        result = world.selftest()

    found = outcomes(result)
    assert result.exit_code == 0, result.stdout
    assert list(found) == [*CHECKS[:-1], *TUNNELS, CHECKS[-1]]
    assert {found[name] for name in TUNNELS} == {("ok", "leads to the intercept door")}
    lines = [request.split("\r\n") for request in asked]
    # pip before 26 says no more than that.
    assert [line[1:] for line in lines] == [["", ""], ["", ""]]
    assert [line[0].rpartition(":")[0] for line in lines] == [f"CONNECT {name}" for name in NAMES]
    assert all(line[0].endswith(" HTTP/1.0") for line in lines)


def test_a_program_is_told_that_these_checks_are_about_the_proxy_door(world: World) -> None:
    with proxy(lambda _: ESTABLISHED) as (port, _):
        world.changes["appliance"]["proxy_port"] = port
        checks = json.loads(world.selftest("--json").stdout)["checks"]
        doors = {door.name: door.up for door in world.status().doors}

    assert [each["check"] for each in checks if each["door"] == "proxy"] == TUNNELS
    assert doors == {"index": True, "intercept": True, "proxy": True}


SAID: list[tuple[Say, str]] = [
    (lambda _: FORBIDDEN, "CONNECT is answered with HTTP/1.1 403 Forbidden"),
    (lambda _: "SSH-2.0-OpenSSH\r\n\r\n", "CONNECT is answered with SSH-2.0-OpenSSH"),
    (lambda _: None, "CONNECT is answered with nothing"),
    (lambda _: "HTTP/1.1 200 OK\r\n\r\nSSH-2.0-OpenSSH\r\n", "no TLS connection"),
]


@pytest.mark.parametrize(("say", "words"), SAID)
def test_a_proxy_that_gives_no_tunnel_is_told_with_what_it_said(
    world: World, say: Say, words: str
) -> None:
    with proxy(say) as (port, _):
        world.changes["appliance"]["proxy_port"] = port
        result = world.selftest()
        up = {door.name: door.up for door in world.status().doors}

    found = outcomes(result)
    assert result.exit_code == 1
    assert [name for name, (status, _) in found.items() if status != "ok"] == TUNNELS
    for name in TUNNELS:
        assert found[name][1].startswith(words), result.stdout
        assert "; see " in found[name][1]
    assert up == {"index": True, "intercept": True, "proxy": False}


def test_where_the_appliance_itself_fails_nothing_is_said_of_the_proxy(world: World) -> None:
    """What it leads to cannot be told from anything else then."""
    world.names = ["cellar.example", "second.example", "localhost"]
    with proxy(lambda _: ESTABLISHED) as (port, _):
        world.changes["appliance"]["proxy_port"] = port
        found = outcomes(world.selftest())

    assert found[TUNNELS[0]][0] == "ok"
    assert found[TUNNELS[1]] == ("skip", "needs TLS of files.example")


def test_a_proxy_that_is_off_is_told_with_where_to_look(world: World) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        world.changes["appliance"]["proxy_port"] = free.getsockname()[1]
    found = outcomes(world.selftest())

    for name in TUNNELS:
        status, words = found[name]
        assert status == "FAIL"
        assert words.startswith("no connection: ")
        assert words.endswith("see `systemctl status squid`")
