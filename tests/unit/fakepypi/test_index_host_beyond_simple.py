"""The index host beside the simple API, as clients.md, section 2.3 and 3, describe it."""

import hashlib
import json
from collections.abc import Callable

import pytest

from fakepypi.client import FakePyPI
from fakepypi.publication import PublishedFile
from fakepypi.raw import Answer

Ask = Callable[..., Answer]
Odd = tuple[PublishedFile, PublishedFile]


def test_the_legacy_api_serves_what_poetry_reads(odd: Odd, ask_index: Ask) -> None:
    wheel, sdist = odd
    release = json.loads(ask_index("/pypi/odd-name/1.0%2Bcu128/json").body)
    assert (
        release["info"].items()
        >= {
            "name": "Odd.Name",
            "version": "1.0+cu128",
            "requires_dist": ["dep>=1"],
            "requires_python": ">=3.8",
            "yanked": True,
            "yanked_reason": 'a > b & "c"',
        }.items()
    )
    (url,) = release["urls"]
    assert (
        url.items()
        >= {
            "filename": wheel.filename,
            "packagetype": "bdist_wheel",
            "digests": {"sha256": wheel.sha256, "blake2b_256": wheel.blake2b_256},
            "size": wheel.size,
            "url": f"https://files.example{wheel.path}",
            "yanked": True,
            "upload_time": "2026-03-01T12:00:00",
        }.items()
    )
    assert "releases" not in release
    project = json.loads(ask_index("/pypi/odd-name/json").body)
    assert project["info"]["version"] == "2.0"
    assert project["last_serial"] == sdist.serial
    assert [url["packagetype"] for url in project["urls"]] == ["sdist"]
    assert list(project["releases"]) == ["1.0+cu128", "2.0"]


def test_provenance_is_served_as_published(odd: Odd, ask_index: Ask) -> None:
    wheel, _ = odd
    answer = ask_index(f"/integrity/odd-name/1.0+cu128/{wheel.filename}/provenance")
    assert json.loads(answer.body) == {"version": 1}
    assert answer.headers["content-type"] == "application/vnd.pypi.integrity.v1+json"
    assert answer.headers["vary"] == "Accept, Accept-Encoding"


def test_trusted_publishing_echoes_what_arrived(upstream: FakePyPI, ask_index: Ask) -> None:
    assert json.loads(ask_index("/_/oidc/audience").body) == {"audience": "fakepypi"}
    minted = ask_index(
        "/_/oidc/mint-token", {"Authorization": "Bearer x"}, method="POST", body=b'{"token": "t"}'
    )
    assert json.loads(minted.body)["received"] == {
        "authorization": "Bearer x",
        "body_sha256": hashlib.sha256(b'{"token": "t"}').hexdigest(),
        "body_size": 14,
    }
    record = upstream.requests(path="/_/oidc/mint-token")[0]
    assert (record.header("Authorization"), record.body_size) == ("Bearer x", 14)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/search/?q=a+b"),
        ("GET", "/project/demo/"),
        ("POST", "/pypi"),
        ("GET", "/rss/x.xml"),
    ],
)
def test_pages_for_people_echo_the_request(ask_index: Ask, method: str, target: str) -> None:
    answer = ask_index(target, method=method, body=b"<x/>" if method == "POST" else b"")
    assert answer.status == 200
    assert f"{method} {target}" in answer.body.decode()


def test_other_methods_are_refused_by_name(upstream: FakePyPI, ask_index: Ask) -> None:
    upstream.publish("demo", "1.0")
    refused = ask_index("/simple/demo/", method="DELETE")
    assert (refused.status, refused.headers["allow"]) == (405, "GET")
    assert ask_index("/_/oidc/mint-token").status == 405
