"""The access log: one JSON object a line, whatever clients send, and rotated without a loss."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from fakepypi.raw import RawClient
from support.fixtures import expectations

if TYPE_CHECKING:
    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Appliance
    from support.door import OpenDoor

FIELDS = expectations("appliance")["access_log"]
UPSTREAM_FIELDS = expectations("appliance")["upstream_log"]
_LOG = "/var/log/cellar/access.log"
_UPSTREAM_LOG = "/var/log/cellar/upstream.log"


def lines_about(appliance: Appliance, needle: str, log: str = _LOG) -> list[dict[str, Any]]:
    """Return a log's lines with `needle`, once it has any and each process has written its own."""
    wait = f"for i in $(seq 50); do grep -q -F -e {needle} {log} && break; sleep 0.1; done"
    each = f"sleep 1.5; grep -F -e {needle} {log}"  # a process keeps its lines for a second
    return [json.loads(line) for line in appliance.run("sh -c %s", f"{wait}; {each}").splitlines()]


@pytest.mark.parametrize("door", ["index", "intercept"])
def test_a_line_has_these_fields_and_no_other(
    appliance: Appliance, files: OpenDoor, published: PublishedFile, door: str
) -> None:
    """Reports are made of them."""
    files(door).ask(published.path, {"User-Agent": "uv/0.13", "Range": "bytes=0-99"})
    (line,) = lines_about(appliance, published.path)
    assert {name: type(value).__name__ for name, value in line.items()} == FIELDS
    assert line["door"] == door
    assert (line["host"], line["uri"]) == (appliance.files_name(door), published.path)
    assert (line["status"], line["bytes"], line["range"]) == (206, 100, "bytes=0-99")
    assert (line["cache"], line["user_agent"], line["method"]) == ("MISS", "uv/0.13", "GET")
    files(door).ask(str(published.metadata_path))
    (whole,) = lines_about(appliance, str(published.metadata_path))
    assert whole["range"] == ""
    assert line["client"] in appliance.addresses.values() or line["client"].endswith(".1")
    assert datetime.fromisoformat(line["time"]).tzinfo is not None


@pytest.mark.parametrize("door", ["index", "intercept"])
@pytest.mark.parametrize("kind", ["range", "suffix", "whole"])
def test_every_byte_that_upstream_sent_of_a_file_is_in_the_log(
    appliance: Appliance,
    files: OpenDoor,
    fakepypi: FakePyPI,
    published: PublishedFile,
    door: str,
    kind: str,
) -> None:
    """Whoever it was for, and by whatever way the engine got it."""
    header = {"range": {"Range": "bytes=0-9"}, "suffix": {"Range": "bytes=-9"}, "whole": {}}[kind]
    for _ in range(2):
        files(door).ask(published.path, header)
    lines = lines_about(appliance, published.path, _UPSTREAM_LOG)
    assert {frozenset(line) for line in lines} == {frozenset(UPSTREAM_FIELDS)}
    assert {type(value).__name__ for line in lines for value in line.values()} == {"str"}
    asked = [line for line in lines if not line["address"].startswith("unix:")]
    assert sum(int(line["bytes"]) for line in asked) == fakepypi.bytes_sent(path=published.path)
    sent = fakepypi.requests(path=published.path)
    assert sorted(line["method"] for line in asked) == sorted(each.method for each in sent)


def test_every_byte_that_upstream_sent_of_a_page_is_in_the_log(
    appliance: Appliance, pages: OpenDoor, fakepypi: FakePyPI, published: PublishedFile
) -> None:
    """Also what was fetched for one door alone, and by the rewriter; but no renewal of it twice."""
    for door in ("index", "intercept", "index"):
        pages(door).page(published.project)
    lines = lines_about(appliance, f"/simple/{published.project}/", _UPSTREAM_LOG)
    sent = fakepypi.bytes_sent(path=f"/simple/{published.project}/")
    assert sum(int(line["rewriter_bytes"] or 0) for line in lines) == sent > 0


def test_no_client_can_break_a_line(appliance: Appliance, project: str) -> None:
    """A log that is made of what strangers send must stay one object a line."""
    nasty = f'{project} "quoted" \\ {{}} \'; drop'
    request = (
        f"GET /simple/{project}%22%5c/ HTTP/1.1\r\nHost: {appliance.server_name}\r\n"
        f'User-Agent: {nasty}\r\nRange: "{nasty}\r\nConnection: close\r\n\r\n'
    ).encode("latin-1")
    client = RawClient(443, appliance.ca, appliance.outside)
    client.ask_with_sni(appliance.server_name, request)
    (line,) = lines_about(appliance, project)
    assert line.keys() == FIELDS.keys()
    assert (line["uri"], line["user_agent"]) == (f'/simple/{project}"\\/', nasty)


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/{}-%ff-%c3", {}),
        ("/{}-%0a-%0d-%00", {}),
        ("/{}", {"User-Agent": "caf\xe9 \xff"}),
        ("/{}", {"Range": "bytes=\xff-"}),
    ],
)
def test_bytes_that_are_no_text_do_not_make_a_line_unreadable(
    appliance: Appliance, pages: OpenDoor, project: str, path: str, header: dict[str, str]
) -> None:
    """JSON is UTF-8 (RFC 8259 section 8.1); what reads the log would stop at such a line."""
    pages("index").ask(f"/before-{project}")
    client = RawClient(443, appliance.ca, appliance.outside)
    client.ask_with_sni(
        appliance.server_name,
        request_text(appliance.server_name, path.format(project), header).encode("latin-1"),
    )
    pages("index").ask(f"/after-{project}")
    lines_about(appliance, f"after-{project}")
    for name in (_LOG, _UPSTREAM_LOG):
        log = appliance.box.run(f"tail -n 200 {name}").stdout_bytes
        assert all(json.loads(line.decode("utf-8", "strict")) for line in log.splitlines())


def request_text(host: str, path: str, header: dict[str, str]) -> str:
    fields = {"Host": host, "Connection": "close", **header}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""])


def test_every_line_of_the_log_is_json_with_the_same_fields(appliance: Appliance) -> None:
    text = appliance.run(f"tail -n 5000 {_LOG}")
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines
    assert {frozenset(line) for line in lines} == {frozenset(FIELDS)}


def test_the_health_check_is_not_logged(
    appliance: Appliance, pages: OpenDoor, project: str
) -> None:
    """A load balancer asks every second."""
    pages("index").ask("/healthz", {"User-Agent": f"probe-{project}"})
    pages("index").ask(f"/marker-{project}")
    (line,) = lines_about(appliance, project)
    assert line["uri"] == f"/marker-{project}"


def test_logging_goes_on_after_a_rotation(
    appliance: Appliance, pages: OpenDoor, project: str
) -> None:
    pages("index").ask(f"/before-{project}")
    assert lines_about(appliance, f"before-{project}")
    appliance.run("logrotate --force /etc/logrotate.d/cellar")
    pages("index").ask(f"/after-{project}")
    assert lines_about(appliance, f"after-{project}")
    assert appliance.run(f"grep -c before-{project} {_LOG}.1").strip() == "1"
    assert appliance.box.run(f"grep -c before-{project} {_LOG}").stdout.strip() == "0"
    mode = appliance.run(f"stat --format '%U %G %a' {_LOG}").strip()
    assert mode == "www-data adm 640"


def test_logs_are_kept_for_as_long_as_they_should(appliance: Appliance) -> None:
    """Debian's own timer runs logrotate; nothing of ours has to."""
    assert appliance.run("systemctl is-enabled logrotate.timer").strip() == "enabled"
    rules = appliance.run("cat /etc/logrotate.d/cellar").split()
    assert "daily" in rules
    assert rules[rules.index("rotate") + 1] == "14"
