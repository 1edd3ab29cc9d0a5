"""Promise 11: no secret leaks, and what is not ours to read passes as if we were not there."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import pytest

from support.fixtures import DOORS

if TYPE_CHECKING:
    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Appliance, Names
    from support.door import OpenDoor


# Seconds after which every line is in the log; it is flushed once a second.
_LOG_DELAY = 1.5


@pytest.fixture
def secret(project: str) -> str:
    """Return a word that occurs nowhere else: a token of this test."""
    return f"hush-{project}"


def logged(appliance: Appliance, needle: str) -> str:
    """Return the lines with `needle` in the appliance's logs, once the engine has written them."""
    time.sleep(_LOG_DELAY)  # each of the engine's processes has a buffer of its own
    journal = "journalctl --quiet --no-pager --unit=cellar-rewriter --unit=nginx --since=-10min"
    found = appliance.box.run(
        f"{{ cat /var/log/cellar/*.log; {journal}; }} | grep -F -e %s", needle
    )
    return str(found.stdout)


@pytest.mark.parametrize("door", DOORS)
def test_a_clients_credentials_reach_neither_upstream_nor_a_log(
    appliance: Appliance,
    pages: OpenDoor,
    files: OpenDoor,
    fakepypi: FakePyPI,
    published: PublishedFile,
    secret: str,
    door: str,
) -> None:
    headers = {
        "Authorization": f"Bearer {secret}",
        "Cookie": f"session={secret}",
        "X-Api-Key": secret,
        "Referer": f"https://ci.example/?token={secret}",
    }
    page = pages(door).ask(f"/simple/{published.project}/?token={secret}", headers)
    file = files(door).ask(f"{published.path}?token={secret}", headers)
    assert (page.status_code, file.status_code) == (200, 200)
    asked = fakepypi.requests(path=f"*{published.project}*")
    assert [r.method for r in asked] == ["GET", "HEAD", "GET"]
    assert [r for r in asked if secret in f"{r.target} {r.headers}"] == []
    assert published.path in logged(appliance, published.path), "the log has these requests"
    assert logged(appliance, secret) == ""


def test_credentials_for_the_list_of_projects_do_not_reach_upstream(
    pages: OpenDoor, fakepypi: FakePyPI, secret: str
) -> None:
    """An index URL with a user name in it is asked with it."""
    headers = {"Authorization": f"Basic {secret}", "Cookie": secret}
    for door in DOORS:
        for accept in ("text/html", "application/vnd.pypi.simple.v1+json"):
            answer = pages(door).ask(f"/simple/?{secret}", {**headers, "Accept": accept})
            assert answer.status_code == 200
    asked = fakepypi.requests(path="/simple/")
    assert asked
    assert [r for r in asked if secret in f"{r.target} {r.headers}"] == []


@pytest.mark.parametrize("size", [0, 100, 300_000])
def test_trusted_publishing_passes_untouched_and_unlogged(
    appliance: Appliance, pages: OpenDoor, fakepypi: FakePyPI, secret: str, size: int
) -> None:
    """`POST /_/oidc/mint-token` answers with an upload token: ours to pass on, not to see."""
    body = (secret.encode() * (size // len(secret) + 1))[:size]
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    path = "/_/oidc/mint-token"
    answers = [
        pages("intercept").ask(f"{path}?x={secret}", headers, method="POST", body=body)
        for _ in range(2)
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert answer.json()["received"] == {
            "authorization": f"Bearer {secret}",
            "body_sha256": hashlib.sha256(body).hexdigest(),
            "body_size": size,
        }
    mine = [r for r in fakepypi.requests(path=path, method="POST") if secret in r.target]
    assert len(mine) == 2, "nothing of this is cached"
    assert mine[0].query == f"x={secret}"
    assert logged(appliance, secret) == ""


PASSED = [
    "/_/oidc/audience",
    "/rss/updates.xml",
    "/project/demo/?a=%2F+b&c=%C3%A4",
    "/search/?q=a%20b",
    "/packages/source/d/demo/demo-1.1.tar.gz",
    "/pypi",
    "/no/such/page",
]


@pytest.mark.parametrize("path", PASSED)
def test_the_rest_of_the_index_host_passes_both_ways_byte_for_byte(
    appliance: Appliance,
    fakepypi: FakePyPI,
    upstream: OpenDoor,
    names: Names,
    pages: OpenDoor,
    path: str,
) -> None:
    headers = {"Accept-Encoding": "gzip", "User-Agent": f"test/{appliance.name}", "X-Odd": "a  b"}
    own = upstream(names.index).ask(path, headers)
    passed = pages("intercept").ask(path, headers)
    assert (passed.status_code, passed.content) == (own.status_code, own.content)
    for header in ("Content-Type", "ETag", "Location", "Cache-Control", "X-PyPI-Last-Serial"):
        assert passed.headers.get(header) == own.headers.get(header), header
    asked = [r for r in fakepypi.requests(host="index") if r.target == path][-1]
    assert asked.header("user-agent") == headers["User-Agent"]
    assert asked.header("x-odd") == headers["X-Odd"]
    assert asked.header("accept-encoding") == "gzip"


def test_old_file_paths_lead_to_the_file_of_today(
    upstream: OpenDoor, names: Names, at: OpenDoor
) -> None:
    """PyPI redirects them; here they are followed, and the file is kept once, by today's path."""
    path = "/packages/source/d/demo/demo-1.1.tar.gz"
    today = (
        upstream(names.files).ask(path).headers["Location"].removeprefix(f"https://{names.files}")
    )
    own = upstream(names.files).ask(today)
    answers = [at(names.files).ask(asked) for asked in (path, today)]
    assert [(a.status_code, a.content) for a in answers] == [(200, own.content)] * 2
    assert {answer.headers["ETag"] for answer in answers} == {f'"{today}"'}
    assert answers[1].headers["X-Cache"] == "HIT"


@pytest.mark.parametrize("door", DOORS)
def test_upstreams_connections_are_verified_and_named(
    pages: OpenDoor, files: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, door: str
) -> None:
    """Over TLS, with the name of the host that is asked: what PyPI's CDN requires."""
    pages(door).page(published.project)
    files(door).ask(published.path)
    for record in fakepypi.requests(path=f"*{published.project}*"):
        assert record.tls
        assert record.sni == record.header("host")
