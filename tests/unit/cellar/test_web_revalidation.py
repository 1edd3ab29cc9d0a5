"""What a page costs that has not changed: the engine's own tag is asked upstream with."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from unit.cellar.rewriting import PATHS, Start, answer, assert_is_one_sentence
from unit.cellar.several import SEVERAL, Upstreams, file, page, tagged
from unit.cellar.support import FILE_RULE, Rewriter

PATH = PATHS[0]
ETAG = '"dXBzdHJlYW0.x/y+z="'


def dated(days: float) -> Any:
    """Return a file that has been uploaded that many days ago."""
    time = datetime.now(UTC) - timedelta(days=days)
    name = f"an_example-{days}.zip"
    return file(name, **{"upload-time": f"{time.replace(tzinfo=None).isoformat()}Z"})


BODY = page("an-example", dated(3), dated(30), meta={"_last-serial": 50})


def again(rewriter: Rewriter, response: httpx.Response, path: str = PATH) -> httpx.Response:
    """Ask as the engine does for a page that it has."""
    return rewriter.ask(path, **{"If-None-Match": response.headers["ETag"]})


@pytest.mark.parametrize("etag", [ETAG, f"W/{ETAG}"])
@pytest.mark.parametrize("path", PATHS)
def test_a_page_that_is_unchanged_upstream_costs_one_304(
    start: Start, path: str, etag: str
) -> None:
    upstreams = Upstreams(pypi=tagged(BODY, etag, Cache_Control="max-age=600, public"))
    rewriter = start(upstreams)
    first = rewriter.ask(path)
    assert first.headers["ETag"].startswith("W/") == etag.startswith("W/")
    second = again(rewriter, first, path)
    assert second.status_code == 304
    assert second.content == b""
    assert [condition for _, _, condition in upstreams.asked] == [None, etag]
    kept = ("ETag", "Cache-Control", "X-Client-Cache-Control", "Vary")
    assert {n: second.headers[n] for n in kept} == {n: first.headers[n] for n in kept}


def test_the_freshness_of_a_304_is_its_own(start: Start) -> None:
    rewriter = start(Upstreams(pypi=tagged(BODY, ETAG)))
    first = rewriter.ask(PATH)
    aged = start(Upstreams(pypi=tagged(BODY, ETAG, Cache_Control="max-age=600", Age="500")))
    assert again(aged, first).headers["X-Client-Cache-Control"] == "max-age=100, public"


def test_a_page_that_has_changed_is_sent_whole(start: Start) -> None:
    first = start(Upstreams(pypi=tagged(BODY, ETAG))).ask(PATH)
    newer = page("an-example", meta={"_last-serial": 51})
    response = again(start(Upstreams(pypi=tagged(newer, '"new"'))), first)
    assert response.status_code == 200
    assert response.json()["meta"]["_last-serial"] == 51
    assert response.headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize("path", PATHS)
def test_without_an_etag_of_upstream_an_unchanged_page_is_still_a_304(
    start: Start, path: str
) -> None:
    upstreams = Upstreams(pypi=BODY)
    rewriter = start(upstreams)
    first = rewriter.ask(path)
    assert again(rewriter, first, path).status_code == 304
    upstreams.answers["pypi"] = BODY.replace(b"_example-30", b"_example-31")
    assert again(rewriter, first, path).status_code == 200
    assert {condition for _, _, condition in upstreams.asked} == {None}


def test_an_etag_too_long_for_the_engine_is_replaced_by_a_digest(start: Start) -> None:
    rewriter = start(Upstreams(pypi=tagged(BODY, f'"{"x" * 200}"')))
    first = rewriter.ask(PATH)
    assert len(first.headers["ETag"]) <= 128
    assert again(rewriter, first).status_code == 304


@pytest.mark.parametrize(
    "sent",
    ["*", ETAG, '"abc"', "garbage", '"0123abcd-3jx.-.xxxx:5:sabc"', '"' + "x" * 5000 + '"'],
)
def test_an_entity_tag_that_is_not_ours_is_ignored(start: Start, sent: str) -> None:
    upstreams = Upstreams(pypi=tagged(BODY, ETAG))
    response = start(upstreams).ask(PATH, **{"If-None-Match": sent})
    assert response.status_code == 200
    assert upstreams.asked == [("pypi", "/simple/an-example/", None)]


@pytest.mark.parametrize(
    "changes",
    [
        {"pages": {"revision": "0123abce"}},
        {"routes": [{"projects": ["*"], "indexes": ["acme", "pypi"]}, *SEVERAL["routes"][2:]]},
    ],
)
def test_changed_settings_are_never_answered_with_a_304(
    start: Start, changes: dict[str, Any]
) -> None:
    upstreams = Upstreams(pypi=tagged(BODY, ETAG), acme=404)
    first = start(upstreams, **SEVERAL).ask(PATH)
    upstreams.asked.clear()
    response = again(start(upstreams, **{**SEVERAL, **changes}), first)
    assert response.status_code == 200
    assert {condition for _, _, condition in upstreams.asked} == {None}


def test_a_tag_of_one_view_is_no_other_views(start: Start) -> None:
    rewriter = start(Upstreams(pypi=tagged(BODY, ETAG)))
    paths = [*PATHS, "/unfiltered/json/simple/an-example/"]
    answers = {path: rewriter.ask(path) for path in paths}
    for asked in paths:
        for path, response in answers.items():
            expected = 304 if path == asked else 200
            assert again(rewriter, response, asked).status_code == expected


COOLDOWN = {**FILE_RULE, "younger_than_days": 7}


def test_a_page_that_policy_changes_by_itself_is_asked_for_whole_from_then_on(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Dated here, and not when the test was collected.
    body = page("an-example", dated(3), dated(30), meta={"_last-serial": 50})
    upstreams = Upstreams(pypi=tagged(body, ETAG, Cache_Control="max-age=600, public"))
    rewriter = start(upstreams, file_rules=[COOLDOWN])
    first = rewriter.ask(PATH)
    assert [entry["filename"] for entry in first.json()["files"]] == ["an_example-30.zip"]
    assert first.headers["X-Client-Cache-Control"] == "max-age=600, public"
    assert again(rewriter, first).status_code == 304

    now = (datetime.now(UTC) + timedelta(days=4)).timestamp()
    monkeypatch.setattr("cellar.web.serving.time.time", lambda: now - 100)
    assert again(rewriter, first).headers["X-Client-Cache-Control"] != "max-age=600, public"
    assert again(rewriter, first).status_code == 304
    monkeypatch.setattr("cellar.web.serving.time.time", lambda: now + 2)
    last = again(rewriter, first)
    assert last.status_code == 200
    assert len(last.json()["files"]) == 2
    assert upstreams.asked[-1][2] is None
    assert last.headers["X-Client-Cache-Control"] == "max-age=600, public"


def test_an_older_serial_is_never_served_after_a_newer_one(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    first = start(Upstreams(pypi=tagged(BODY, ETAG))).ask(PATH)
    for changes in ({}, {"pages": {"revision": "ffffffff"}}):
        older = page("an-example", meta={"_last-serial": 49})
        response = again(start(Upstreams(pypi=tagged(older, '"old"')), **changes), first)
        assert response.status_code == 503
        assert response.headers["Cache-Control"] == "no-store"
        assert_is_one_sentence(response)
    assert "serial is 49, after 50" in caplog.text
    same = page("an-example", dated(1), meta={"_last-serial": 50})
    assert again(start(Upstreams(pypi=tagged(same, '"new"'))), first).status_code == 200
    none = page("an-example")
    assert again(start(Upstreams(pypi=tagged(none, '"new"'))), first).status_code == 200


def test_the_serials_of_a_merged_page_are_kept_apart(start: Start) -> None:
    def both(acme: int, pypi: int) -> Rewriter:
        serials = {"acme": acme, "pypi": pypi}
        answers = {n: page("both", meta={"_last-serial": s}) for n, s in serials.items()}
        return start(Upstreams(**answers), **SEVERAL)

    path = "/index/json/simple/both/"
    first = both(5, 900).ask(path)
    assert again(both(6, 900), first, path).status_code == 200
    assert again(both(4, 901), first, path).status_code == 503
    assert again(both(5, 899), first, path).status_code == 503


def test_a_merged_page_is_a_304_only_if_no_index_has_changed(start: Start) -> None:
    path = "/index/json/simple/both/"
    upstreams = Upstreams(
        acme=tagged(page("both", file("a-1.zip")), '"a1"'),
        pypi=tagged(page("both", file("p-1.zip")), '"p1"'),
    )
    rewriter = start(upstreams, **SEVERAL)
    first = rewriter.ask(path)
    upstreams.asked.clear()
    assert again(rewriter, first, path).status_code == 304
    assert {(name, condition) for name, _, condition in upstreams.asked} == {
        ("acme", '"a1"'),
        ("pypi", '"p1"'),
    }
    upstreams.answers["pypi"] = tagged(page("both", file("p-2.zip")), '"p2"')
    response = again(rewriter, first, path)
    assert [entry["filename"] for entry in response.json()["files"]] == ["a-1.zip", "p-2.zip"]
    upstreams.answers["acme"] = 404
    response = again(rewriter, response, path)
    assert [entry["filename"] for entry in response.json()["files"]] == ["p-2.zip"]
    assert again(rewriter, response, path).status_code == 304
    upstreams.answers["acme"] = page("both", file("a-2.zip"))
    assert len(again(rewriter, response, path).json()["files"]) == 2


def test_a_304_that_nobody_asked_for_is_trouble(start: Start) -> None:
    assert start(answer(304)).ask(PATH).status_code == 503
