"""Project pages: the right form, PyPI's own words, and nothing lost (promises 2 and 4)."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import pytest

from fakepypi.misbehaviour.behaviour import MIRROR
from support.door import ACCEPT, HTML, JSON
from support.fixtures import DOORS, expectations

if TYPE_CHECKING:
    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Names
    from support.door import OpenDoor

FORMS = ("json", "html")
TYPES = {"json": JSON, "v1+html": HTML, "html": "text/html; charset=utf-8"}

# A page with what PyPI writes today, what a PEP has promised, and what nobody has thought of yet.
_RICH: dict[str, Any] = {
    "zebra": [1, {"deep": None}],
    "meta": {"api-version": "1.4", "_last-serial": 4711, "tracks": ["https://x.example/simple/"]},
    "namespaces": [{"name": "demo", "owned": True}],
    "project-status": {"status": "archived", "reason": "Gone <fishing> & \u2603"},
    "versions": ["1.0", "2.0"],
}
_RICH_FILE: dict[str, Any] = {
    "yanked": 'a > b & "c" broke',
    "hashes": {"sha256": "0" * 64, "blake3": "1" * 64},
    "requires-python": ">=3.8,<4",
    "core-metadata": {"sha256": "2" * 64},
    "data-dist-info-metadata": {"sha256": "2" * 64},
    "gpg-sig": False,
    "size": 12345678901,
    "upload-time": "2026-01-01T00:00:06.123456Z",
    "provenance": None,
    "brand-new": {"a": [1.5, True, None, "\u00e4"]},
}


def rich_page(project: str, names: Names) -> dict[str, Any]:
    """Return a page with a cached file, one with odd letters, and one that is elsewhere."""
    urls = [
        f"https://{names.files}/packages/{'aa'}/{'bb'}/{'c' * 60}/{project}-1.0-py3-none-any.whl",
        f"https://{names.files}/packages/{'aa'}/{'bb'}/{'d' * 60}/{project}-1.0%2Bcu128.tar.gz",
        f"https://elsewhere.example/{project}-2.0.tar.gz",
    ]
    files = [{"filename": url.rpartition("/")[2], **_RICH_FILE, "url": url} for url in urls]
    return {**_RICH, "name": project, "files": files}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("case", expectations("negotiation"), ids=lambda case: case["who"])
def test_every_client_gets_the_form_it_asks_for(
    pages: OpenDoor, published: PublishedFile, door: str, case: dict[str, Any]
) -> None:
    """A client that gets another form than it can read finds no versions at all."""
    headers = {} if case["accept"] is None else {"Accept": case["accept"]}
    path = f"/simple/{published.project}/{case.get('query', '')}"
    answer = pages(door).ask(path, headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, TYPES[case["form"]])
    assert answer.text.lstrip().startswith("{" if case["form"] == "json" else "<!DOCTYPE html>")
    varies = {part.strip().lower() for part in answer.headers["Vary"].split(",")}
    assert varies >= {"accept"}, "a cache between us and the client would mix the forms"


def through(door: str, url: str, names: Names) -> str:
    """Return PyPI's URL of a file as a door shows it: as it is, or by a plain prefix swap."""
    upstream = f"https://{names.files}/packages/"
    if door == "intercept" or not url.startswith(upstream):
        return url
    return "../../packages/" + url.removeprefix(upstream)


@pytest.mark.parametrize("door", DOORS)
def test_json_is_upstreams_own_document_but_for_the_urls_of_cached_files(
    pages: OpenDoor, fakepypi: FakePyPI, names: Names, project: str, door: str
) -> None:
    """Unknown keys, their order, and every value: installers of next year will need them."""
    page = rich_page(project, names)
    fakepypi.publish_page(project, json.dumps(page).encode())
    expected = json.loads(json.dumps(page))
    for file in expected["files"]:
        file["url"] = through(door, file["url"], names)
    answer = pages(door).page(project)
    assert json.dumps(answer.json(), indent=1) == json.dumps(expected, indent=1)


def test_the_intercept_door_passes_json_byte_for_byte(
    pages: OpenDoor, upstream: OpenDoor, fakepypi: FakePyPI, names: Names, published: PublishedFile
) -> None:
    fakepypi.yank(published.project, published.filename, yanked='a > b & "c"')
    own = upstream(names.index).page(published.project)
    assert pages("intercept").page(published.project).content == own.content


class _Page(HTMLParser):
    """What PEP 503 gives a meaning to: anchors with all their attributes, and metas."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: list[tuple[dict[str, str | None], str]] = []
        self.metas: list[dict[str, str | None]] = []
        self._open: dict[str, str | None] | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._open = dict(attrs)
        elif tag == "meta":
            self.metas.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.anchors.append((self._open, data))
            self._open = None


@pytest.mark.parametrize("door", DOORS)
def test_html_says_what_upstreams_html_says_but_for_the_urls_of_cached_files(
    pages: OpenDoor,
    upstream: OpenDoor,
    fakepypi: FakePyPI,
    names: Names,
    project: str,
    door: str,
) -> None:
    """The appliance asks for JSON only; its HTML must be what PyPI would have written."""
    fakepypi.publish(project, "1.0", provenance={"version": 1}, yanked='a > b & "c"')
    fakepypi.publish(project, "1.1", requires_python=None, core_metadata=False)
    fakepypi.publish(project, "1!2.0+local.1", requires_python=">=3.8,<4", yanked=True)
    fakepypi.set_status(project, "archived", 'no & "more"')
    own = upstream(names.index).ask(f"/simple/{project}/", {"Accept": "text/html"})
    expected, got = _Page(own.text), _Page(pages(door).page(project, "html").text)
    for attributes, _ in expected.anchors:
        attributes["href"] = through(door, str(attributes["href"]), names)
    assert len(expected.anchors) == 3
    assert got.anchors == expected.anchors
    assert sorted(map(str, got.metas)) == sorted(map(str, expected.metas))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("door", DOORS)
def test_a_plain_mirror_as_upstream_serves_every_client(
    pages: OpenDoor,
    fakepypi: FakePyPI,
    names: Names,
    published: PublishedFile,
    door: str,
    form: str,
) -> None:
    """Its HTML, without ETag and Cache-Control, must do for clients that need JSON."""
    project = published.project
    with fakepypi.behaving("index", f"/simple/{project}/", **MIRROR):
        answer = pages(door).page(project, form)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, TYPES[form])
    assert answer.headers["ETag"]
    url = through(door, f"https://{names.files}{published.path}", names)
    if form == "json":
        (file,) = answer.json()["files"]
        assert (file["filename"], file["url"]) == (published.filename, url)
        assert file["hashes"] == {"sha256": published.sha256}
    else:
        ((attributes, text),) = _Page(answer.text).anchors
        assert (text, attributes["href"]) == (
            published.filename,
            f"{url}#sha256={published.sha256}",
        )


@pytest.mark.parametrize(
    ("form", "label"),
    [("json", "text/html"), ("html", JSON), ("json", "application/octet-stream"), ("html", "")],
)
def test_what_a_page_is_decides_and_not_what_upstream_calls_it(
    pages: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, form: str, label: str
) -> None:
    path = f"/simple/{published.project}/"
    with fakepypi.behaving("index", path, form=form, headers={"Content-Type": label}):
        answer = pages("index").page(published.project)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, JSON)
    assert [file["filename"] for file in answer.json()["files"]] == [published.filename]


@pytest.mark.parametrize("encoding", ["gzip, deflate", "identity"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("door", DOORS)
def test_a_page_that_a_client_has_is_not_sent_again(
    pages: OpenDoor, published: PublishedFile, door: str, form: str, encoding: str
) -> None:
    """Installers with a cache ask with If-None-Match once its ten minutes are over."""
    headers = {"Accept-Encoding": encoding}
    first = pages(door).page(published.project, form, headers)
    headers["If-None-Match"] = first.headers["ETag"]
    again = pages(door).page(published.project, form, headers)
    assert (again.status_code, again.content) == (304, b"")
    tags = [answer.headers["ETag"].removeprefix("W/") for answer in (first, again)]
    assert tags[0] == tags[1]  # whether weak or strong is for the encoding to say
    headers["If-None-Match"] = '"another"'
    assert pages(door).page(published.project, form, headers).content == first.content


def test_each_door_and_form_has_an_etag_of_its_own(
    pages: OpenDoor, published: PublishedFile
) -> None:
    """An ETag of one document that matches another one would be a 304 for the wrong bytes."""
    answers = [pages(door).page(published.project, form) for door in DOORS for form in FORMS]
    assert len({answer.headers["ETag"].removeprefix("W/") for answer in answers}) == 4


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("door", DOORS)
def test_clients_with_and_without_gzip_get_the_same_document(
    pages: OpenDoor, published: PublishedFile, door: str, form: str
) -> None:
    packed = pages(door).page(published.project, form)
    plain = pages(door).page(published.project, form, {"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert plain.content == packed.content


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("door", DOORS)
def test_the_serial_passes(
    pages: OpenDoor,
    upstream: OpenDoor,
    names: Names,
    published: PublishedFile,
    door: str,
    form: str,
) -> None:
    """Mirror tools compare it with the one that they were told to wait for."""
    own = upstream(names.index).page(published.project, form)
    answer = pages(door).page(published.project, form)
    assert answer.headers["X-PyPI-Last-Serial"] == own.headers["X-PyPI-Last-Serial"]


@pytest.mark.parametrize("written", ["{Upper}", "{dotted}", "{canonical}", "{Upper}/", "{dotted}/"])
@pytest.mark.parametrize("door", DOORS)
def test_every_spelling_of_a_name_leads_to_its_page_at_the_same_door(
    pages: OpenDoor, fakepypi: FakePyPI, project: str, door: str, written: str
) -> None:
    """PEP 503: names are compared normalised, and a missing slash is added."""
    name = f"a-{project}"
    fakepypi.publish(name, "1.0")
    spellings = {"Upper": f"A_{project.upper()}", "dotted": f"a.-_{project}", "canonical": name}
    answer = pages(door).ask("/simple/" + written.format_map(spellings), {"Accept": JSON})
    assert (answer.status_code, answer.headers["Location"]) == (301, f"/simple/{name}/")
    fakepypi.withdraw(name)


@pytest.mark.parametrize("path", ["/simple//{}/", "//simple/{}/", "/simple/{}//"])
def test_doubled_slashes_count_once(pages: OpenDoor, published: PublishedFile, path: str) -> None:
    """pipenv asks so when its mirror's URL ends with a slash."""
    answer = pages("index").ask(path.format(published.project), {"Accept": JSON})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, JSON)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("door", DOORS)
def test_an_unknown_project_is_a_404_with_a_sentence(
    pages: OpenDoor, project: str, door: str, form: str
) -> None:
    """An installer goes on to its next index on 404, and on nothing else."""
    answer = pages(door).page(project, form)
    assert answer.status_code == 404
    assert re.fullmatch(rf"[A-Z].*{project}.*\.\n", answer.text)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("door", DOORS)
def test_pages_are_only_read(
    pages: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, door: str, method: str
) -> None:
    """And the client is told what it may do instead (RFC 9110 section 15.5.6)."""
    path = f"/simple/{published.project}/"
    answer = pages(door).ask(path, method=method, body=b"x")
    assert answer.status_code == 405
    assert answer.headers.get("Allow") == "GET, HEAD"
    assert fakepypi.totals(path=path).requests == 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("door", DOORS)
def test_head_tells_what_get_would(
    pages: OpenDoor, published: PublishedFile, door: str, form: str
) -> None:
    headers = {"Accept": ACCEPT[form], "Accept-Encoding": "gzip"}
    path = f"/simple/{published.project}/"
    cold = pages(door).ask(path, headers, method="HEAD")
    assert (cold.status_code, cold.content) == (200, b"")
    head = pages(door).ask(path, headers, method="HEAD")
    get = pages(door).ask(path, headers)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Type", "ETag", "Cache-Control", "X-PyPI-Last-Serial"):
        assert head.headers[name] == get.headers[name]
    assert "Date" in head.headers, "pip stores no answer without one"


@pytest.mark.parametrize("door", DOORS)
def test_html_that_upstream_wrote_can_do_nothing_in_a_browser(
    pages: OpenDoor, published: PublishedFile, door: str
) -> None:
    for _ in range(2):
        answer = pages(door).page(published.project, "html")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


DAYS = {"2026-01-01": [], "2026-01-31": ["1.0"], "2026-02-01": ["1.0", "2.0"]}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("door", DOORS)
def test_a_snapshot_is_the_index_as_of_the_end_of_a_day(
    pages: OpenDoor, fakepypi: FakePyPI, names: Names, project: str, door: str, form: str
) -> None:
    """In UTC; and its files are those of the index, found by links that lead to the same door."""
    times = {"1.0": "2026-01-31T23:59:59.999999Z", "2.0": "2026-02-01T00:00:00Z"}
    paths = {
        fakepypi.publish(project, version, upload_time=moment).path: version
        for version, moment in times.items()
    }
    for day, versions in DAYS.items():
        path = f"/snapshot/{day}/simple/{project}/"
        answers = [pages(door).ask(path, {"Accept": ACCEPT[form]}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].headers["Content-Type"] == TYPES[form]
        assert answers[1].headers["X-Cache"] == "HIT"
        urls = (
            [file["url"] for file in answers[0].json()["files"]]
            if form == "json"
            else [str(a["href"]).partition("#")[0] for a, _ in _Page(answers[0].text).anchors]
        )
        page = f"https://{pages(door).name}{path}"
        host = names.files if door == "intercept" else pages(door).name
        offered = [urljoin(page, url).removeprefix(f"https://{host}") for url in urls]
        assert [paths[file] for file in offered] == versions
    assert fakepypi.totals(path=f"/simple/{project}/").requests == len(DAYS)


@pytest.mark.parametrize("written", ["{Upper}", "{canonical}", "{Upper}/"])
@pytest.mark.parametrize("door", DOORS)
def test_every_spelling_leads_to_the_page_in_the_same_snapshot(
    pages: OpenDoor, published: PublishedFile, door: str, written: str
) -> None:
    name = published.project
    spelling = written.format(Upper=name.upper(), canonical=name)
    answer = pages(door).ask(f"/snapshot/2026-01-31/simple/{spelling}")
    location = f"/snapshot/2026-01-31/simple/{name}/"
    assert (answer.status_code, answer.headers["Location"]) == (301, location)


@pytest.mark.parametrize("day", ["9999-12-31", "2026-02-30", "2026-13-01"])
@pytest.mark.parametrize("door", DOORS)
def test_there_is_no_index_of_a_day_that_is_none_or_has_not_come(
    pages: OpenDoor, published: PublishedFile, door: str, day: str
) -> None:
    answer = pages(door).ask(f"/snapshot/{day}/simple/{published.project}/")
    assert answer.status_code == 404
    assert re.fullmatch(r"[A-Z].*\.\n", answer.text)
