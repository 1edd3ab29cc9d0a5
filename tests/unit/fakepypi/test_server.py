"""Names, TLS, connections, the command line, and the life of the server."""

import contextlib
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from fakepypi.client import FakePyPI, FakePyPIError
from fakepypi.raw import Answer, RawClient, request_bytes
from fakepypi.running import running

Ask = Callable[..., Answer]
TESTS = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("sni", "host", "path", "status"),
    [
        ("index.example", "index.example", "/simple/", 200),
        (None, "index.example", "/simple/", 200),
        ("localhost", "localhost", "/simple/", 200),
        (None, "files.example", "/packages/x", 403),
        ("index.example", "files.example", "/packages/x", 421),
        ("files.example", "index.example", "/simple/", 421),
        ("foreign.example", "foreign.example", "/simple/", 421),
        ("index.example", "", "/simple/", 421),
        ("files.example", "FILES.example:443", "/packages/x", 404),
    ],
)
def test_host_and_sni_must_agree(
    raw: RawClient, sni: str | None, host: str, path: str, status: int
) -> None:
    assert raw.ask_with_sni(sni, request_bytes(host, path)).status == status


@pytest.mark.parametrize(
    ("host", "method", "status", "location"),
    [
        ("index.example", "GET", 301, "https://index.example/simple/?a=b"),
        ("index.example", "POST", 403, None),
        ("files.example", "GET", 403, None),
    ],
)
def test_plain_http_is_refused_as_pypi_does(
    upstream: FakePyPI, host: str, method: str, status: int, location: str | None
) -> None:
    answer = requests.request(
        method,
        f"http://127.0.0.1:{upstream.http_port}/simple/?a=b",
        headers={"Host": host},
        allow_redirects=False,
        timeout=5,
    )
    assert (answer.status_code, answer.headers.get("Location")) == (status, location)
    assert not upstream.requests()[0].tls


def test_an_extra_name_plays_both_hosts_and_links_to_itself(upstream: FakePyPI, ca: Path) -> None:
    file = upstream.publish("demo", "1.0")
    base = f"https://localhost:{upstream.https_port}"
    accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
    page = requests.get(f"{base}/simple/demo/", headers=accept, verify=str(ca), timeout=5)
    (url,) = [entry["url"] for entry in page.json()["files"]]
    assert url == base + file.path
    assert len(requests.get(url, verify=str(ca), timeout=5).content) == file.size
    assert [record.host for record in upstream.requests()] == ["index", "files"]


def test_one_connection_carries_many_requests(upstream: FakePyPI, ca: Path) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(ca)
        base = f"https://localhost:{upstream.https_port}"
        for path in ("/simple/", "/nowhere", "/packages/none", "/simple/"):
            session.get(base + path, timeout=5)
        session.post(f"{base}/_/oidc/mint-token", data=b"x" * 300_000, timeout=5)
    assert upstream.totals().connections == 1
    assert upstream.requests()[-1].body_size == 300_000


def test_requests_sent_ahead_are_answered_in_order(raw: RawClient) -> None:
    first = b"GET /nowhere HTTP/1.1\r\nHost: index.example\r\n\r\n"
    both = raw.ask_with_sni("index.example", first + request_bytes("index.example", "/simple/"))
    assert both.status == 404
    assert b"HTTP/1.1 200 OK" in both.body


def test_a_body_is_asked_for_when_the_client_waits(raw: RawClient) -> None:
    head = {"Expect": "100-continue", "Content-Length": "2"}
    request = request_bytes("index.example", "/_/oidc/mint-token", head, method="POST")
    answer = RawClient(raw.port, raw.ca, timeout=0.3).ask_with_sni("index.example", request)
    assert (answer.first_line, answer.end) == ("HTTP/1.1 100 Continue", "silence")


def test_what_is_not_http_is_a_bad_request(raw: RawClient, ask_index: Ask) -> None:
    assert raw.ask_with_sni("index.example", b"\x00 nonsense\r\n\r\n").status == 400
    assert ask_index("/simple/").status == 200


def test_what_is_not_tls_does_no_harm(upstream: FakePyPI, ask_index: Ask) -> None:
    with socket.create_connection(("127.0.0.1", upstream.https_port), timeout=5) as connected:
        connected.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while connected.recv(1024):
            pass
    assert ask_index("/simple/").status == 200


def test_a_restart_keeps_the_ca(tmp_path: Path) -> None:
    with running(state=tmp_path) as first:
        pem = first.ca_pem
        assert (tmp_path / "ca.pem").read_text() == pem
    with running("other.example", state=tmp_path) as second:
        assert second.ca_pem == pem
        raw = RawClient(second.https_port, tmp_path / "ca.pem")
        assert raw.ask("other.example", "/simple/").status == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            raw.ask("index.example", "/simple/")
    assert (tmp_path / "ca-key.pem").stat().st_mode & 0o077 == 0


def test_two_servers_have_nothing_in_common(upstream: FakePyPI) -> None:
    with running() as other:
        other.publish("demo", "1.0")
        assert other.ca_pem != upstream.ca_pem
        assert upstream.publish("demo", "1.0").filename == "demo-1.0-py3-none-any.whl"


def test_an_idle_connection_does_not_keep_the_server_up(tmp_path: Path) -> None:
    with running(state=tmp_path) as client:
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        connected = socket.create_connection(("127.0.0.1", client.https_port), timeout=5)
        secure = context.wrap_socket(connected, server_hostname="localhost")
        started = time.monotonic()
    assert time.monotonic() - started < 0.5
    with secure:
        secure.settimeout(5)
        with contextlib.suppress(ConnectionError):
            assert secure.recv(1) == b""


@pytest.mark.parametrize(
    ("resource", "document", "sentence"),
    [
        ("/publish", {"project": "demo"}, "Publication needs version"),
        ("/publish", {"project": "a", "version": "1", "kind": "egg"}, "kind cannot be 'egg'"),
        ("/publish", {"project": "a", "version": "1", "kind": "blob"}, "a blob needs a filename"),
        (
            "/publish",
            {"project": "a", "version": "1", "upload_time": "yesterday"},
            "upload_time yesterday is not like 2026-01-31T12:00:00Z",
        ),
        ("/withdraw", {"project": "nobody"}, "there is no project nobody"),
        ("/yank", {"project": "demo", "filename": "x"}, "project demo has no file x"),
        ("/pages", {"project": "demo", "base64": "?"}, "the page of demo is not base64"),
        ("/behaviours", {"stauts": 1}, "Behaviour has no stauts"),
        ("/nowhere", {}, "there is no POST /nowhere"),
    ],
)
def test_a_wrong_control_request_gets_one_sentence(
    upstream: FakePyPI, resource: str, document: dict[str, str], sentence: str
) -> None:
    upstream.publish("demo", "1.0")
    answer = requests.post(upstream.control_url + resource, json=document, timeout=5)
    assert answer.status_code in (400, 404)
    assert sentence in answer.json()["error"]


def test_the_client_raises_what_the_server_refuses(upstream: FakePyPI) -> None:
    upstream.publish("demo", "1.0")
    with pytest.raises(FakePyPIError, match=r"demo-1\.0-.* is already published; withdraw it"):
        upstream.publish("demo", "1.0")
    with pytest.raises(FakePyPIError, match="there is no behaviour 99"):
        upstream.clear(99)


def test_reset_leaves_nothing_but_the_serial(upstream: FakePyPI, ask_index: Ask) -> None:
    serial = upstream.publish("demo", "1.0").serial
    ask_index("/simple/demo/")
    upstream.reset()
    assert ask_index("/simple/demo/").status == 404
    assert len(upstream.requests()) == 1
    assert upstream.serial == serial


def test_the_command_line_serves_until_told_to_stop(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.json"
    catalogue.write_text(json.dumps([{"project": "from-file", "version": "1.0"}]))
    options = ["--index-host", "index.example", "--files-host", "files.example", "--demo"]
    options += ["--state", str(tmp_path), "--address", "127.0.0.1", "--catalogue", str(catalogue)]
    process = start(*options, "--https-port", "0", "--control-port", "0")
    with process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        match = re.fullmatch(
            r"fakepypi ready: index.example and files.example on https port (\d+), "
            r"control on port (\d+), CA in (.*)/ca.pem\n",
            ready,
        )
        assert match, ready
        raw = RawClient(int(match[1]), tmp_path / "ca.pem")
        names = [raw.ask("index.example", f"/simple/{n}/").status for n in ("demo", "from-file")]
        assert names == [200, 200]
        client = FakePyPI(f"http://127.0.0.1:{match[2]}")
        assert client.totals().requests == 2
        client.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        assert process.stdout.read() == ""


def test_the_command_line_says_what_is_wrong_in_one_line(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.json"
    catalogue.write_text('[{"projekt": "x"}]')
    options = ["--index-host", "a.example", "--files-host", "b.example", "--state", str(tmp_path)]
    with start(*options, "--catalogue", str(catalogue)) as process:
        output, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert output.startswith("fakepypi: Publication has no projekt; it has ")
    assert output.count("\n") == 1


def test_a_taken_port_is_told_and_not_waited_for(tmp_path: Path) -> None:
    options = ["--index-host", "a.example", "--files-host", "b.example", "--state", str(tmp_path)]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        options += ["--address", "127.0.0.1", "--https-port", port, "--control-port", "0"]
        with start(*options) as process:
            output, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "Address already in use" in output


@pytest.mark.parametrize(
    ("module", "absent"),
    [("fakepypi.__main__", ["requests"]), ("fakepypi.client", ["h11", "trustme"])],
)
def test_server_and_client_do_without_each_others_dependencies(
    module: str, absent: list[str]
) -> None:
    blocked = "".join(f"sys.modules[{name!r}] = None; " for name in absent)
    code = f"import sys; sys.path.insert(0, {str(TESTS)!r}); {blocked} import {module}"
    subprocess.run([sys.executable, "-I", "-c", code], check=True, timeout=10)


def start(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "fakepypi", *options],
        cwd=TESTS,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
