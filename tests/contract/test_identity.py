"""Promise 9: nothing one client sends changes what the next one gets, or what upstream is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fakepypi.raw import Answer, RawClient, request_bytes
from support.fixtures import DOORS, expectations

if TYPE_CHECKING:
    from fakepypi.client import FakePyPI
    from fakepypi.control.journal import RequestRecord
    from fakepypi.publication import PublishedFile
    from support.deployment import Appliance, Names
    from support.door import OpenDoor

TRICKS = expectations("tricks")
EXPECTED = expectations("upstream_requests")
FIRST_SLICE = "bytes=0-8388607"
KINDS = ("page", "file")


def attack(appliance: Appliance, name: str, path: str, other: str, trick: dict[str, Any]) -> Answer:
    """Send a trick from tests/vars/tricks.yml, byte for byte, over TLS for `name`."""
    escape = f"{path[:-2]}%{ord(path[-2]):02x}{path[-1]}"
    words = {"path": path, "host": name, "other": other, "path_with_escape": escape}

    def filled(text: str) -> str:
        return str(text).format_map(words)

    headers = {filled(k): filled(v) for k, v in trick.get("headers", [])}
    request = request_bytes(
        filled(trick.get("host", name)),
        filled(trick["target"]),
        headers,
        method=trick.get("method", "GET"),
        body=trick.get("body", "").encode(),
    )
    client = RawClient(443, appliance.ca, appliance.outside)
    return client.ask_with_sni(name, request)


def expected(kind: str, appliance: Appliance) -> dict[str, str]:
    """Return the header that upstream is always asked with."""
    words = {
        "index_host": appliance.names.index,
        "files_host": appliance.names.files,
        "slice": FIRST_SLICE,
        "appliance": appliance.server_name,
    }
    return {k: v.format_map(words) for k, v in EXPECTED[kind]["headers"].items()}


def usual(kind: str, appliance: Appliance, record: RequestRecord) -> bool:
    """Tell whether a request is the one that upstream is always asked with, to the last header."""
    if kind == "file" and record.method == "HEAD":
        kind = "length"
    return (record.method, dict(record.headers), record.body_size, record.query) == (
        EXPECTED[kind]["method"],
        expected(kind, appliance),
        0,
        "",
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("door", DOORS)
def test_upstream_is_asked_with_these_headers_and_no_other(
    appliance: Appliance,
    pages: OpenDoor,
    files: OpenDoor,
    fakepypi: FakePyPI,
    names: Names,
    published: PublishedFile,
    door: str,
    kind: str,
) -> None:
    """The rest of this file compares with them: first, that they are what they should be."""
    if kind == "page":
        pages(door).page(published.project)
    else:
        files(door).ask(published.path)
    path = f"/simple/{published.project}/" if kind == "page" else published.path
    *before, asked = fakepypi.requests(path=path)
    assert dict(asked.headers) == expected(kind, appliance)
    assert (asked.target, asked.sni) == (path, names.index if kind == "page" else names.files)
    lengths = [dict(record.headers) for record in before]
    assert lengths == ([] if kind == "page" else [expected("length", appliance)])


@pytest.mark.parametrize("trick", TRICKS["requests"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("door", DOORS)
def test_a_trick_changes_nothing_for_the_next_client(
    appliance: Appliance,
    pages: OpenDoor,
    files: OpenDoor,
    fakepypi: FakePyPI,
    names: Names,
    upstream: OpenDoor,
    project: str,
    door: str,
    kind: str,
    trick: str,
) -> None:
    """
    The object is cold when the trick comes: what is stored then is what all others get.

    And on the other object that the trick may point at there is nothing of the first.
    """
    mine, other = fakepypi.publish(project, "1.0"), fakepypi.publish(project, "2.0")
    page, other_page = f"/simple/{project}/", "/simple/demo-dependency/"
    path, beside = (page, other_page) if kind == "page" else (mine.path, other.path)
    name = appliance.index_name(door) if kind == "page" else appliance.files_name(door)
    open_door = pages if kind == "page" else files

    attack(appliance, name, path, beside, TRICKS["requests"][trick])
    of_the_trick = fakepypi.requests(path=f"*{project}*")

    upstream_name = names.index if kind == "page" else names.files
    headers = {"Accept": "application/vnd.pypi.simple.v1+json"}
    own = upstream(upstream_name).ask(path, headers)
    answer = open_door(door).ask(path, headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        200,
        own.headers["Content-Type"],
    )
    if kind == "file" or door == "intercept":
        assert answer.content == own.content
    else:
        assert answer.content.replace(b"../..", f"https://{names.files}".encode()) == own.content
    if kind == "file":
        assert files(door).ask(other.path).content == upstream(names.files).ask(other.path).content
    strange = [
        record
        for record in of_the_trick
        if not usual(kind, appliance, record) or record.target not in (path, beside)
    ]
    # At the intercept door, what is not cached passes; it must not carry a cached object's path.
    passed = [
        record for record in strange if door == "intercept" and record.target not in (path, beside)
    ]
    assert [record for record in strange if record not in passed] == []


@pytest.mark.parametrize("request_text", TRICKS["malformed"])
@pytest.mark.parametrize("door", DOORS)
def test_what_two_readers_could_read_differently_is_refused(
    appliance: Appliance,
    fakepypi: FakePyPI,
    published: PublishedFile,
    door: str,
    request_text: str,
) -> None:
    """Request smuggling begins where two servers disagree about one request."""
    name = appliance.index_name(door)
    words = {"path": f"/simple/{published.project}/", "host": name}
    raw = TRICKS["malformed"][request_text].format_map(words).encode("latin-1")
    answer = RawClient(443, appliance.ca, appliance.outside).ask_with_sni(name, raw)
    assert answer.status in (400, 405, 411, 501)
    assert fakepypi.totals(path=f"*{published.project}*").requests == 0
