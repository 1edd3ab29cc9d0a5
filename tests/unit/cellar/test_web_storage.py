"""What the engine is told to do with a file, and where an old path leads."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from unit.cellar.rewriting import Start, answer, failing
from unit.cellar.several import ACME as ACME_INDEX
from unit.cellar.several import SEVERAL, file, page
from unit.cellar.support import FILE_RULE, PYPI, Upstream, hashed_path, scripted

PATH = f"/packages/{hashed_path('an_example-2-py3-none-any.whl')}"
ACME = "/files/packages.acme.example/{}/files/whl/acme-2-py3-none-any.whl"
LIMITED: dict[str, Any] = {"files": {"size_limit": 1000, "over_limit": "stream"}}


def rule(**changes: Any) -> dict[str, Any]:
    return {**FILE_RULE, "name": "a-rule", "answer": "stream", "younger_than_days": 0, **changes}


def heads(**lengths: int) -> Upstream:
    """Return an engine that knows lengths of files by the beginning of their names."""

    def say(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return scripted(404)
        name = request.url.path.rpartition("/")[2].partition("-")[0]
        if name not in lengths:
            return scripted(404)
        return httpx.Response(200, headers={"Content-Length": str(lengths[name])})

    return say


def asked(rewriter: Any) -> list[str]:
    return [f"{request.method} {request.url.path}" for request in rewriter.asked_of_engine]


@pytest.mark.parametrize(
    ("length", "status", "told"),
    [
        (1000, 200, {"X-File-Zone": "files", "X-File-Limit": "1000"}),
        (1001, 403, {"X-File-Answer": "stream", "X-File-Target": PATH}),
    ],
)
def test_the_length_that_upstream_says_decides_to_the_byte(
    start: Start, length: int, status: int, told: dict[str, str]
) -> None:
    rewriter = start(answer(), engine=heads(an_example=length), **LIMITED)

    response = rewriter.ask(f"/file{PATH}")

    assert (response.status_code, asked(rewriter)) == (status, [f"HEAD /heads/pypi{PATH}"])
    assert {name: response.headers[name] for name in told} == told
    assert response.headers["Cache-Control"] == "max-age=2592000, public"
    assert rewriter.asked == []


UNKNOWN: dict[str, Upstream] = {
    "not found": heads(),
    "no length": lambda _: httpx.Response(200),
    "no number": lambda _: httpx.Response(200, headers={"Content-Length": "x"}),
    "trouble": lambda _: scripted(503),
    "nobody there": failing(httpx.ConnectError, "refused"),
    "a time-out": failing(httpx.ReadTimeout, "slow"),
}


@pytest.mark.parametrize("engine", UNKNOWN.values(), ids=UNKNOWN)
def test_a_size_that_is_not_known_is_no_trouble_of_the_clients_and_remembered_briefly(
    start: Start, engine: Upstream
) -> None:
    response = start(answer(), engine=engine, **LIMITED).ask(f"/file{PATH}")

    assert (response.status_code, response.headers["X-File-Limit"]) == (200, "1000")
    assert response.headers["Cache-Control"] == "max-age=60, public"


def test_without_limits_no_size_is_asked_for(start: Start) -> None:
    rewriter = start(answer(), engine=heads(), file_rules=[rule(filenames=["*.zip"])])

    response = rewriter.ask(f"/file{PATH}")

    assert (response.headers["X-File-Limit"], asked(rewriter)) == ("none", [])


def test_a_rules_zone_is_told(start: Start) -> None:
    rules = [rule(answer="store", projects=["an-*"], zone="pinned")]

    response = start(answer(), engine=heads(), file_rules=rules).ask(f"/file{PATH}")

    assert (response.headers["X-File-Zone"], response.headers["X-File-Limit"]) == ("pinned", "none")


@pytest.mark.parametrize("suffix", [".metadata", ".asc", ".metadata.json"])
def test_what_stands_beside_a_file_is_small_and_has_a_zone_of_its_own(
    start: Start, suffix: str
) -> None:
    rewriter = start(answer(), engine=heads(), file_rules=[rule()], **LIMITED)

    response = rewriter.ask(f"/file{PATH}{suffix}")

    assert response.status_code == 200
    assert response.headers["X-File-Zone"] == "metadata"
    assert response.headers["X-File-Limit"] == "16777216"
    assert asked(rewriter) == []


def test_where_upstream_has_a_file_is_told_to_who_is_sent_there(start: Start) -> None:
    rules = [rule(answer="redirect", projects=["an-*"])]

    response = start(answer(), engine=heads(), file_rules=rules).ask(f"/file{PATH}")

    assert (response.status_code, response.headers["X-File-Answer"]) == (403, "redirect")
    assert response.headers["X-File-Location"] == f"https://files.example{PATH}"
    assert response.headers["X-File-Target"] == PATH


def test_a_file_refused_for_its_size_is_so_by_a_sentence(start: Start) -> None:
    limit = {"size_limit": 1000, "over_limit": "refuse"}

    response = start(answer(), engine=heads(an_example=1001), files=limit).ask(f"/file{PATH}")

    assert (response.status_code, response.headers["X-File-Answer"]) == (403, "refused")
    assert "cellar_file_size_limit" in response.json()["detail"]
    assert "1001" in response.headers["X-Cellar-Reason"]


def test_a_file_of_another_index_is_measured_at_its_own_host(start: Start) -> None:
    rewriter = start(answer(), engine=heads(acme=1001), **LIMITED, **SEVERAL)

    for digest, freshness in (("-", 600), ("0a" * 32, 2592000)):
        response = rewriter.ask(f"/file{ACME.format(digest)}")
        assert response.headers["X-File-Answer"] == "stream"
        assert response.headers["Cache-Control"] == f"max-age={freshness}, public"
    path = "/heads/packages.acme.example/files/whl/acme-2-py3-none-any.whl"
    assert set(asked(rewriter)) == {f"HEAD {path}"}


HASH = "0a" * 32


def with_page(*hashes: str | None) -> Upstream:
    """Return an engine with a page of acme that lists one wheel, once for each hash."""
    url = "https://packages.acme.example/files/whl/acme-2-py3-none-any.whl"
    entry = file("acme-2-py3-none-any.whl")
    listed = [
        {**entry, "url": url, "hashes": {"sha256": digest} if digest else {}} for digest in hashes
    ]
    body = page("acme", *listed)
    return lambda request: scripted(body=body) if request.method == "GET" else scripted(404)


@pytest.mark.parametrize(
    ("engine", "digest", "limit"),
    [
        (with_page(HASH), HASH, "none"),
        (with_page(HASH), "0b" * 32, "0"),
        (with_page(), HASH, "0"),
        (with_page(None), "-", "none"),
        (with_page(HASH.upper()), HASH, "none"),
        (heads(), HASH, "0"),
        # An index that cannot be asked refuses nothing.
        (failing(httpx.ConnectError, "refused"), HASH, "none"),
        (lambda _: scripted(503), "0b" * 32, "none"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".metadata"])
def test_a_hash_that_a_client_made_up_fills_no_cache(
    start: Start, engine: Upstream, digest: str, limit: str, suffix: str
) -> None:
    """A file that is stored already is served all the same: its page may have lost it."""
    rewriter = start(answer(), engine=engine, **SEVERAL)

    response = rewriter.ask(f"/file{ACME.format(digest)}{suffix}")

    assert response.status_code == 200
    expected = "16777216" if suffix and limit == "none" else limit
    assert response.headers["X-File-Limit"] == expected
    if limit == "0":
        assert response.headers["Cache-Control"] == "max-age=60, public"


def test_the_page_of_a_file_is_read_once_for_all_that_is_asked_of_it(start: Start) -> None:
    refusing = rule(answer="refuse", projects=["other"])
    rewriter = start(answer(), engine=with_page(HASH), file_rules=[refusing], **SEVERAL)

    response = rewriter.ask(f"/file{ACME.format(HASH)}")

    assert (response.status_code, response.headers["X-File-Limit"]) == (200, "none")
    assert asked(rewriter) == ["GET /simple/acme/"]


class System(NamedTuple):
    """A file system, as far as anybody looks."""

    f_bavail: int
    f_frsize: int


LARGE = 2**20 + 1


@pytest.mark.parametrize(
    ("free", "length", "stored"),
    [(2**29, LARGE, True), (2**29 - 1, LARGE, False), (0, 2**20, True)],
)
def test_without_space_a_large_file_is_served_and_not_stored(
    start: Start, monkeypatch: pytest.MonkeyPatch, free: int, length: int, *, stored: bool
) -> None:
    """Half of what must stay free is left to the engine, which makes room a little later."""
    monkeypatch.setattr(os, "statvfs", lambda _: System(free, 1))
    limit = {"size_limit": 2**30, "over_limit": "refuse"}
    rewriter = start(
        answer(), engine=heads(an_example=length), files=limit, appliance={"min_free": 2**30}
    )

    response = rewriter.ask(f"/file{PATH}")

    assert response.status_code == 200
    if not stored:
        assert response.headers["X-File-Limit"] == "0"
        assert response.headers["Cache-Control"] == "max-age=10, public"


def test_a_cache_that_is_not_there_yet_has_space(start: Start, tmp_path: Path) -> None:
    place = {"cache_dir": str(tmp_path / "none"), "min_free": 2**60}
    rewriter = start(answer(), engine=heads(an_example=LARGE), appliance=place)

    assert rewriter.ask(f"/file{PATH}").status_code == 200


OLD = "/packages/source/a/an-example/an_example-2.tar.gz"


def leading(status: int, location: str | None) -> Upstream:
    """Return an engine whose upstream answers an old path so, and knows no other one's length."""

    def say(request: httpx.Request) -> httpx.Response:
        if request.url.path == f"/heads/pypi{OLD}":
            return httpx.Response(status, headers={"Location": location} if location else {})
        return httpx.Response(200, headers={"Content-Length": "5"})

    return say


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("base", ["", "https://files.example"])
def test_an_old_path_leads_to_the_file_of_today(start: Start, status: int, base: str) -> None:
    rewriter = start(answer(), engine=leading(status, base + PATH), **LIMITED)

    response = rewriter.ask(f"/file{OLD}")

    assert (response.status_code, response.headers["X-File-Target"]) == (200, PATH)
    assert response.headers["X-File-Limit"] == "1000"


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example" + PATH,
        "http://files.example" + PATH,
        "https://files.example/packages/source/b/b/b-1.tar.gz",
        "https://files.example@evil.example" + PATH,
        "//evil.example" + PATH,
        f"{PATH}?x",
        "/simple/",
        "",
    ],
)
def test_it_is_followed_to_nowhere_else(start: Start, location: str) -> None:
    response = start(answer(), engine=leading(302, location)).ask(f"/file{OLD}")

    assert (response.status_code, response.headers["X-File-Answer"]) == (403, "stream")
    assert response.headers["X-File-Target"] == OLD


@pytest.mark.parametrize(
    ("status", "said"), [(404, "absent"), (410, "absent"), (200, "stream"), (451, "stream")]
)
def test_an_old_path_that_leads_nowhere(start: Start, status: int, said: str) -> None:
    response = start(answer(), engine=leading(status, None)).ask(f"/file{OLD}")

    assert (response.status_code, response.headers["X-File-Answer"]) == (403, said)
    assert response.headers["Cache-Control"] == "max-age=60, public"


def test_without_upstream_nothing_is_said_of_an_old_path(start: Start) -> None:
    """So that the engine keeps what it knows."""
    for engine in (leading(503, None), failing(httpx.ConnectError, "refused")):
        response = start(answer(), engine=engine).ask(f"/file{OLD}")
        assert (response.status_code, response.headers["Cache-Control"]) == (503, "no-store")


def test_the_file_that_an_old_path_leads_to_is_judged(start: Start) -> None:
    refusing = rule(answer="refuse", projects=["an-example"])
    listed = {**file("an_example-2-py3-none-any.whl"), "url": f"https://files.example{PATH}"}

    def engine(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return scripted(body=page("an-example", listed))
        return leading(302, PATH)(request)

    response = start(answer(), engine=engine, file_rules=[refusing]).ask(f"/file{OLD}")

    assert (response.status_code, response.headers["X-File-Answer"]) == (403, "refused")
    assert "a-rule" in response.json()["detail"]


@pytest.mark.parametrize(
    ("asked_for", "said"),
    [
        ("bytes=-1", "bytes=999-999"),
        ("bytes=-1000", "bytes=0-999"),
        ("bytes=-999999999999999999", "bytes=0-999"),
        ("bytes=-0", None),
        ("bytes=0-1", None),
        ("bytes=-1,-2", None),
        ("", None),
    ],
)
def test_the_last_bytes_are_told_from_the_beginning(
    start: Start, asked_for: str, said: str | None
) -> None:
    rewriter = start(answer(), engine=heads(an_example=1000))

    response = rewriter.ask(f"/range{PATH}", Range=asked_for)

    assert response.headers.get("X-File-Range") == said
    assert response.status_code == (200 if said else 404)


@pytest.mark.parametrize("path", [OLD, "/simple/a/", PATH.replace("an_", "other_")])
def test_of_what_has_no_known_length_nothing_is_told(start: Start, path: str) -> None:
    rewriter = start(answer(), engine=heads(an_example=1000))

    assert rewriter.ask(f"/range{path}", Range="bytes=-1").status_code == 404


@pytest.mark.parametrize(
    ("door", "form", "size", "sent"),
    [
        ("index", "json", 1001, True),
        ("index", "html", 1001, True),
        ("index", "json", 1000, False),
        ("index", "json", None, False),
        ("intercept", "json", 1001, True),
    ],
)
def test_a_page_sends_clients_to_upstream_for_what_is_redirected(
    start: Start, door: str, form: str, size: int | None, *, sent: bool
) -> None:
    url = f"https://files.example{PATH}"
    listed = {**file("an_example-2-py3-none-any.whl"), "url": url}
    body = page("an-example", listed if size is None else {**listed, "size": size})
    limit = {"size_limit": 1000, "over_limit": "redirect"}

    response = start(answer(body=body), files=limit).ask(f"/{door}/{form}/simple/an-example/")

    assert (url in response.text) == sent
    assert (f"../..{PATH}" in response.text) == (not sent)


@pytest.mark.parametrize("form", ["json", "html"])
def test_no_page_sends_clients_to_upstream_for_what_is_refused(start: Start, form: str) -> None:
    listed = {**file("an_example-2-py3-none-any.whl"), "url": f"https://files.example{PATH}"}
    rules = [rule(answer="refuse"), rule(name="elsewhere", answer="redirect")]

    rewriter = start(answer(body=page("an-example", listed)), file_rules=rules)
    response = rewriter.ask(f"/index/{form}/simple/an-example/")

    assert f"../..{PATH}" in response.text
    assert "files.example" not in response.text


CLOSED: dict[str, Any] = {**SEVERAL, "indexes": [PYPI, {**ACME_INDEX, "credential": "acme"}]}
REDIRECTING: dict[str, Any] = {"files": {"size_limit": 1000, "over_limit": "redirect"}}
ACME_URL = "https://packages.acme.example/files/whl/acme-2-py3-none-any.whl"
OWN_PATH = ACME.format("-")


@pytest.mark.parametrize(("indexes", "sent"), [(SEVERAL, True), (CLOSED, False)])
@pytest.mark.parametrize("form", ["json", "html"])
def test_no_page_sends_clients_to_an_index_that_wants_a_credential(
    start: Start, indexes: dict[str, Any], form: str, *, sent: bool
) -> None:
    body = page("acme", {**file("acme-2-py3-none-any.whl"), "url": ACME_URL, "size": 1001})

    response = start(answer(body=body), **REDIRECTING, **indexes).ask(f"/index/{form}/simple/acme/")

    assert (ACME_URL in response.text) == sent
    assert (f"../..{OWN_PATH}" in response.text) == (not sent)


@pytest.mark.parametrize(("indexes", "told"), [(SEVERAL, "redirect"), (CLOSED, "stream")])
def test_nobody_is_sent_to_an_index_that_wants_a_credential(
    start: Start, indexes: dict[str, Any], told: str
) -> None:
    rewriter = start(answer(), engine=heads(acme=1001), **REDIRECTING, **indexes)

    header = rewriter.ask(f"/file{OWN_PATH}").headers

    assert header["X-File-Answer"] == told
    assert header["X-File-Target"] == "/files/whl/acme-2-py3-none-any.whl"
    assert header.get("X-File-Location") == (ACME_URL if told == "redirect" else None)
