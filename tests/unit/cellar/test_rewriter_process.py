"""The rewriter as a service: real processes, on a socket that is passed as systemd passes it."""

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

import cellar
from unit.cellar.servers import Answer, Request, https_server
from unit.cellar.support import FILE_RULE, PAGES, PYPI, write_settings

PAGE = "/index/json/simple/an-example/"
BODY = (PAGES / "pypi.json").read_bytes()
DEADLINE = 15.0

# sd_listen_fds(3): the socket is descriptor 3, and LISTEN_PID names the process it is meant for.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-m", "cellar", "rewriter"])
"""


class Service:
    """A running `cellar rewriter`."""

    def __init__(self, process: subprocess.Popen[str], socket_path: Path) -> None:
        self.process = process
        self.socket_path = socket_path
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.log: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def ask(self, path: str, **header: str) -> httpx.Response:
        """Ask over a connection of its own."""
        transport = httpx.HTTPTransport(uds=str(self.socket_path))
        with httpx.Client(
            transport=transport, base_url="http://engine", timeout=DEADLINE
        ) as client:
            return client.get(path, headers=header)

    def ask_until_told(self, cache_control: str) -> None:
        end = time.monotonic() + DEADLINE
        while self.ask(PAGE).headers["X-Client-Cache-Control"] != cache_control:
            assert time.monotonic() < end, self.log

    def wait_for_log(self, part: str) -> str:
        while (line := self._lines.get(timeout=DEADLINE)) is not None:
            self.log.append(line)
            if part in line:
                return line
        raise AssertionError(f"the log ended without {part!r}:\n" + "\n".join(self.log))

    def whole_log(self) -> str:
        while (line := self._lines.get(timeout=DEADLINE)) is not None:
            self.log.append(line)
        return "\n".join(self.log)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)


@contextmanager
def service(directory: Path, settings_path: Path, **environment: str) -> Iterator[Service]:
    """Run the rewriter with an environment as poor as a service unit's."""
    path = directory / "rewriter.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(128)
        process = subprocess.Popen(
            [sys.executable, "-c", ACTIVATE, str(listener.fileno())],
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
            text=True,
            env={
                "PYTHONPATH": str(Path(cellar.__file__).parent.parent),
                "CELLAR_SETTINGS": str(settings_path),
                "PATH": os.defpath,
                **environment,
            },
        )
        with process:
            try:
                yield Service(process, path)
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait(DEADLINE)


class Setup:
    """An upstream, and settings that lead to it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.user_agents: set[str] = set()
        self.etag = ""
        self.conditions: list[str | None] = []
        self.hold: threading.Event | None = None
        self.entered = threading.Event()
        self.ca = trustme.CA()
        self.ca_file = directory / "ca.pem"
        self.ca.cert_pem.write_to_path(self.ca_file)
        self.port = 0

    def script(self, request: Request) -> Answer:
        self.user_agents.add(request.header["user-agent"])
        self.entered.set()
        if self.hold is not None:
            assert self.hold.wait(DEADLINE)
        header = {"Cache-Control": "max-age=600, public", "ETag": self.etag}
        self.conditions.append(request.header.get("if-none-match"))
        return Answer(304, b"", header) if self.conditions[-1] else Answer(200, BODY, header)

    def write(self, max_age: int = 600, port: int | None = None, **changes: Any) -> Path:
        url = f"https://localhost:{port or self.port}/simple/"
        whole = {name: changes.pop(name) for name in ("file_rules", "rewriter") if name in changes}
        return write_settings(
            self.directory / "cellar.toml",
            indexes=[{**PYPI, "url": url}],
            upstream={"ca_file": str(self.ca_file), **changes},
            pages={"max_age": max_age},
            **whole,
        )


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    setup = Setup(tmp_path)
    with https_server(setup.ca, ["localhost"], setup.script) as port:
        setup.port = port
        yield setup


def test_the_service_reports_readiness_and_serves_pages_on_systemds_socket(setup: Setup) -> None:
    with ExitStack() as stack:
        notify = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        notify.bind(str(setup.directory / "notify.sock"))
        notify.settimeout(DEADLINE)
        running = stack.enter_context(
            service(
                setup.directory, setup.write(), NOTIFY_SOCKET=str(setup.directory / "notify.sock")
            )
        )
        assert b"READY=1" in notify.recv(4096).split(b"\n")

        response = running.ask(PAGE)
        assert response.status_code == 200
        assert response.json()["name"] == "an-example"
        assert response.headers["Content-Encoding"] == "gzip"
        assert "Date" in response.headers, "pip drops cache entries without it"
        assert "Server" not in response.headers

        assert running.stop() == 0
        assert running.socket_path.is_socket(), "the socket is systemd's and stays"
        log = running.whole_log()
        assert "Traceback" not in log
        assert PAGE not in log, "requests are logged by the engine in front"


def test_a_page_that_has_not_changed_is_a_304_from_upstream_to_the_engine(setup: Setup) -> None:
    setup.etag = '"upstream"'
    with service(setup.directory, setup.write()) as running:
        first = running.ask(PAGE)
        second = running.ask(PAGE, **{"If-None-Match": first.headers["ETag"]})
        assert second.status_code == 304
        assert second.headers["ETag"] == first.headers["ETag"]
        assert setup.conditions == [None, '"upstream"']
        assert running.stop() == 0


def test_a_refusal_is_the_reason_phrase_of_its_status_line(setup: Setup) -> None:
    rule = {**FILE_RULE, "answer": "refuse", "younger_than_days": 0, "reason": "Ask us."}
    with service(setup.directory, setup.write(file_rules=[rule])) as running:
        response = running.ask("/index/pypi/an-example/json")
        assert response.status_code == 403
        assert response.reason_phrase == response.json()["detail"]
        assert response.reason_phrase.endswith("Ask us.")
        assert "X-Cellar-Reason" not in response.headers
        assert running.stop() == 0


def test_the_oracle_asks_the_engine_by_its_socket(setup: Setup) -> None:
    rule = {**FILE_RULE, "answer": "refuse", "younger_than_days": 0, "versions": "==2.0"}
    path = setup.directory / "engine.sock"
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(path))
        engine.listen()
        settings_path = setup.write(
            file_rules=[rule], rewriter={"workers": 1, "engine_socket": str(path)}
        )
        with service(setup.directory, settings_path) as running:
            asked: list[bytes] = []

            def answer() -> None:
                connection, _ = engine.accept()
                with connection:
                    asked.append(connection.recv(4096))
                    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n\r\n"
                    connection.sendall(head.encode() + BODY)

            thread = threading.Thread(target=answer)
            thread.start()
            file = f"0c/1d/{'e' * 60}/an_example-2.0-py3-none-any.whl"
            response = running.ask(f"/file/packages/{file}")
            thread.join()
            assert asked[0].startswith(b"GET /simple/an-example/ HTTP/1.1\r\n")
            assert response.status_code == 403
            assert response.headers["X-File-Answer"] == "refused"
            assert running.stop() == 0


def test_the_service_leaves_nothing_behind_in_its_home_and_its_working_directory(
    setup: Setup,
) -> None:
    home = setup.directory / "home"
    home.mkdir()
    settings_path = setup.write()
    before = set(setup.directory.iterdir())
    with service(setup.directory, settings_path, HOME=str(home)) as running:
        for _ in range(2):
            running.wait_for_log("Application startup complete")
        assert running.ask("/healthz").status_code == 200
        assert running.stop() == 0
    assert list(home.iterdir()) == []
    assert set(setup.directory.iterdir()) == before | {running.socket_path}


def test_a_reload_under_load_loses_no_request_and_brings_the_new_settings(setup: Setup) -> None:
    failures: list[str] = []
    asked = [0] * 4
    stop = threading.Event()

    with service(setup.directory, setup.write()) as running:
        assert running.ask(PAGE).status_code == 200

        def load(number: int) -> None:
            # Each asks a few times more when all is over, however slow the machine is.
            while not stop.is_set() or asked[number] < 4:
                asked[number] += 1
                try:
                    status = running.ask(PAGE).status_code
                except httpx.HTTPError as error:
                    failures.append(repr(error))
                else:
                    if status != 200:
                        failures.append(str(status))

        threads = [threading.Thread(target=load, args=(n,)) for n in range(len(asked))]
        for thread in threads:
            thread.start()
        try:
            for max_age in (500, 400, 300):
                setup.write(max_age, user_agent=f"cellar/{max_age}")
                running.process.send_signal(signal.SIGHUP)
                running.ask_until_told(f"max-age={max_age}, public")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert running.stop() == 0
        log = running.whole_log()
    assert failures == [], log
    assert {"cellar/500", "cellar/400", "cellar/300"} <= setup.user_agents
    assert "Traceback" not in log


def test_settings_that_cannot_be_used_do_not_replace_good_ones(setup: Setup) -> None:
    path = setup.write(max_age=500)
    with service(setup.directory, path) as running:
        assert running.ask(PAGE).status_code == 200
        setup.write(max_age=9999)
        running.process.send_signal(signal.SIGHUP)
        assert f"{path}: pages.max_age is 9999; it must be" in running.wait_for_log("max_age")
        setup.write(max_age=400, ca_file="/nonexistent/ca.pem")
        running.process.send_signal(signal.SIGHUP)
        assert "the present settings stay" in running.wait_for_log("/nonexistent/ca.pem").lower()
        for _ in range(2):
            running.wait_for_log("Application startup complete")
        response = running.ask(PAGE)
        assert response.status_code == 200
        assert response.headers["X-Client-Cache-Control"] == "max-age=500, public"
        assert running.stop() == 0


def test_a_stop_finishes_the_requests_that_have_begun(setup: Setup) -> None:
    setup.hold = threading.Event()
    found: list[httpx.Response] = []
    with service(setup.directory, setup.write()) as running:
        client = threading.Thread(target=lambda: found.append(running.ask(PAGE)))
        client.start()
        assert setup.entered.wait(DEADLINE)
        running.process.send_signal(signal.SIGTERM)
        running.wait_for_log("Waiting for connections to close")
        setup.hold.set()
        client.join()
        assert running.process.wait(DEADLINE) == 0
    assert [response.status_code for response in found] == [200]


def test_an_upstream_with_a_certificate_of_another_ca_is_not_believed(setup: Setup) -> None:
    other = setup.directory / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    with service(setup.directory, setup.write(ca_file=str(other))) as running:
        response = running.ask(PAGE)
        assert response.status_code == 503
        assert "trusted" in response.text
        assert "CERTIFICATE_VERIFY_FAILED" in running.wait_for_log("No page of an-example")
    assert setup.user_agents == set(), "nothing was asked"


def test_log_lines_carry_their_priority_for_the_journal(setup: Setup) -> None:
    settings_path = setup.write(port=9)
    with service(setup.directory, settings_path, JOURNAL_STREAM="8:1") as running:
        assert running.ask(PAGE).status_code == 503
        assert running.wait_for_log("No page of an-example").startswith("<4>No page")
        assert running.log[0].startswith("<6>")
