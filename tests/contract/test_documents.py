"""PyPI's JSON API and its attestations, at both doors: Poetry asks at every install."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from support.door import max_age
from support.fixtures import DOORS

if TYPE_CHECKING:
    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Names
    from support.door import OpenDoor

JSON_API = ["/pypi/{project}/json", "/pypi/{project}/{version}/json"]
PROVENANCE = "/integrity/{project}/{version}/{filename}/provenance"
PATTERNS = [*JSON_API, PROVENANCE]
ENCODINGS = ["gzip", "identity"]


@pytest.fixture
def attested(fakepypi: FakePyPI, project: str) -> PublishedFile:
    """Publish a wheel with a provenance object (PEP 740)."""
    provenance = {"version": 1, "attestation_bundles": [{"publisher": {"kind": "GitHub"}}]}
    return fakepypi.publish(project, "1.0", provenance=provenance)


def path_of(pattern: str, file: PublishedFile) -> str:
    return pattern.format(project=file.project, version=file.version, filename=file.filename)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_client_gets_upstreams_own_document_and_it_is_asked_for_once(
    fakepypi: FakePyPI,
    attested: PublishedFile,
    upstream: OpenDoor,
    names: Names,
    pages: OpenDoor,
    door: str,
    pattern: str,
) -> None:
    path = path_of(pattern, attested)
    own = upstream(names.index).ask(path)
    before = len(fakepypi.requests(path=path))
    for number, encoding in enumerate(ENCODINGS * 2):
        headers = {"Accept-Encoding": encoding, "User-Agent": f"client/{number}"}
        answer = pages(door).ask(f"{path}?client={number}", headers)
        assert (answer.status_code, answer.content) == (200, own.content)
        assert answer.headers["Content-Type"] == own.headers["Content-Type"]
    asked = fakepypi.requests(path=path)
    assert len(asked) == before + 1
    assert asked[-1].query == ""


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_document_that_nobody_has_changed_costs_upstream_one_304(
    fakepypi: FakePyPI, attested: PublishedFile, pages: OpenDoor, door: str, pattern: str
) -> None:
    path = path_of(pattern, attested)
    with fakepypi.behaving("index", path, headers={"Cache-Control": "max-age=1"}):
        first = pages(door).ask(path)
    time.sleep(2.1)
    renewed = pages(door).ask(path)
    assert (renewed.headers["X-Cache"], renewed.content) == ("REVALIDATED", first.content)
    _, asked = fakepypi.requests(path=path)
    assert (asked.status, asked.bytes_sent) == (304, 0)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_was_seen_before_is_there_without_upstream_and_nothing_else_is(
    fakepypi: FakePyPI, attested: PublishedFile, pages: OpenDoor, door: str, pattern: str
) -> None:
    path = path_of(pattern, attested)
    unseen = path.replace(attested.project, f"{attested.project}-other", 1)
    with fakepypi.behaving("index", path, headers={"Cache-Control": "max-age=1"}):
        seen = pages(door).ask(path)
    time.sleep(2.1)
    with fakepypi.behaving("index", status=500):
        stale = pages(door).ask(path)
        assert (stale.status_code, stale.content) == (200, seen.content)
        refused = pages(door).ask(unseen)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert refused.text.endswith(".\n")
    assert pages(door).ask(unseen).status_code == 404


@pytest.mark.parametrize("door", DOORS)
def test_clients_keep_it_no_longer_than_an_index_page(
    published: PublishedFile, pages: OpenDoor, door: str
) -> None:
    path = f"/pypi/{published.project}/json"
    assert [max_age(pages(door).ask(path)) for _ in range(2)] == [600, 300]
    missing = pages(door).ask(f"/pypi/{published.project}-other/json")
    assert missing.status_code == 404
    assert max_age(missing) <= 60


@pytest.mark.parametrize("spelling", ["/pypi/{}/json", "/pypi/{}/1.0/json"])
@pytest.mark.parametrize("door", DOORS)
def test_redirects_are_pypis_own(
    fakepypi: FakePyPI,
    published: PublishedFile,
    upstream: OpenDoor,
    names: Names,
    pages: OpenDoor,
    door: str,
    spelling: str,
) -> None:
    """And PyPI is not asked: what looks like a private project's name is none of its business."""
    for name, end in ((published.project.upper(), ""), (published.project, "/")):
        path = spelling.format(name) + end
        own = upstream(names.index).ask(path)
        before = fakepypi.totals(path="/pypi/*").requests
        passed = pages(door).ask(path)
        assert (passed.status_code, passed.headers["Location"]) == (301, own.headers["Location"])
        assert fakepypi.totals(path="/pypi/*").requests == before
