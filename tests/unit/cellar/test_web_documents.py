"""PyPI's own documents in the rewriter's answers: the JSON API and provenance."""

import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from unit.cellar.rewriting import Start, answer, assert_is_one_sentence, assert_not_found
from unit.cellar.several import SEVERAL, Upstreams, tagged
from unit.cellar.support import FILE_RULE, hashed_path

DOORS = ("index", "intercept")
PROVENANCE = "integrity/an-example/2/an_example-2-py3-none-any.whl/provenance"
OLD = "2024-02-29T23:59:59.999999Z"


def entry(filename: str, uploaded: str = OLD, **more: Any) -> dict[str, Any]:
    url = f"https://files.example/packages/{filename}"
    return {
        "filename": filename, "size": 10, "upload_time_iso_8601": uploaded, "url": url, **more
    }  # fmt: skip


YOUNG = (datetime.now(UTC) - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
ONE, TWO = entry("an_example-1.zip"), entry("an_example-2.zip", YOUNG)
WHEEL = entry("an_example-2-py3-none-any.whl", YOUNG)
DOCUMENT: dict[str, Any] = {
    "info": {"name": "An.Example", "version": "2", "note": "Käse"},
    "last_serial": 77,
    "releases": {"0": [], "1": [ONE], "2": [TWO, WHEEL]},
    "urls": [TWO, WHEEL],
    "vulnerabilities": [],
}
# As no JSON library would write it.
BODY = json.dumps(DOCUMENT, indent=3, ensure_ascii=False).encode()


def rule(**changes: Any) -> dict[str, Any]:
    return {**FILE_RULE, "name": "a-rule", "younger_than_days": 0, **changes}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("rules", [[], [rule(versions=">9")]])
def test_the_json_api_passes_byte_for_byte_if_nothing_is_kept_back(
    start: Start, door: str, rules: list[Any]
) -> None:
    rewriter = start(answer(body=BODY), file_rules=rules)
    for rest in ("", "/2", "/1!2.0+local.1"):
        response = rewriter.ask(f"/{door}/pypi/an-example{rest}/json")
        assert response.status_code == 200
        assert response.content == BODY
        header = dict(response.headers)
        assert len(header.pop("etag")) < 128
        assert int(header.pop("content-length")) > 0
        assert header == {
            "content-type": "application/json",
            "content-encoding": "gzip",
            "cache-control": "max-age=300, stale-while-revalidate=300, public",
            "x-client-cache-control": "max-age=600, public",
            "vary": "Accept, Accept-Encoding",
            "x-pypi-last-serial": "77",
            "x-upstream-bytes": str(len(BODY)),
        }
    assert [request.url.raw_path.decode() for request in rewriter.asked] == [
        "/pypi/an-example/json",
        "/pypi/an-example/2/json",
        "/pypi/an-example/1!2.0+local.1/json",
    ]
    assert {request.headers["Accept"] for request in rewriter.asked} == {"application/json"}


def test_files_that_are_kept_back_are_in_no_list_of_the_json_api(start: Start) -> None:
    rewriter = start(answer(body=BODY), file_rules=[rule(kinds=["sdist"], versions="==2")])
    found = rewriter.ask("/index/pypi/an-example/json").json()
    assert found == {
        **DOCUMENT,
        "releases": {"0": [], "1": [ONE], "2": [WHEEL]},
        "urls": [WHEEL],
    }
    assert list(found) == list(DOCUMENT)


def test_a_release_of_which_all_is_kept_back_is_left_out_until_it_is_old_enough(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    cooldown = rule(younger_than_days=7, answer="refuse")
    rewriter = start(Upstreams(pypi=tagged(BODY, '"x"')), file_rules=[cooldown])
    path = "/index/pypi/an-example/json"
    first = rewriter.ask(path)
    assert first.json()["releases"] == {"0": [], "1": [ONE]}
    assert first.json()["urls"] == []
    known = {"If-None-Match": first.headers["ETag"]}
    assert rewriter.ask(path, **known).status_code == 304
    later = (datetime.now(UTC) + timedelta(days=5)).timestamp()
    monkeypatch.setattr("cellar.web.serving.time.time", lambda: later)
    assert rewriter.ask(path, **known).content == BODY


def test_a_project_that_is_kept_back_has_no_document(start: Start) -> None:
    cases = [("hide", "index", 404), ("hide", "intercept", 404), ("refuse", "index", 403)]
    for kept, door, status in cases:
        rewriter = start(answer(body=BODY), file_rules=[rule(answer=kept, projects=["an-*"])])
        assert rewriter.ask(f"/{door}/pypi/an-example/json").status_code == status
        assert rewriter.ask(f"/{door}/pypi/an-example/1/json").status_code == status
        assert rewriter.asked == []


def test_where_pypis_file_urls_are_refused_a_refused_projects_document_shows_them(
    start: Start,
) -> None:
    """Poetry asks for it first, and shows no more of a 403 than that there is no such project."""
    url = f"https://files.example/packages/{hashed_path('an_example-3.zip')}"
    refused = {**entry("an_example-3.zip"), "url": url}
    odd = [{**refused, "url": value} for value in (None, 5, ["x"], "https://[")]
    body = json.dumps({**DOCUMENT, "releases": {"3": [refused, ONE]}, "urls": [*odd, refused]})
    refusing = rule(answer="refuse", projects=["an-example"])
    rewriter = start(answer(body=body.encode()), file_rules=[refusing])
    for path in ("an-example/json", "an-example/3/json"):
        found = rewriter.ask(f"/intercept/pypi/{path}").json()
        assert (found["releases"], found["urls"]) == ({"3": [refused]}, [refused])


def test_a_refusal_has_its_sentence_for_pip_for_uv_and_for_people(start: Start) -> None:
    refusing = rule(answer="refuse", projects=["an-*"], reason="Ask security@acme.example.")
    response = start(answer(body=BODY), file_rules=[refusing]).ask("/index/pypi/an-example/json")
    problem = response.json()
    assert response.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == 403
    assert "a-rule" in problem["detail"]
    assert "Ask security@acme.example." in problem["detail"]
    # pip shows the reason phrase; the worker makes it one of this.
    reason = response.headers["X-Cellar-Reason"]
    assert reason == problem["detail"][:200]
    assert re.fullmatch(r"[ -~]{1,200}", reason)
    assert response.headers["Cache-Control"] == "max-age=60, public"


@pytest.mark.parametrize("door", DOORS)
def test_provenance_passes_byte_for_byte_also_that_of_a_refused_file(
    start: Start, door: str
) -> None:
    body = b'{ "version": 1, "attestation_bundles": [] }'
    refusing = rule(answer="refuse", versions="==2")
    rewriter = start(answer(body=body), file_rules=[refusing])
    response = rewriter.ask(f"/{door}/{PROVENANCE}")
    assert response.status_code == 200
    assert response.content == body
    assert response.headers["Content-Type"] == "application/vnd.pypi.integrity.v1+json"
    (request,) = rewriter.asked
    assert str(request.url) == f"https://index.example/{PROVENANCE}"
    assert request.headers["Accept"] == "application/vnd.pypi.integrity.v1+json"


PATHS = ["pypi/{}/json", "pypi/{}/2/json", "integrity/{}/2/a-2.zip/provenance"]


@pytest.mark.parametrize("path", PATHS)
def test_documents_of_another_indexs_project_are_not_asked_of_pypi(start: Start, path: str) -> None:
    upstreams = Upstreams(pypi=BODY, acme=BODY)
    rewriter = start(upstreams, **SEVERAL)
    assert_not_found(rewriter.ask("/index/" + path.format("acme-core")))
    assert upstreams.asked == []
    rewriter.ask("/index/" + path.format("both"))
    assert [name for name, _, _ in upstreams.asked] == ["pypi"]


@pytest.mark.parametrize("path", PATHS)
def test_a_document_that_pypi_does_not_have_is_not_found_for_a_minute(
    start: Start, path: str
) -> None:
    assert_not_found(start(answer(404)).ask("/index/" + path.format("an-example")))


@pytest.mark.parametrize("path", PATHS)
def test_another_spelling_of_a_path_is_redirected(start: Start, path: str) -> None:
    rewriter = start(answer())
    for door in DOORS:
        for spelling in (path.format("An_Example"), path.format("an-example") + "/"):
            response = rewriter.ask(f"/{door}/{spelling}")
            assert response.status_code == 301
            assert response.headers["Location"] == "/" + path.format("an-example")
    assert rewriter.asked == []


NO_DOCUMENTS = [
    "/index/pypi/-/json",
    "/index/pypi/an-example/..%2f..%2fx/json",
    "/index/pypi/an-example/%2e%2e/json",
    "/index/pypi/an-example/2%3fx/json",
    "/index/pypi/an-example/2%0d%0aX:1/json",
    "/index/pypi/an-example/json//",
    "/unfiltered/pypi/an-example/json",
    "/index/integrity/an-example/2/..%2fx/provenance",
    "/index/integrity/an-example/2/a%20b.zip/provenance",
    "/index/integrity/an-example/2/a.zip/attestation",
]


@pytest.mark.parametrize("path", NO_DOCUMENTS)
def test_what_is_no_document_is_not_found_without_asking_upstream(start: Start, path: str) -> None:
    rewriter = start(answer(body=BODY))
    assert_not_found(rewriter.ask(path))
    assert rewriter.asked == []


def replaced(**changes: Any) -> bytes:
    return json.dumps({**DOCUMENT, **changes}).encode()


WRONG = {
    "HTML": b"<!DOCTYPE html><title>Sign in</title>",
    "another object": b"{}",
    "a list": b"[]",
    "half of it": BODY[:99],
    "deep nesting": b'{"a":' * 100_000,
    "another project's": replaced(info={"name": "other"}),
    "no name": replaced(info=None),
    "urls that are none": replaced(urls={"a": 1}),
    "releases that are none": replaced(releases=[1]),
    "a release that is none": replaced(releases={"1": None}),
    "files that are none": replaced(urls=["x"]),
    "NaN": BODY.replace(b"77", b"NaN"),
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("path", ["pypi/an-example/json", PROVENANCE])
def test_what_is_no_such_document_is_a_503(start: Start, body: bytes, path: str) -> None:
    response = start(answer(body=body), file_rules=[rule(versions="==2")]).ask(f"/index/{path}")
    assert response.status_code == 503
    assert response.headers["Cache-Control"] == "no-store"
    assert_is_one_sentence(response)


@pytest.mark.parametrize("odd", [None, 5, "x", [], {}, True])
def test_odd_values_of_a_file_meet_policy_without_a_traceback(start: Start, odd: object) -> None:
    rules = [rule(younger_than_days=7), rule(name="large", larger_than=5, kinds=["sdist"])]
    for key in ("filename", "size", "upload_time_iso_8601", "url"):
        body = replaced(urls=[{**ONE, key: odd}])
        response = start(answer(body=body), file_rules=rules).ask("/index/pypi/an-example/json")
        assert response.status_code == 200


def test_an_older_document_is_never_served_after_a_newer_one(start: Start) -> None:
    path = "/index/pypi/an-example/json"
    known = {"If-None-Match": start(answer(body=BODY)).ask(path).headers["ETag"]}
    assert start(answer(body=replaced(last_serial=76))).ask(path, **known).status_code == 503
    assert start(answer(body=replaced(last_serial=78))).ask(path, **known).status_code == 200


def test_documents_are_compressed_into_bytes_that_do_not_depend_on_the_time(start: Start) -> None:
    sent = start(answer(body=BODY)).wire("/index/pypi/an-example/json")
    assert gzip.decompress(sent) == BODY
    assert sent[4:8] == bytes(4)


def test_trouble_of_upstream_is_a_503(start: Start) -> None:
    for status in (403, 406, 429, 500):
        response = start(answer(status)).ask(f"/index/{PROVENANCE}")
        assert response.status_code == 503
