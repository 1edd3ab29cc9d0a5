"""PyPI's JSON API at the intercept door: Poetry asks it at every install, so it is cached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Names
    from support.door import OpenDoor

PATHS = ["/pypi/{project}/json", "/pypi/{project}/{version}/json"]
ENCODINGS = ["gzip", "identity"]


@pytest.mark.parametrize("pattern", PATHS)
def test_every_client_gets_upstreams_own_document_and_it_is_asked_for_once(
    fakepypi: FakePyPI,
    published: PublishedFile,
    upstream: OpenDoor,
    names: Names,
    pages: OpenDoor,
    pattern: str,
) -> None:
    path = pattern.format(project=published.project, version=published.version)
    own = upstream(names.index).ask(path)
    before = len(fakepypi.requests(path=path))
    for number, encoding in enumerate(ENCODINGS * 2):
        headers = {"Accept-Encoding": encoding, "User-Agent": f"client/{number}"}
        answer = pages("intercept").ask(f"{path}?client={number}", headers)
        assert answer.status_code == 200
        assert answer.json() == own.json()
        assert answer.headers["Content-Type"] == own.headers["Content-Type"]
    assert len(fakepypi.requests(path=path)) == before + 1


@pytest.mark.parametrize("pattern", PATHS)
def test_what_was_seen_before_is_there_without_upstream_and_nothing_else_is(
    fakepypi: FakePyPI, published: PublishedFile, pages: OpenDoor, pattern: str
) -> None:
    path = pattern.format(project=published.project, version=published.version)
    seen = pages("intercept").ask(path)
    with fakepypi.behaving("index", status=500):
        assert pages("intercept").ask(path).json() == seen.json()
        unseen = pages("intercept").ask(f"/pypi/{published.project}-other/json")
    assert unseen.status_code == 503
    assert unseen.text.startswith("Cellar: ")
    assert pages("intercept").ask(f"/pypi/{published.project}-other/json").status_code == 404


def test_clients_keep_it_no_longer_than_an_index_page(
    published: PublishedFile, pages: OpenDoor
) -> None:
    answer = pages("intercept").ask(f"/pypi/{published.project}/json")
    assert answer.headers["Cache-Control"] == "max-age=600, public"
    missing = pages("intercept").ask(f"/pypi/{published.project}-other/json")
    assert missing.status_code == 404
    assert "max-age=600" not in missing.headers.get("Cache-Control", "")


def test_redirects_to_the_normalised_name_pass(
    published: PublishedFile, upstream: OpenDoor, names: Names, pages: OpenDoor
) -> None:
    path = f"/pypi/{published.project.upper()}/json"
    own, passed = upstream(names.index).ask(path), pages("intercept").ask(path)
    assert (passed.status_code, passed.headers["Location"]) == (301, own.headers["Location"])
