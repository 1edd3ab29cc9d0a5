"""Pages that upstream sends as JSON: what they become behind each door."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar.index.links import Links
from cellar.index.page import PageError
from cellar.index.views import Door, Form, read_page, view
from unit.cellar.support import PAGES, SimplePage, hashed_path

BODY = (PAGES / "pypi.json").read_bytes()
URL = "https://index.example/simple/an-example/"
FILES_URL = "https://files.example/packages/"
LINKS = Links(pypi=(FILES_URL,), others=())

# What the URLs of pypi.json become behind the index door, in their order.
INDEX_DOOR_URLS = [
    f"../../packages/0a/1b/{'2' * 60}/An_Example-1.0.tar.gz",
    f"../../packages/0c/1d/{'e' * 60}/an_example-2.0-py3-none-any.whl",
    f"../../packages/ff/00/{'9' * 60}/an_example-1!3.0+local-py3-none-any.whl",
    "https://files.example/packages/source/a/an_example/an_example-0.1.zip",
    f"https://elsewhere.example/packages/aa/bb/{'c' * 60}/an_example-0.2.zip",
]


def served(body: bytes, door: Door, form: Form, url: str = URL) -> bytes:
    page = read_page(body, project="an-example", url=url)
    return view(page, door, form, links=LINKS, root="../../")


def document(*files: dict[str, Any], **more: Any) -> bytes:
    meta = {"api-version": "1.4"}
    return json.dumps({"meta": meta, "name": "an-example", "files": files, **more}).encode()


def file(url: str, **more: Any) -> dict[str, Any]:
    return {"url": url, "filename": "a-1.zip", "hashes": {}, **more}


def test_the_intercept_door_passes_upstreams_json_byte_for_byte() -> None:
    assert served(BODY, Door.INTERCEPT, Form.JSON) == BODY


def test_the_index_door_changes_the_urls_of_cached_files_and_nothing_else() -> None:
    upstream = json.loads(BODY)
    answer = json.loads(served(BODY, Door.INDEX, Form.JSON))
    assert [f["url"] for f in answer["files"]] == INDEX_DOOR_URLS
    for before, after in zip(upstream["files"], answer["files"], strict=True):
        assert list(before) == list(after), "the order of a file's keys"
        assert {**before, "url": None} == {**after, "url": None}
    assert list(upstream) == list(answer), "the order of the document's keys"
    assert {**upstream, "files": None} == {**answer, "files": None}


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
unknown = st.dictionaries(st.text().filter(lambda key: key != "url"), values, max_size=4)


@given(top=unknown, meta=unknown, entries=st.lists(unknown, max_size=3))
def test_unknown_keys_of_any_level_and_type_pass_through_the_index_door(
    top: dict[str, Any], meta: dict[str, Any], entries: list[dict[str, Any]]
) -> None:
    files = [
        {**entry, "url": f"{FILES_URL}{hashed_path('a-1.zip')}", "filename": "a-1.zip"}
        for entry in entries
    ]
    sent = {**top, "meta": meta, "name": "An.Example", "files": files}
    expected = copy.deepcopy(sent)
    for entry in expected["files"]:
        entry["url"] = f"../../packages/{hashed_path('a-1.zip')}"
    answer = served(json.dumps(sent).encode(), Door.INDEX, Form.JSON)
    # As text, because 1, 1.0 and true are equal in Python, and dicts forget their order.
    assert json.dumps(json.loads(answer)) == json.dumps(expected)


def test_relative_urls_are_resolved_against_the_pages_final_url() -> None:
    body = document(
        file(f"../../packages/{hashed_path('a-1.zip')}"),
        file("//files.example/x/a-1.zip"),
        file("a-1.zip"),
    )
    final_url = "https://files.example/mirror/an-example/"
    urls = [
        f["url"] for f in json.loads(served(body, Door.INTERCEPT, Form.JSON, final_url))["files"]
    ]
    assert urls == [
        f"https://files.example/packages/{hashed_path('a-1.zip')}",
        "https://files.example/x/a-1.zip",
        "https://files.example/mirror/an-example/a-1.zip",
    ]
    urls = [f["url"] for f in json.loads(served(body, Door.INDEX, Form.JSON, final_url))["files"]]
    assert urls[0] == f"../../packages/{hashed_path('a-1.zip')}"


WRONG = {
    "an array": b"[]",
    "text": b'"a"',
    "nothing": b"",
    "plain words": b"upstream is being maintained",
    "half an object": b'{"meta": {}, "name": "an-example", "files": [',
    "two objects": document() + document(),
    "not UTF-8": document().replace(b"an-example", b"an-ex\xffmple"),
    "no meta": b'{"name": "an-example", "files": []}',
    "meta of another type": b'{"meta": [], "name": "an-example", "files": []}',
    "no name": b'{"meta": {}, "files": []}',
    "another project": document().replace(b"an-example", b"another"),
    "no files": b'{"meta": {}, "name": "an-example"}',
    "files of another type": b'{"meta": {}, "name": "an-example", "files": {}}',
    "a file of another type": b'{"meta": {}, "name": "an-example", "files": ["a-1.zip"]}',
    "a file without URL": b'{"meta": {}, "name": "an-example", "files": [{"filename": "a"}]}',
    "a file without name": b'{"meta": {}, "name": "an-example", "files": [{"url": "a"}]}',
    "a list of projects": b'{"meta": {}, "projects": [{"name": "an-example"}]}',
    "an infinity": document(x="?").replace(b'"?"', b"-Infinity"),
    "NaN": document(x="?").replace(b'"?"', b"NaN"),
    "an endless number": document(x="?").replace(b'"?"', b"9" * 5000),
    "deep nesting": document(x="?").replace(b'"?"', b"[" * 200_000 + b"]" * 200_000),
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG.keys())
def test_json_of_another_shape_is_refused_with_one_sentence(body: bytes) -> None:
    with pytest.raises(PageError, match=r"\A[^\n]+\.\Z"):
        read_page(body, project="an-example", url=URL)


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"\r\n \t"])
def test_what_may_precede_json_does_not_hide_it(start: bytes) -> None:
    assert json.loads(served(start + BODY, Door.INDEX, Form.JSON))["name"] == "an-example"


def test_the_html_view_of_json_holds_all_that_html_can_say() -> None:
    html = served(BODY, Door.INDEX, Form.HTML).decode("ascii")
    page = SimplePage(html)
    assert page.metas == [
        ("pypi:repository-version", "1.4"),
        ("pypi:project-status", "deprecated"),
        ("pypi:project-status-reason", "use <another> & be happy"),
    ]
    assert page.comments == ["SERIAL 31415926"]
    assert page.links == [
        {
            "text": "An_Example-1.0.tar.gz",
            "href": f"{INDEX_DOOR_URLS[0]}#sha256={'1' * 64}",
            "data-yanked": 'broken <build> & "more"',
        },
        {
            "text": "an_example-2.0-py3-none-any.whl",
            "href": f"{INDEX_DOOR_URLS[1]}#sha256={'4' * 64}",
            "data-requires-python": ">=3.9,<4",
            "data-dist-info-metadata": f"sha256={'3' * 64}",
            "data-core-metadata": f"sha256={'3' * 64}",
            "data-gpg-sig": "true",
            "data-provenance": (
                "https://index.example/integrity/an-example/2.0/an_example-2.0-py3-none-any.whl/"
                "provenance"
            ),
        },
        {
            "text": "an_example-1!3.0+local-py3-none-any.whl",
            "href": INDEX_DOOR_URLS[2],
            "data-core-metadata": "true",
            "data-yanked": "",
        },
        {"text": "an_example-0.1.zip", "href": f"{INDEX_DOOR_URLS[3]}#sha512={'6' * 128}"},
        {"text": "an_example-0.2.zip", "href": f"{INDEX_DOOR_URLS[4]}#sha256={'7' * 64}"},
    ]


def test_the_intercept_doors_html_view_keeps_urls_as_upstream_wrote_them() -> None:
    links = SimplePage(served(BODY, Door.INTERCEPT, Form.HTML).decode()).links
    upstream = [f["url"] for f in json.loads(BODY)["files"]]
    assert [link["href"].partition("#")[0] for link in links] == upstream


@pytest.mark.parametrize(
    ("api_version", "html_version"),
    [
        ("1.0", "1.0"),
        ("1.4", "1.4"),
        ("1.5", "1.4"),
        ("1.12", "1.4"),
        ("1.20", "1.4"),
        ("1." + "9" * 5000, "1.4"),
        ("2.0", "2.0"),
        (None, "1.0"),
        (1.1, "1.0"),
    ],
    ids=lambda value: str(value)[:8],
)
def test_the_html_view_claims_no_version_after_the_one_that_pep_833_froze(
    api_version: object, html_version: str
) -> None:
    body = document(meta={"api-version": api_version})
    metas = dict(SimplePage(served(body, Door.INDEX, Form.HTML).decode()).metas)
    assert metas["pypi:repository-version"] == html_version


SCRIPTS = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "\x01javascript:alert(1)",
    "java\nscript:alert(1)//a-1.zip",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("url", SCRIPTS)
def test_no_link_that_a_browser_would_run_reaches_an_html_view(url: str) -> None:
    body = document(file(url), file("https://other.example/a-2.zip"))
    for door in Door:
        links = SimplePage(served(body, door, Form.HTML).decode()).links
        assert [link["href"] for link in links] == ["https://other.example/a-2.zip"]


@given(
    text=st.text(st.characters(exclude_categories=())),
    requires=st.text(min_size=1),
)
def test_no_text_of_upstream_becomes_markup(text: str, requires: str) -> None:
    entry = file(
        f"https://other.example/{text}",
        filename=f"</a><script>{text}",
        hashes={"sha256": f'"><script>{text}'},
        yanked=f"'\"><script>{text}",
        provenance=f'" onclick="{text}',
        **{"requires-python": requires, "data-x": f"<script>{text}", "data-<script>": text},
    )
    status = {"status": f'"><script>{text}', "reason": f"</title><script>{text}"}
    body = document(entry, **{"project-status": status})
    page = SimplePage(served(body, Door.INTERCEPT, Form.HTML).decode("ascii"))
    assert page.tags == {"html", "head", "meta", "title", "body", "h1", "a", "br"}
    assert len(page.links) == 1
    assert set(page.links[0]) == {
        "text", "href", "data-requires-python", "data-yanked", "data-provenance", "data-x"
    }  # fmt: skip


@pytest.mark.parametrize("hashes", [{"sha256": 12}, {"sha256": "x"}, {"sha256": ""}, {"a&b": "00"}])
def test_a_hash_that_is_none_does_not_reach_a_link(hashes: dict[str, Any]) -> None:
    body = document(file("https://other.example/a-1.zip", hashes=hashes))
    links = SimplePage(served(body, Door.INDEX, Form.HTML).decode()).links
    assert links == [{"text": "a-1.zip", "href": "https://other.example/a-1.zip"}]


def test_a_relative_url_that_is_longer_than_any_server_takes_stays_as_it_is() -> None:
    body = document(file("x" * 8192), file("x" * 8193))
    short, long = json.loads(served(body, Door.INDEX, Form.JSON))["files"]
    assert short["url"] == URL + "x" * 8192
    assert long["url"] == "x" * 8193


def test_values_of_unexpected_types_are_left_out_of_html_without_failing() -> None:
    body = document(
        file(
            "https://other.example/a-1.zip",
            hashes=["sha256"],
            yanked={"why": 1},
            provenance=7,
            **{"requires-python": 3, "core-metadata": "yes", "gpg-sig": "no"},
        ),
        **{"project-status": "active", "alternate-locations": [1, "https://b.example/"]},
    )
    page = SimplePage(served(body, Door.INDEX, Form.HTML).decode())
    assert page.links == [{"text": "a-1.zip", "href": "https://other.example/a-1.zip"}]
    assert page.metas[1:] == [("pypi:alternate-locations", "https://b.example/")]
