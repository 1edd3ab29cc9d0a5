"""The file oracle: whether a file may be handed out, from where, and for how long that holds."""

import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unit.cellar.rewriting import Start, answer, assert_is_one_sentence, failing
from unit.cellar.several import SEVERAL, file, page
from unit.cellar.support import FILE_RULE, Upstream, hashed_path, scripted

ACME_PATH = "/files/packages.acme.example/-/files/whl/acme-2%2Bcu1-py3-none-any.whl"
ACME_URL = "https://packages.acme.example/files/whl/acme-2+cu1-py3-none-any.whl"
WHEEL = hashed_path("an_example-2-py3-none-any.whl")
PATH = f"/packages/{WHEEL}"


def rule(**changes: Any) -> dict[str, Any]:
    return {**FILE_RULE, "name": "a-rule", "answer": "refuse", "younger_than_days": 0, **changes}


def uploaded(days: float) -> dict[str, str]:
    time = datetime.now(UTC) - timedelta(days=days)
    return {"upload-time": f"{time.replace(tzinfo=None).isoformat()}Z"}


def engine(**pages: bytes | int) -> Upstream:
    """Return an engine that has some projects' unfiltered pages, and no others."""

    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.path.removeprefix("/simple/").removesuffix("/").replace("-", "_")
        found = pages.get(name, 404)
        if isinstance(found, int):
            return scripted(found)
        return scripted(body=gzip.compress(found), header={"Content-Encoding": "gzip"})

    return answer


def on_page(days: float | None = None, **more: Any) -> bytes:
    entry = {**file("an_example-2-py3-none-any.whl"), "url": f"https://files.example{PATH}", **more}
    return page("an-example", entry if days is None else {**entry, **uploaded(days)})


def max_age(response: httpx.Response) -> int:
    found = re.fullmatch(r"max-age=(\d+), public", response.headers["Cache-Control"])
    assert found
    return int(found[1])


def assert_refused(response: httpx.Response) -> None:
    assert response.status_code == 403
    assert response.headers["X-File-Answer"] == "refused"
    assert "X-File-Target" not in response.headers
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["detail"].endswith(".")
    assert response.headers["X-Cellar-Reason"] == response.json()["detail"][:200]
    assert 0 < max_age(response) <= 600


def test_without_rules_that_refuse_only_the_path_is_looked_at(start: Start) -> None:
    rewriter = start(answer(), file_rules=[rule(answer="hide")], **SEVERAL)
    response = rewriter.ask(f"/file{ACME_PATH}")
    assert response.status_code == 200
    assert response.headers["X-File-Target"] == "/files/whl/acme-2%2Bcu1-py3-none-any.whl"
    assert response.headers["Cache-Control"] == "max-age=600, public", "it may become another file"
    assert rewriter.ask(f"/file{PATH}").headers["Cache-Control"] == "max-age=2592000, public"
    assert rewriter.ask(f"/file{PATH}").headers["X-File-Target"] == PATH
    assert rewriter.asked == []
    assert rewriter.asked_of_engine == []


NOWHERE = [
    "/files/evil.example/-/a-1.zip",
    "/files/packages.acme.example/-/secret/a-1.zip",
    "/files/packages.acme.example/-/files/..%2fsecret",
    "/files/packages.acme.example/-/files/%2e%2e/secret",
    "/files/packages.acme.example/xyz/files/a-1.zip",
    "/files/packages.acme.example:8443/-/files/a-1.zip",
    "/files/packages.acme.example/-/files/%C3%A4-1.zip",
    "/files/index.example/-/simple/a/",
    "/packages/source/a/%2e%2e/a-1.zip",
    "/packages/source/a/a b-1.zip",
    "/simple/a/",
    "/",
]


@pytest.mark.parametrize("path", NOWHERE)
@pytest.mark.parametrize("rules", [[], [rule()]])
def test_a_path_that_no_page_could_link_to_is_refused(
    start: Start, path: str, rules: list[Any]
) -> None:
    rewriter = start(answer(), file_rules=rules, **SEVERAL)
    assert_refused(rewriter.ask(f"/file{path}"))
    assert rewriter.asked == []
    assert rewriter.asked_of_engine == []


@pytest.mark.parametrize("suffix", ["", ".metadata", ".asc", ".metadata.json"])
def test_a_file_is_refused_by_what_its_page_says_of_it_and_so_is_what_stands_beside_it(
    start: Start, suffix: str
) -> None:
    rules = [rule(younger_than_days=7, reason="Wait a week.")]
    pages = engine(an_example=on_page(3))
    rewriter = start(answer(), engine=pages, file_rules=rules)
    response = rewriter.ask(f"/file{PATH}{suffix}")
    assert_refused(response)
    assert "a-rule" in response.json()["detail"]
    assert "Wait a week." in response.json()["detail"]
    assert [str(r.url) for r in rewriter.asked_of_engine] == ["http://engine/simple/an-example/"]
    assert rewriter.asked == [], "pages come from the engine's cache"

    rewriter = start(answer(), engine=engine(an_example=on_page(8)), file_rules=rules)
    response = rewriter.ask(f"/file{PATH}{suffix}")
    assert response.status_code == 200
    assert response.headers["X-File-Target"] == PATH + suffix
    assert max_age(response) == 3600


def test_a_hidden_file_is_handed_out_to_whoever_has_its_url(start: Start) -> None:
    rules = [rule(answer="hide", younger_than_days=7), rule(name="other", versions="==9")]
    rewriter = start(answer(), engine=engine(an_example=on_page(3)), file_rules=rules)
    assert rewriter.ask(f"/file{PATH}").status_code == 200


def test_an_answer_holds_no_longer_than_the_verdict(start: Start) -> None:
    rules = [rule(younger_than_days=7)]
    almost = on_page(7 - 100 / 86400)
    response = start(answer(), engine=engine(an_example=almost), file_rules=rules).ask(
        f"/file{PATH}"
    )
    assert_refused(response)
    assert 90 <= max_age(response) <= 101
    allowing = [rule(answer="allow", younger_than_days=7), rule(name="else", larger_than=1)]
    response = start(answer(), engine=engine(an_example=almost), file_rules=allowing).ask(
        f"/file{PATH}"
    )
    assert response.status_code == 200
    assert 90 <= max_age(response) <= 101


@pytest.mark.parametrize("pages", [{}, {"an_example": page("an-example")}])
def test_a_file_that_no_page_lists_has_no_date_and_no_size(
    start: Start, pages: dict[str, Any]
) -> None:
    for undated, status in (("match", 403), ("skip", 200)):
        rules = [rule(younger_than_days=7, undated=undated), rule(name="large", larger_than=1)]
        rewriter = start(answer(), engine=engine(**pages), file_rules=rules)
        assert rewriter.ask(f"/file{PATH}").status_code == status


def test_size_and_version_are_what_the_page_and_the_name_say(start: Start) -> None:
    pages = engine(an_example=on_page(size=1000))
    for rules, status in (
        ([rule(larger_than=999)], 403),
        ([rule(larger_than=1000)], 200),
        ([rule(versions="==2")], 403),
        ([rule(versions="==3")], 200),
        ([rule(projects=["an-*"])], 403),
        ([rule(projects=["other"])], 200),
    ):
        rewriter = start(answer(), engine=pages, file_rules=rules)
        assert rewriter.ask(f"/file{PATH}").status_code == status


def test_the_same_name_at_another_place_is_another_file(start: Start) -> None:
    rules = [rule(younger_than_days=7)]
    rewriter = start(answer(), engine=engine(an_example=on_page(8)), file_rules=rules)
    elsewhere = f"/packages/{hashed_path('an_example-2-py3-none-any.whl', 'b')}"
    assert rewriter.ask(f"/file{PATH}").status_code == 200
    assert_refused(rewriter.ask(f"/file{elsewhere}"))


def test_another_indexs_file_is_found_on_its_page(start: Start) -> None:
    rules = [rule(younger_than_days=7)]
    for days, status in ((3, 403), (8, 200)):
        entry = {**file("acme-2+cu1-py3-none-any.whl"), "url": ACME_URL, **uploaded(days)}
        pages = engine(acme=page("acme", entry))
        rewriter = start(answer(), engine=pages, file_rules=rules, **SEVERAL)
        assert rewriter.ask(f"/file{ACME_PATH}").status_code == status


def test_a_name_that_may_be_two_projects_is_that_of_the_page_that_lists_it(start: Start) -> None:
    path = f"/packages/{hashed_path('a-1-2.zip')}"
    entry = {**file("a-1-2.zip"), "url": f"https://files.example{path}"}
    rules = [rule(projects=["a-1"])]
    for pages, status in (
        ({"a_1": page("a-1", entry), "a": page("a")}, 403),
        ({"a_1": page("a-1"), "a": page("a", entry)}, 200),
        ({}, 403),
    ):
        rewriter = start(answer(), engine=engine(**pages), file_rules=rules)
        assert rewriter.ask(f"/file{path}").status_code == status


def test_a_name_that_may_be_no_project_is_for_the_rules_of_all_projects(start: Start) -> None:
    path = f"/packages/{hashed_path('README')}"
    for rules, status in (([rule(younger_than_days=7)], 403), ([rule(projects=["a"])], 200)):
        rewriter = start(answer(), engine=engine(), file_rules=rules)
        assert rewriter.ask(f"/file{path}").status_code == status


REFUSED_PROJECTS = st.sampled_from(["a", "a-1", "an-example", "b"])
FILE_NAMES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["a-1", "a_1-2", "A.1-2-3", "an_example-2", "b-1-1-1-1-1-1", "b", "README"]),
    st.sampled_from(["", "-py3-none-any"]),
    st.sampled_from([".whl", ".zip", ".tar.gz", ".egg", ".asc", ".metadata", ""]),
)


@given(project=REFUSED_PROJECTS, filenames=st.lists(FILE_NAMES, max_size=5, unique=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_a_refused_projects_page_shows_is_refused(
    start: Start, project: str, filenames: list[str]
) -> None:
    """Whether the page of before or none is there when it is asked for."""
    entries = [
        {**file(name), "url": f"https://files.example/packages/{hashed_path(name)}"}
        for name in filenames
    ]
    listing = page(project, *entries)
    of_project = {project.replace("-", "_"): listing}
    for pages in (of_project, {}):
        rewriter = start(
            answer(body=listing), engine=engine(**pages), file_rules=[rule(projects=[project])]
        )
        for entry in rewriter.ask(f"/index/json/simple/{project}/").json()["files"]:
            assert_refused(rewriter.ask(f"/file{entry['url'].removeprefix('../..')}"))


UNAVAILABLE: dict[str, Upstream] = {
    **{f"status {status}": engine(an_example=status) for status in (301, 403, 429, 500, 503)},
    "no page": engine(an_example=b"It works!"),
    "another project's": engine(an_example=page("other")),
    "too large": engine(an_example=b" " * 1_048_577),
    "nobody there": failing(httpx.ConnectError, "refused"),
    "a time-out": failing(httpx.ReadTimeout, "slow"),
}


@pytest.mark.parametrize("pages", UNAVAILABLE.values(), ids=UNAVAILABLE.keys())
def test_without_the_page_nothing_is_known_and_nothing_remembered(
    start: Start, pages: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    response = start(answer(), engine=pages, file_rules=[rule(versions="==2")]).ask(f"/file{PATH}")
    assert response.status_code == 503
    assert response.headers["Cache-Control"] == "no-store"
    assert_is_one_sentence(response)
    (record,) = [r for r in caplog.records if r.name.startswith("cellar")]
    assert PATH in record.getMessage()


def test_a_page_with_odd_entries_lists_the_others(start: Start) -> None:
    odd = [{"filename": "x", "url": url} for url in ("", "x", "https://[", "mailto:x")]
    listed = json.loads(on_page(8))
    body = json.dumps({**listed, "files": [*odd, *listed["files"]]}).encode()
    rules = [rule(younger_than_days=7)]
    rewriter = start(answer(), engine=engine(an_example=body), file_rules=rules)
    assert rewriter.ask(f"/file{PATH}").status_code == 200
