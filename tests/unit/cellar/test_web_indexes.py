"""Many indexes: which one is asked for a project, with what, and what they say together."""

import base64
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from unit.cellar.rewriting import BODY, Start, answer, assert_is_one_sentence, assert_not_found
from unit.cellar.several import ACME, AUTHORIZATION, SEVERAL, Upstreams, file, page
from unit.cellar.support import PYPI, PYPI_ROUTE, SimplePage, scripted

ACME_FILES = "https://packages.acme.example/files/"
SHA256 = "0123456789abcdef" * 4


def path(project: str, door: str = "index", form: str = "json") -> str:
    return f"/{door}/{form}/simple/{project}/"


@pytest.mark.parametrize(
    ("project", "owner"),
    [
        ("acme", "acme"),
        ("acme-core", "acme"),
        ("acme-core-six", "acme"),
        ("acmeology", "pypi"),
        ("six", "pypi"),
        ("my-acme", "pypi"),
    ],
)
@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_name_is_asked_of_the_index_that_owns_it_and_of_no_other(
    start: Start, project: str, owner: str, status: int
) -> None:
    answered: Any = page(project) if status == 200 else status
    upstreams = Upstreams(pypi=answered, acme=answered)
    rewriter = start(upstreams, **SEVERAL)
    for door in ("index", "intercept", "unfiltered"):
        rewriter.ask(path(project, door))
        rewriter.ask(f"/{door}/json/snapshot/2026-01-02/simple/{project}/")
    assert {name for name, _, _ in upstreams.asked} == {owner}


def test_the_first_route_that_matches_decides(start: Start) -> None:
    routes = [
        {"projects": ["acme-public"], "indexes": ["pypi"]},
        {"projects": ["acme-*"], "indexes": ["acme"]},
        PYPI_ROUTE,
    ]
    upstreams = Upstreams(pypi=page("acme-public"), acme=page("acme-public"))
    rewriter = start(upstreams, indexes=[PYPI, ACME], routes=routes)
    assert rewriter.ask(path("acme-public")).status_code == 200
    assert [name for name, _, _ in upstreams.asked] == ["pypi"]


def test_an_index_is_asked_below_its_own_url(start: Start) -> None:
    upstreams = Upstreams(pypi=404, acme=page("acme"))
    start(upstreams, **SEVERAL).ask(path("acme"))
    assert upstreams.asked == [("acme", "/pypi/simple/acme/", None)]


def test_the_files_of_two_indexes_are_one_page_by_their_priority(start: Start) -> None:
    upstreams = Upstreams(
        acme=page("both", file("both-2.zip", ACME_FILES), file("both-1.zip", ACME_FILES)),
        pypi=page("both", file("both-3.zip"), file("both-2.zip"), meta={"_last-serial": 9}),
    )
    rewriter = start(upstreams, **SEVERAL)
    response = rewriter.ask(path("both"))
    urls = {entry["filename"]: entry["url"] for entry in response.json()["files"]}
    assert urls == {
        "both-2.zip": "../../files/packages.acme.example/-/files/both-2.zip",
        "both-1.zip": "../../files/packages.acme.example/-/files/both-1.zip",
        "both-3.zip": "https://files.example/packages/both-3.zip",
    }
    assert "X-PyPI-Last-Serial" not in response.headers
    links = SimplePage(rewriter.ask(path("both", "index", "html")).text).links
    assert {link["text"]: link["href"] for link in links} == urls


@pytest.mark.parametrize("absent", ["acme", "pypi"])
@pytest.mark.parametrize("status", [404, 410])
def test_an_index_without_the_project_leaves_it_to_the_others_for_a_minute(
    start: Start, absent: str, status: int
) -> None:
    answers = {"acme": page("both", file("a-1.zip")), "pypi": page("both", file("p-1.zip"))}
    upstreams = Upstreams(**{**answers, absent: status})
    response = start(upstreams, **SEVERAL).ask(path("both"))
    (entry,) = response.json()["files"]
    assert entry["filename"] == {"acme": "p-1.zip", "pypi": "a-1.zip"}[absent]
    assert response.headers["X-Client-Cache-Control"] == "max-age=60, public"


def test_the_page_of_the_only_index_that_has_the_project_keeps_its_serial(start: Start) -> None:
    upstreams = Upstreams(acme=404, pypi=page("both", meta={"_last-serial": 9}))
    response = start(upstreams, **SEVERAL).ask(path("both", "intercept"))
    assert response.headers["X-PyPI-Last-Serial"] == "9"
    assert response.json()["meta"]["_last-serial"] == 9


@pytest.mark.parametrize("failing", ["acme", "pypi"])
@pytest.mark.parametrize("trouble", [500, 401, 429, b"<html>sign in</html>", b"{}"])
def test_an_index_that_fails_is_not_left_out(start: Start, failing: str, trouble: Any) -> None:
    answers = {"acme": page("both", file("a-1.zip")), "pypi": page("both", file("p-1.zip"))}
    response = start(Upstreams(**{**answers, failing: trouble}), **SEVERAL).ask(path("both"))
    assert response.status_code == 503
    assert response.headers["Cache-Control"] == "no-store"
    assert_is_one_sentence(response)


def test_a_project_that_no_index_has_is_not_found(start: Start) -> None:
    assert_not_found(start(Upstreams(acme=404, pypi=410), **SEVERAL).ask(path("both")))


def test_statuses_that_mean_no_such_project_do_so_for_their_index_alone(start: Start) -> None:
    rewriter = start(Upstreams(acme=403, pypi=403), **SEVERAL)
    assert_not_found(rewriter.ask(path("acme")))
    assert rewriter.ask(path("six")).status_code == 503


@pytest.mark.parametrize("door", ["index", "intercept"])
def test_another_indexs_files_lead_to_the_appliance_at_both_doors(start: Start, door: str) -> None:
    files = [
        file("acme-1.zip", ACME_FILES, hashes={"sha256": SHA256}),
        file("acme-2+cu.whl", f"{ACME_FILES}whl/"),
        file("acme-3.zip", "https://packages.acme.example/elsewhere/"),
        {**file("acme-4.zip"), "url": f"{ACME_FILES}acme-4.zip?token=1"},
        {**file("acme-5.zip"), "url": "../../../files/acme-5.zip"},
    ]
    for prefix, root in (("", "../../"), ("snapshot/2026-01-02/", "../../../../")):
        dated = [{**f, "upload-time": "2026-01-01T00:00:00Z"} for f in files]
        rewriter = start(Upstreams(acme=page("acme", *dated), pypi=404), **SEVERAL)
        response = rewriter.ask(f"/{door}/json/{prefix}simple/acme/")
        assert [entry["url"] for entry in response.json()["files"]] == [
            f"{root}files/packages.acme.example/{SHA256}/files/acme-1.zip",
            f"{root}files/packages.acme.example/-/files/whl/acme-2+cu.whl",
            "https://packages.acme.example/elsewhere/acme-3.zip",
            f"{ACME_FILES}acme-4.zip?token=1",
            f"{root}files/packages.acme.example/-/files/acme-5.zip",
        ]


def test_unfiltered_pages_say_where_files_really_are(start: Start) -> None:
    upstreams = Upstreams(acme=page("acme", file("acme-1.zip", ACME_FILES)), pypi=404)
    (entry,) = start(upstreams, **SEVERAL).ask(path("acme", "unfiltered")).json()["files"]
    assert entry["url"] == f"{ACME_FILES}acme-1.zip"


def test_a_credential_goes_to_its_own_index_and_nowhere_else(start: Start) -> None:
    sent: list[tuple[str, str | None]] = []

    def upstream(request: httpx.Request) -> httpx.Response:
        sent.append((request.url.host, request.headers.get("Authorization")))
        return scripted(404)

    rewriter = start(upstream, {"acme": AUTHORIZATION}, **SEVERAL)
    for project in ("acme", "both", "six"):
        rewriter.ask(path(project), Authorization="Basic eDp5")
    rewriter.ask("/index/pypi/both/json")
    assert {(host, value) for host, value in sent} == {
        ("packages.acme.example", AUTHORIZATION),
        ("index.example", None),
    }


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/",
        "https://packages.acme.example:8443/",
        "http://packages.acme.example/",
        "//evil.example/x",
        "https://packages.acme.example@evil.example/",
    ],
)
def test_a_redirect_takes_no_credential_away(start: Start, location: str) -> None:
    hosts: list[str] = []

    def upstream(request: httpx.Request) -> httpx.Response:
        hosts.append(str(request.url))
        return scripted(302, header={"Location": location})

    rewriter = start(upstream, {"acme": AUTHORIZATION}, **SEVERAL)
    assert rewriter.ask(path("acme")).status_code == 503
    assert hosts == ["https://packages.acme.example/pypi/simple/acme/"]


def broken(secret: str) -> Callable[[httpx.Request], httpx.Response]:
    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError(f"illegal header line: {secret}")

    return fail


@pytest.mark.parametrize("secret", [AUTHORIZATION, "ci:hunter2", "hunter2"])
def test_no_credential_is_logged_or_answered_even_if_upstream_sends_it_back(
    start: Start, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    location = f"https://evil.example/{secret}?{secret}"
    scripts = [broken(secret), lambda _: scripted(302, header={"Location": location})]
    for script in scripts:
        rewriter = start(script, {"acme": AUTHORIZATION}, **SEVERAL)
        response = rewriter.ask(path("acme"))
        assert response.status_code == 503
        for text in (response.text, str(response.headers), caplog.text):
            assert "hunter2" not in text
            assert base64.b64encode(b"ci:hunter2").decode() not in text
    assert "index upstream acme" in caplog.text


def test_of_a_redirect_elsewhere_only_the_origin_is_logged(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    target = "https://login.example:8443/session-4711?token=4711"
    start(lambda _: scripted(302, header={"Location": target})).ask(path("an-example"))
    assert "upstream pypi redirects elsewhere. To https://login.example:8443." in caplog.text
    assert "4711" not in caplog.text


PASSING: dict[str, Any] = {
    **{f"status {status}": status for status in (500, 502, 503, 504)},
    "a refused connection": httpx.ConnectError("refused"),
    "a reset": httpx.ReadError("reset"),
    "a broken pipe": httpx.WriteError("broken"),
    "a connection that closes": httpx.RemoteProtocolError("closed"),
}
LASTING: dict[str, Any] = {
    **{f"status {status}": status for status in (400, 401, 403, 429, 501)},
    "a time-out": httpx.ReadTimeout("slow"),
    "a connect time-out": httpx.ConnectTimeout("slow"),
}


def failing(
    trouble: Any, times: int
) -> tuple[Callable[[httpx.Request], httpx.Response], list[int]]:
    tries: list[int] = []

    def upstream(_: httpx.Request) -> httpx.Response:
        tries.append(1)
        if len(tries) > times:
            return scripted(body=BODY)
        if isinstance(trouble, int):
            return scripted(trouble)
        raise trouble

    return upstream, tries


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING.keys())
def test_trouble_that_may_pass_is_given_three_tries(start: Start, trouble: Any) -> None:
    upstream, tries = failing(trouble, 2)
    assert start(upstream).ask(path("an-example")).status_code == 200
    assert len(tries) == 3
    upstream, tries = failing(trouble, 3)
    assert start(upstream).ask(path("an-example")).status_code == 503
    assert len(tries) == 3


@pytest.mark.parametrize("trouble", LASTING.values(), ids=LASTING.keys())
def test_other_trouble_is_not_tried_again(start: Start, trouble: Any) -> None:
    upstream, tries = failing(trouble, 1)
    assert start(upstream).ask(path("an-example")).status_code == 503
    assert len(tries) == 1


def test_a_missing_project_is_asked_for_once(start: Start) -> None:
    rewriter = start(answer(404))
    rewriter.ask(path("an-example"))
    assert len(rewriter.asked) == 1
