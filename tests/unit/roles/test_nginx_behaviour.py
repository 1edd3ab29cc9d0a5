"""What nginx really does with the role's configuration: freshness, waiting, trouble, refusals."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from support import nginx
from unit.roles.engine import AUTHORIZATION, ORIGIN, Answer, Engine, Request, running
from unit.roles.variants import FILES_HOST, INDEX_HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

JSON = "application/vnd.pypi.simple.v1+json"
ETAG = '"r.-.1"'


def page(*, fresh: int, stale: int, etag: str = ETAG, body: bytes = b"{}") -> Answer:
    """Return what the rewriter says of a page that clients may keep for `fresh + stale` seconds."""
    return Answer(
        headers={
            "Content-Type": JSON,
            "ETag": etag,
            "Cache-Control": f"max-age={fresh}, stale-while-revalidate={stale}, public",
            "X-Client-Cache-Control": f"max-age={fresh + stale}, public",
        },
        body=body,
    )


def conditionally(answer: Answer) -> Callable[[Request], Answer]:
    """Answer with 304 who has the page already."""

    def give(request: Request) -> Answer:
        if request.headers.get("if-none-match") == answer.headers["ETag"]:
            return replace(answer, status=304, reason="Not Modified", body=b"")
        return answer

    return give


UNAVAILABLE = Answer(
    status=503,
    reason="Service Unavailable",
    headers={"Cache-Control": "no-store", "Retry-After": "1", "Content-Type": "text/plain"},
    body=b"The index upstream pypi did not answer in time.\n",
)


@pytest.fixture(scope="module")
def engine(nginx_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running(nginx_program, tmp_path_factory.mktemp("e"), __cellar_enforces=True) as engine:
        yield engine


def beyond(seconds: int) -> None:
    """Wait until what was fresh for so many seconds no longer is; nginx counts whole ones."""
    time.sleep(seconds + 1.1)


def test_in_its_second_half_a_page_is_served_at_once_while_one_request_renews_it(
    engine: Engine,
) -> None:
    """Whoever had waited would have got the new one."""
    path = "/simple/second-half/"
    engine.rewriter.answer = conditionally(page(fresh=1, stale=60, body=b"old"))
    engine.ask(path)
    beyond(1)

    new = page(fresh=60, stale=60, etag='"r.-.2"', body=b"new")
    engine.rewriter.answer = conditionally(replace(new, delay=2))
    answers = engine.ask_at_once(100, path)

    assert {answer.body for answer in answers} == {b"old"}
    caches = [answer.headers["x-cache"] for answer in answers]
    assert (caches.count("STALE"), caches.count("UPDATING")) == (1, 99)
    while engine.ask(path).body == b"old":
        time.sleep(0.05)
    asked = engine.rewriter.asked(path)
    assert [request.headers.get("if-none-match") for request in asked] == [None, ETAG]


@pytest.mark.parametrize("changed", [True, False], ids=["changed", "unchanged"])
def test_after_its_time_nobody_gets_an_old_page_and_upstream_is_asked_once(
    engine: Engine, *, changed: bool
) -> None:
    """nginx itself would ask once for each client: its lock is for what it does not have."""
    path = f"/simple/expired-{changed}/".lower()
    old = page(fresh=1, stale=0, body=b"old")
    engine.rewriter.answer = conditionally(old)
    engine.ask(path)
    beyond(1)

    new = page(fresh=60, stale=60, etag='"r.-.2"' if changed else ETAG, body=b"new")
    engine.rewriter.answer = conditionally(replace(new, delay=1))
    answers = engine.ask_at_once(300, path)

    assert {answer.status for answer in answers} == {200}
    assert {answer.body for answer in answers} == {b"new" if changed else b"old"}
    asked = engine.rewriter.asked(path)
    assert [request.headers.get("if-none-match") for request in asked] == [None, ETAG]
    assert engine.ask(path).headers["x-cache"] == "HIT"
    assert len(engine.rewriter.asked(path)) == 2


def test_an_unknown_project_is_asked_for_once_by_all_who_find_that_expired(engine: Engine) -> None:
    path = "/simple/unknown/"
    missing = Answer(status=404, reason="Not Found", headers={"Cache-Control": "max-age=1"})
    engine.rewriter.answer = lambda _: replace(missing, delay=0.5)
    engine.ask(path)
    beyond(1)

    assert {answer.status for answer in engine.ask_at_once(50, path)} == {404}
    assert len(engine.rewriter.asked(path)) == 2


def test_a_page_seen_before_is_served_for_as_long_as_upstream_is_in_trouble(engine: Engine) -> None:
    """Also a 503 of the rewriter's own making: upstream shows an older page than before."""
    path = "/simple/trouble/"
    engine.rewriter.answer = conditionally(page(fresh=1, stale=0, body=b"old"))
    engine.ask(path)
    beyond(1)

    engine.rewriter.answer = lambda _: replace(UNAVAILABLE, delay=0.5)
    answers = engine.ask_at_once(100, path)
    assert {(answer.status, answer.body) for answer in answers} == {(200, b"old")}
    assert {answer.headers["cache-control"] for answer in answers} == {"max-age=0, public"}
    assert len(engine.rewriter.asked(path)) == 2, "each client would wait for the one before"

    # And two seconds after the end of the trouble at the latest, what upstream says then.
    engine.rewriter.answer = lambda _: page(fresh=60, stale=60, etag='"r.-.2"', body=b"new")
    beyond(1)
    assert engine.ask(path).body == b"new"


def test_trouble_is_never_remembered_for_who_has_nothing_else(engine: Engine) -> None:
    path = "/simple/cold-trouble/"
    engine.rewriter.answer = lambda _: UNAVAILABLE
    refused = engine.ask(path)
    engine.rewriter.answer = lambda _: page(fresh=60, stale=60)

    assert (refused.status, refused.body) == (503, UNAVAILABLE.body)
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["cache-control"] == "no-store"
    assert engine.ask(path).status == 200


def test_clients_keep_a_page_no_longer_than_upstream_allows_in_all(engine: Engine) -> None:
    """They count from the time at which they get it, which is up to half of that later."""
    path = "/simple/kept/"
    engine.rewriter.answer = lambda _: page(fresh=300, stale=300)
    assert engine.ask(path).headers["cache-control"] == "max-age=600, public"
    assert engine.ask(path).headers["cache-control"] == "max-age=300, public"

    path = "/simple/kept-shortly/"
    engine.rewriter.answer = conditionally(page(fresh=1, stale=60))
    assert engine.ask(path).headers["cache-control"] == "max-age=61, public"
    assert engine.ask(path).headers["cache-control"] == "max-age=0, public"
    beyond(1)
    late = engine.ask(path).headers
    assert (late["x-cache"], late["cache-control"]) == ("STALE", "max-age=0, public")


def test_a_renewed_page_is_fresh_to_clients_again(engine: Engine) -> None:
    """nginx keeps the first answer's header, whose Date would be that of long ago."""
    path = "/simple/renewed/"
    engine.rewriter.answer = conditionally(page(fresh=1, stale=0))
    engine.ask(path)
    beyond(1)

    renewed = engine.ask(path).headers
    assert (renewed["x-cache"], renewed["cache-control"]) == ("REVALIDATED", "max-age=1, public")


def test_clients_see_nothing_that_is_meant_for_the_engine(engine: Engine) -> None:
    policy = "default-src 'none'"
    answer = page(fresh=300, stale=300)
    headers = {**answer.headers, "Content-Security-Policy": policy, "X-Content-Type-Options": "x"}
    engine.rewriter.answer = lambda _: replace(answer, headers=headers)
    for _ in range(2):
        seen = engine.ask("/simple/seen/").headers
        assert "x-client-cache-control" not in seen
        assert "stale" not in seen["cache-control"]
        assert seen["x-content-type-options"] == "nosniff"
        assert seen["content-security-policy"] == policy


SENTENCE = "Refused by rule cooldown. Ask security@acme.example."
REFUSED = Answer(
    status=403,
    reason=SENTENCE,
    headers={
        "Content-Type": "application/problem+json",
        "Cache-Control": "max-age=60",
        "X-File-Answer": "refused",
    },
    body=b'{"title": "Refused", "status": 403}',
)


def test_a_refused_document_is_told_in_the_rewriters_own_words(engine: Engine) -> None:
    """pip shows the reason phrase, uv the body."""
    engine.rewriter.answer = lambda _: REFUSED
    for _ in range(2):
        answer = engine.ask("/pypi/refused/json")
        assert (answer.status, answer.reason, answer.body) == (403, SENTENCE, REFUSED.body)
        assert answer.headers["content-type"] == "application/problem+json"


DOCUMENTS = [
    "/pypi/demo/json",
    "/pypi/demo/1!1.0+local.1/json",
    "/integrity/demo/1.0/demo-1.0-py3-none-any.whl/provenance",
    "/snapshot/2026-01-31/simple/demo/",
]


@pytest.mark.parametrize("path", DOCUMENTS)
@pytest.mark.parametrize("host", ["cellar.example", INDEX_HOST])
def test_documents_are_stored_for_each_door(engine: Engine, host: str, path: str) -> None:
    engine.rewriter.answer = conditionally(page(fresh=60, stale=60, body=host.encode()))
    before = len(engine.rewriter.requests)

    assert [engine.ask(path, host).body for _ in range(2)] == [host.encode()] * 2
    (asked,) = engine.rewriter.requests[before:]
    door = "intercept" if host == INDEX_HOST else "index"
    form = "/html" if "/simple/" in path else ""
    assert asked.target == f"/{door}{form}{path}"


@pytest.mark.parametrize(
    "path",
    [
        "/simple/Demo",
        "/snapshot/2026-01-31/simple/demo",
        "/snapshot/2026-01-31/simple/De_mo/",
        "/pypi/De.mo/json",
        "/pypi/demo/json/",
        "/pypi/De.mo/1.0/json",
        "/integrity/De.mo/1.0/demo-1.0.tar.gz/provenance",
    ],
)
@pytest.mark.parametrize("host", ["cellar.example", INDEX_HOST])
def test_another_spelling_is_redirected_and_never_asked_of_pypi(
    engine: Engine, host: str, path: str
) -> None:
    """It may be that of a private project's name. The redirect stays at the door and its port."""
    to = "/somewhere/canonical/"
    engine.rewriter.answer = lambda _: Answer(status=301, reason="Moved", headers={"Location": to})
    before = len(engine.pypi.requests)
    answer = engine.ask(path, host)

    assert (answer.status, answer.headers["location"]) == (301, to)
    assert engine.rewriter.requests[-1].target.endswith(path)
    assert engine.pypi.requests[before:] == []


def test_the_rewriter_sees_what_the_indexes_offer_out_of_the_cache(engine: Engine) -> None:
    engine.rewriter.answer = conditionally(page(fresh=60, stale=60, body=b"everything"))

    assert [engine.ask_internally("/simple/all/").body for _ in range(2)] == [b"everything"] * 2
    assert [r.target for r in engine.rewriter.asked("/all/")] == ["/unfiltered/json/simple/all/"]
    assert engine.ask_internally("/simple/").status == 404


def test_the_check_of_a_new_configuration_leaves_the_running_engines_socket(
    engine: Engine, nginx_program: Path, tmp_path: Path
) -> None:
    done = nginx.check(nginx_program, engine.directory / "nginx.conf", tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert engine.ask_internally("/simple/").status == 404


DIGEST = "ab/cd/" + "e0" * 30
WHEEL = "demo-1.0-py3-none-any.whl"


def allowed(target: str = "") -> Callable[[Request], Answer]:
    headers = {"X-File-Target": target, "Cache-Control": "max-age=60"}
    return lambda _: Answer(headers=headers)


def of_origin(engine: Engine, name: str, digest: str = "f" * 64) -> str:
    return f"/files/{engine.origin_name}/{digest}/packages/{name}"


@pytest.mark.parametrize("host", ["cellar.example", INDEX_HOST])
def test_a_file_of_another_index_comes_from_its_host_with_its_credentials(
    engine: Engine, host: str
) -> None:
    """And nobody else sees those; nor does the host see its client's."""
    path = of_origin(engine, f"own+{host}.whl")
    target = f"/base%20dir/own%2B{host}.whl"
    engine.rewriter.answer = allowed(target)
    engine.origin.answer = lambda _: Answer(headers={"Set-Cookie": "a=b"}, body=b"wheel")
    answers = [engine.ask(f"{path}?x=1", host, Authorization="Basic eDp5") for _ in range(2)]

    assert [(answer.status, answer.body) for answer in answers] == [(200, b"wheel")] * 2
    assert [answer.headers["x-cache"] for answer in answers] == ["MISS", "HIT"]
    (asked,) = engine.origin.asked(target)
    assert asked.headers["authorization"] == AUTHORIZATION
    assert (asked.headers["host"], asked.sni) == (engine.origin_name, ORIGIN)
    (judged,) = engine.rewriter.asked(path)
    assert judged.target == f"/file{path}"
    assert "authorization" not in judged.headers
    for answer in answers:
        assert AUTHORIZATION not in str(answer.headers)
        assert {"set-cookie", "x-file-target"}.isdisjoint(answer.headers)


def test_pypis_hosts_never_see_the_credentials_of_another_index(engine: Engine) -> None:
    path = f"/packages/{DIGEST}/{WHEEL}"
    engine.rewriter.answer = allowed()
    engine.pypi.answer = lambda _: Answer(body=b"wheel")

    for host in ("cellar.example", FILES_HOST):
        assert engine.ask(path, host).body == b"wheel"
    (asked,) = engine.pypi.asked(path)
    assert "authorization" not in asked.headers
    assert (asked.headers["host"], asked.sni) == (FILES_HOST, FILES_HOST)


def test_a_big_file_of_another_index_is_fetched_in_slices_and_once(engine: Engine) -> None:
    size = 9 * 1024 * 1024
    body = bytes(range(256)) * (size // 256)
    path = of_origin(engine, "big.whl")
    engine.rewriter.answer = allowed("/big.whl")

    def part(request: Request) -> Answer:
        first, last = request.headers["range"].removeprefix("bytes=").split("-")
        start, stop = int(first), min(int(last) + 1, size)
        headers = {"Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        return Answer(status=206, reason="Partial Content", headers=headers, body=body[start:stop])

    engine.origin.answer = part
    answers = engine.ask_at_once(4, path)

    assert {answer.body for answer in answers} == {body}
    asked = engine.origin.asked("/big.whl")
    assert [request.headers["range"] for request in asked] == [
        "bytes=0-8388607",
        "bytes=8388608-16777215",
    ]
    assert len(engine.rewriter.asked(path)) == 1


def test_a_file_without_a_hash_keeps_the_validators_of_its_host(engine: Engine) -> None:
    path = of_origin(engine, "latest.tar.gz", digest="-")
    engine.rewriter.answer = allowed("/latest.tar.gz")
    engine.origin.answer = lambda _: Answer(headers={"ETag": '"v1"'}, body=b"0123456789")

    whole, part = engine.ask(path), engine.ask(path, Range="bytes=2-4")
    assert (whole.body, part.status, part.body) == (b"0123456789", 206, b"234")
    assert whole.headers["etag"] == part.headers["etag"] == '"v1"'
    assert whole.headers["cache-control"] == "no-cache"
    assert engine.ask(path, If_None_Match='"v1"').status == 304
    assert len(engine.origin.asked("/latest.tar.gz")) == 1


@pytest.mark.parametrize("kind", ["pypi", "origin"])
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_a_refused_file_is_told_in_the_rewriters_own_words(
    engine: Engine, kind: str, *, warm: bool
) -> None:
    """And its host is not asked for it. What is in the cache already is refused like the rest."""
    name = f"refused-{warm}.whl"
    path = f"/packages/{DIGEST}/{name}" if kind == "pypi" else of_origin(engine, name)
    upstream = engine.pypi if kind == "pypi" else engine.origin
    upstream.answer = lambda _: Answer(body=b"wheel")
    if warm:
        verdict = Answer(headers={"X-File-Target": f"/{name}", "Cache-Control": "max-age=1"})
        engine.rewriter.answer = lambda _: verdict
        assert engine.ask(path).body == b"wheel"
        beyond(1)
    before = len(upstream.asked(name))
    judged = len(engine.rewriter.asked(path))

    engine.rewriter.answer = lambda _: REFUSED
    for _ in range(2):
        answer = engine.ask(path)
        assert (answer.status, answer.reason, answer.body) == (403, SENTENCE, REFUSED.body)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
        assert "x-file-refusal" not in answer.headers
    assert len(upstream.asked(name)) == before
    assert len(engine.rewriter.asked(path)) == judged + 1


def test_without_a_verdict_a_file_waits_for_better_times(engine: Engine) -> None:
    """Fail closed; but what was allowed a while ago is not taken away by a rewriter in trouble."""
    path = of_origin(engine, "unjudged.whl")
    engine.origin.answer = lambda _: Answer(body=b"wheel")
    engine.rewriter.answer = lambda _: UNAVAILABLE
    refused = engine.ask(path)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert refused.body.startswith(b"Cellar: ")
    assert engine.origin.asked("unjudged") == []

    headers = {"X-File-Target": "/unjudged.whl", "Cache-Control": "max-age=1"}
    engine.rewriter.answer = lambda _: Answer(headers=headers)
    assert engine.ask(path).body == b"wheel"
    beyond(1)
    engine.rewriter.answer = lambda _: UNAVAILABLE
    assert engine.ask(path).body == b"wheel"


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_trouble_of_a_files_host_is_no_refusal(engine: Engine, status: int) -> None:
    path = of_origin(engine, f"trouble-{status}.whl")
    engine.rewriter.answer = allowed("/trouble.whl")
    engine.origin.answer = lambda _: Answer(status=status, reason="No", body=b"no")
    answer = engine.ask(path)

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.body.startswith(b"Cellar: ")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "rest",
    [
        "{hash}/a%0a",
        "{hash}/a%20b",
        "{hash}/a%00",
        "{hash}/",
        "{hash}",
        "{short}/a",
        "-/",
        "-//",
        "/a",
        "{hash}/%c3%a4",
        "{hash}/a%3fb",
        "{hash}/a%25b",
    ],
)
def test_a_path_of_a_file_has_no_letter_that_two_could_read_differently(
    engine: Engine, rest: str
) -> None:
    path = f"/files/{engine.origin_name}/" + rest.format(hash="f" * 64, short="f" * 63)
    asked = len(engine.origin.requests), len(engine.rewriter.requests)

    assert engine.ask(path).status in (400, 404)
    assert (len(engine.origin.requests), len(engine.rewriter.requests)) == asked


def test_files_of_hosts_that_are_not_configured_are_not_fetched(engine: Engine) -> None:
    for origin in ("evil.example", ORIGIN, engine.origin_name.replace(".", "x")):
        assert engine.ask(f"/files/{origin}/-/a.whl").status == 404
    assert engine.ask(f"/files/{engine.origin_name}/-/../../evil.example/-/a.whl").status == 404


def test_the_list_of_all_projects_is_pypis_own_and_transferred_once(engine: Engine) -> None:
    def listed(request: Request) -> Answer:
        kind = request.headers["accept"]
        headers = {"Content-Type": kind, "ETag": '"l1"', "Set-Cookie": "a=b", "Via": "1.1 x"}
        return Answer(headers=headers, body=kind.encode(), delay=0.5)

    engine.pypi.answer = listed
    # A query may be a secret, and is no part of the key.
    answers = engine.ask_at_once(20, "/simple/?hush")
    answers += [engine.ask("/simple/", INDEX_HOST, Accept="text/html", Cookie="c=d")]

    assert {answer.body for answer in answers} == {b"application/vnd.pypi.simple.v1+html"}
    assert {answer.headers["content-type"] for answer in answers} == {"text/html; charset=utf-8"}
    assert {answer.headers["cache-control"] for answer in answers} == {"max-age=300, public"}
    assert [a for a in answers if {"set-cookie", "via"} & a.headers.keys()] == []
    (asked,) = engine.pypi.asked("/simple/")
    assert (asked.target, asked.sni) == ("/simple/", INDEX_HOST)
    assert "cookie" not in asked.headers
    assert engine.ask("/simple/", Accept=JSON).headers["content-type"] == JSON
    assert len(engine.pypi.asked("/simple/")) == 2


def test_nothing_of_all_this_upset_nginx(engine: Engine) -> None:
    """The last test of this file: no alert, and what is an error above is known by its words."""
    known = ("auth request unexpected status", "while reading response header from upstream")
    lines = [line for line in engine.log.splitlines() if not any(word in line for word in known)]

    assert [line for line in lines if "[warn]" not in line] == []
