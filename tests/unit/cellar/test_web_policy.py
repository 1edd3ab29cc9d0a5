"""Policy in the rewriter's answers: what is hidden, what is refused, and the index of a day."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from unit.cellar.rewriting import PATHS, Start, answer, assert_is_one_sentence, assert_not_found
from unit.cellar.several import SEVERAL, Upstreams, file, page
from unit.cellar.support import FILE_RULE, SimplePage, hashed_path

OLD = "2024-02-29T23:59:59.999999Z"
NEXT = "2024-03-01T00:00:00.000000Z"
BODY = page(
    "an-example",
    file("an_example-1.zip", **{"upload-time": OLD}, size=10),
    file("an_example-2.zip", **{"upload-time": NEXT}, size=20),
    file("an_example-3.zip", size=30),
    versions=["1", "2", "3"],
)
JSON, HTML = "/index/json/simple/an-example/", "/index/html/simple/an-example/"


def rule(**changes: Any) -> dict[str, Any]:
    return {**FILE_RULE, "name": "a-rule", "younger_than_days": 0, **changes}


def names(response: httpx.Response) -> list[str]:
    assert response.status_code == 200
    if "json" in response.headers["Content-Type"]:
        return [entry["filename"] for entry in response.json()["files"]]
    return [link["text"] for link in SimplePage(response.text).links]


@pytest.mark.parametrize("kept", ["hide", "refuse"])
@pytest.mark.parametrize("path", PATHS)
def test_a_file_that_is_kept_back_is_on_no_page(start: Start, path: str, kept: str) -> None:
    rewriter = start(answer(body=BODY), file_rules=[rule(answer=kept, versions="==2")])
    assert names(rewriter.ask(path)) == ["an_example-1.zip", "an_example-3.zip"]
    assert rewriter.ask(JSON).json()["versions"] == ["1", "3"]
    unfiltered = rewriter.ask("/unfiltered/json/simple/an-example/")
    assert unfiltered.content == BODY, "which is what the oracle asks"


def test_a_page_of_which_nothing_is_kept_back_is_upstreams_bytes(start: Start) -> None:
    rewriter = start(answer(body=BODY), file_rules=[rule(versions=">9")])
    assert rewriter.ask("/intercept/json/simple/an-example/").content == BODY


def test_a_page_from_html_knows_no_upload_times_and_a_cooldown_fails_closed(start: Start) -> None:
    html = b'<title>Links for an-example</title><a href="an_example-1.zip">an_example-1.zip</a>'
    for undated, count in (("match", 0), ("skip", 1)):
        cooldown = rule(younger_than_days=7, undated=undated)
        response = start(answer(body=html), file_rules=[cooldown]).ask(JSON)
        assert len(names(response)) == count


REFUSING = rule(answer="refuse", projects=["an-*"], reason="Ask security@acme.example.")
SNAPSHOT = "/index/json/snapshot/2024-03-01/simple/an-example/"


def of_pypi(filename: str, **more: Any) -> dict[str, Any]:
    """Return an entry of PyPI's for a file that the appliance caches."""
    url = f"https://files.example/packages/{hashed_path(filename)}"
    return {**file(filename), "url": url, "upload-time": OLD, **more}


@pytest.mark.parametrize("path", [*PATHS, SNAPSHOT])
def test_the_page_of_a_refused_project_shows_files_so_that_clients_ask_and_are_told(
    start: Start, path: str
) -> None:
    listed = [of_pypi("an_example-1.zip"), of_pypi("an_example-2-py3-none-any.whl")]
    body = page("an-example", *listed, versions=["1", "2"])
    for rules in (
        [REFUSING],
        [rule(name="known", answer="allow", projects=["else"]), rule(answer="refuse")],
    ):
        rewriter = start(answer(body=body), file_rules=rules)
        assert names(rewriter.ask(path)) == [entry["filename"] for entry in listed]


@pytest.mark.parametrize("path", [*PATHS, SNAPSHOT])
def test_the_page_of_a_refused_project_shows_nothing_that_can_be_had(
    start: Start, path: str
) -> None:
    """What is hidden has a URL that works; what the appliance does not serve it cannot refuse."""
    elsewhere = "https://elsewhere.example/an_example-3.zip"
    body = page(
        "an-example",
        of_pypi("an_example-1.zip", size=5),
        of_pypi("an_example-2.zip", size=50),
        of_pypi("an_example-3.zip", url=elsewhere),
        of_pypi("an_example-4.zip", url="https://files.example/packages/an_example-4.zip"),
        of_pypi("another-5.zip"),
        of_pypi("example.zip"),
        # The appliance is asked for it by the name in the URL.
        of_pypi("an_example-6.zip", url=of_pypi("another-6.zip")["url"]),
        versions=["1", "2", "3", "4", "5", "6"],
    )
    hiding = rule(name="hiding", answer="hide", larger_than=10)
    rewriter = start(answer(body=body), file_rules=[hiding, REFUSING])
    assert names(rewriter.ask(path)) == ["an_example-1.zip"]
    assert rewriter.ask(JSON).json()["versions"] == ["1"]


def test_the_file_of_a_refused_project_on_another_index_can_be_asked_for(start: Start) -> None:
    host = "https://packages.acme.example/files/"
    body = page("acme", file("acme-2+cu1.zip", host), file("acme-3.zip", host + "%2e%2e/"))
    refusing = rule(answer="refuse", projects=["acme"])
    rewriter = start(Upstreams(acme=body), file_rules=[refusing], **SEVERAL)
    (entry,) = rewriter.ask("/index/json/simple/acme/").json()["files"]
    assert entry["url"] == "../../files/packages.acme.example/-/files/acme-2+cu1.zip"


def test_a_refused_project_that_no_index_has_is_not_found(start: Start) -> None:
    assert_not_found(start(answer(404), file_rules=[REFUSING]).ask(JSON))


def test_a_project_of_which_some_is_allowed_shows_that_alone(start: Start) -> None:
    listed = [of_pypi("an_example-1.zip"), of_pypi("an_example-2.zip")]
    allowing = rule(name="old", answer="allow", versions="<2")
    rewriter = start(
        answer(body=page("an-example", *listed)), file_rules=[allowing, rule(answer="refuse")]
    )
    assert names(rewriter.ask(JSON)) == ["an_example-1.zip"]


def test_a_hidden_project_is_not_found(start: Start) -> None:
    rewriter = start(answer(body=BODY), file_rules=[rule(answer="hide", projects=["an-example"])])
    assert_not_found(rewriter.ask(JSON))
    assert rewriter.ask("/unfiltered/json/simple/an-example/").status_code == 200


@pytest.mark.parametrize(
    ("day", "found"),
    [
        ("2024-02-28", []),
        ("2024-02-29", ["an_example-1.zip"]),
        ("2024-03-01", ["an_example-1.zip", "an_example-2.zip"]),
    ],
)
@pytest.mark.parametrize("view", ["index/json", "index/html", "intercept/json", "intercept/html"])
def test_a_snapshot_is_the_index_as_of_the_end_of_a_day(
    start: Start, day: str, found: list[str], view: str
) -> None:
    rewriter = start(answer(body=BODY))
    response = rewriter.ask(f"/{view}/snapshot/{day}/simple/an-example/")
    assert names(response) == found


def test_policy_holds_for_snapshots_too(start: Start) -> None:
    rewriter = start(answer(body=BODY), file_rules=[rule(versions="==1")])
    response = rewriter.ask("/index/json/snapshot/2024-03-01/simple/an-example/")
    assert names(response) == ["an_example-2.zip"]


def test_a_snapshot_of_today_is_there_and_one_of_tomorrow_is_not(start: Start) -> None:
    rewriter = start(answer(body=BODY))
    today = datetime.now(UTC).date()
    path = "/index/json/snapshot/{}/simple/an-example/"
    assert len(names(rewriter.ask(path.format(today)))) == 2
    response = rewriter.ask(path.format(today + timedelta(days=2)))
    assert_not_found(response)
    assert "has not come yet" in response.text


@pytest.mark.parametrize(
    "day", ["2024-02-30", "20240229", "2024-W09-4", "2024-2-29", "latest", "2024-02-29T00:00", "٢"]
)
def test_what_is_no_day_is_not_found_without_asking_upstream(start: Start, day: str) -> None:
    rewriter = start(answer(body=BODY))
    assert_not_found(rewriter.ask(f"/index/json/snapshot/{day}/simple/an-example/"))
    assert rewriter.asked == []


def test_another_spelling_of_a_name_is_redirected_within_its_snapshot(start: Start) -> None:
    response = start(answer()).ask("/index/json/snapshot/2024-02-29/simple/An_Example")
    assert response.status_code == 301
    assert response.headers["Location"] == "/snapshot/2024-02-29/simple/an-example/"


def test_a_page_in_a_browser_can_be_clicked_and_can_do_nothing_else(start: Start) -> None:
    policy = start(answer(body=BODY)).ask(HTML).headers["Content-Security-Policy"]
    directives = dict(d.strip().partition(" ")[::2] for d in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["sandbox"] == "allow-downloads"
    for name in ("base-uri", "form-action", "frame-ancestors"):
        assert directives[name] == "'none'"


ODD = [None, 5, "x", [], {}, [1], {"a": [1]}, True]


@pytest.mark.parametrize("odd", ODD)
def test_odd_values_meet_policy_without_a_traceback(start: Start, odd: object) -> None:
    keys = ("size", "upload-time", "hashes", "yanked", "requires-python", "core-metadata")
    rules = [rule(younger_than_days=7), rule(name="large", larger_than=5, kinds=["sdist"])]
    for key in (*keys, "versions"):
        entry = file("an_example-1.zip")
        more: dict[str, Any] = {}
        (entry if key in keys else more)[key] = odd
        rewriter = start(answer(body=page("an-example", entry, **more)), file_rules=rules)
        for path in (*PATHS, "/index/json/snapshot/2024-02-29/simple/an-example/"):
            assert rewriter.ask(path).status_code == 200


def test_an_index_without_pages_of_the_right_shape_is_a_503(start: Start) -> None:
    for body in (b"{}", b"[]", b'{"meta": {}, "name": "an-example", "files": [1]}', b""):
        response = start(Upstreams(pypi=body), file_rules=[rule(versions="==1")]).ask(PATHS[0])
        assert response.status_code == 503
        assert_is_one_sentence(response)
