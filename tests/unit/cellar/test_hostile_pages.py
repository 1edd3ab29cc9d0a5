"""Whatever bytes upstream sends: a page or one sentence, in bounded time and memory."""

import json
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cellar.index.html_writer import write_html
from cellar.index.json_form import Number, read_json, write_json
from cellar.index.page import LONGEST_URL, PageError
from cellar.index.views import read_page
from fuzz import corpus
from fuzz.invariants import PROJECT, URL, check
from unit.cellar.support import PAGES

KEPT = corpus.load()


def test_what_the_fuzzer_found_breaks_no_promise() -> None:
    """One test for all of them: there are hundreds, and each has its name in what it raises."""
    assert len(KEPT) > 100
    for name, data in KEPT.items():
        try:
            check(data)
        except Exception as error:
            error.add_note(f"The input is {name} of tests/fuzz/corpus.txt.")
            raise


@pytest.mark.parametrize("name", [n for n in KEPT if not n.startswith("found-")])
def test_an_input_that_was_made_for_it_is_no_trouble(name: str) -> None:
    check(KEPT[name])


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.*")), ids=lambda path: path.name)
def test_a_page_that_stops_anywhere_breaks_no_promise(path: Path) -> None:
    body = path.read_bytes()
    for end in range(0, len(body), 97):
        check(body[:end])


MARKUP = [
    "<a href=", "<a href='", '<a href="', "<a ", "</a>", "</a", ">", "/>", "<", "</", "<!--",
    "-->", "--!>", "<!", "<?", "<![CDATA[", "]]>", "<script>", "</script>", "<title>",
    "</title>", "<br>", "<base href=", "<meta name=", " content=", "pypi:project-status",
    "pypi:repository-version", "pypi:tracks", "'", '"', "=", " ", "\n", "\r\n", "\t", "\x0c",
    "&", "&amp;", "&#38", "&#x26;", "&lt", "&#0;", "&#128;", "&#xD800;", ";",
    "an_example-1.zip", "an_example-2.0%2Bcu128.whl", "%2F", "../", "//", "https://",
    "javascript:", "[", "#", "?", "#sha256=00", "&sha256=00", "data-yanked", "data-yanked=",
    "data-requires-python=", "data-core-metadata=sha256=00", "data-X=", "SERIAL 5",
    "Links for x", "é",
]  # fmt: skip


@given(st.lists(st.sampled_from(MARKUP) | st.text(max_size=3), max_size=40).map("".join))
@example("<title>Links for x</title><a href='an_example-1.zip#x &sha256=00'>")
def test_html_of_any_pieces_breaks_no_promise(html: str) -> None:
    check(html.encode("utf-8", "surrogatepass"))
    check(f"<title>Links for x</title>{html}".encode("latin-1", "replace"))


@given(st.binary(max_size=200))
def test_bytes_break_no_promise(body: bytes) -> None:
    check(body)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
url_pieces = st.sampled_from([*MARKUP, "x", ":", "\x01", "%41", "\u2003", "@", "\\"])
keys = [
    "hashes", "yanked", "core-metadata", "dist-info-metadata", "data-dist-info-metadata", "gpg-sig",
    "provenance", "requires-python", "size", "data-x", "data-X",
]  # fmt: skip
files = st.fixed_dictionaries(
    {"filename": st.text(), "url": st.lists(url_pieces, max_size=8).map("".join)},
    optional=dict.fromkeys(keys, anything),
)


@given(
    st.fixed_dictionaries(
        {
            "meta": st.dictionaries(
                st.sampled_from(["api-version", "_last-serial", "tracks", "x"]), anything
            ),
            "name": st.just(PROJECT),
            "files": st.lists(files, max_size=3),
        },
        optional={
            "project-status": anything,
            "alternate-locations": anything,
            "versions": anything,
        },
    )
)
def test_values_of_any_type_under_any_key_break_no_promise(document: object) -> None:
    pages = check(json.dumps(document).encode())

    assert len(pages) == 1


# Numbers

digits = st.text("0123456789", min_size=1, max_size=25)
integers = st.builds(
    lambda sign, text: sign + (text.lstrip("0") or "0"), st.sampled_from(["", "-"]), digits
)
numbers = st.builds(
    "".join,
    st.tuples(
        integers,
        st.just("") | digits.map(".{}".format),
        st.just("")
        | st.builds(
            "{}{}{}".format, st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), digits
        ),
    ),
)


@given(st.lists(numbers, min_size=1, max_size=5))
def test_a_number_comes_out_as_it_went_in(spelled: list[str]) -> None:
    text = f'{{"meta":{{}},"name":"{PROJECT}","files":[],"x":[{",".join(spelled)}]}}'

    assert write_json(read_json(text.encode(), project=PROJECT, url=URL).document) == text.encode()


def test_only_a_number_that_python_writes_otherwise_is_kept_as_text() -> None:
    body = b'{"meta":{},"name":"an-example","files":[],"x":[1,-1,0.5,1e-07,-0,0.50]}'
    document = read_json(body, project=PROJECT, url=URL).document

    assert document["x"] == [1, -1, 0.5, 1e-07, Number("-0"), Number("0.50")]


# Time and memory

MEGABYTE = 1_000_000


def repeated(
    unit: bytes,
    start: bytes = b"<title>Links for x</title>",
    end: bytes = b"",
    size: int = MEGABYTE,
) -> bytes:
    return start + unit * (size // len(unit)) + end


LINK = b"<title>Links for x</title><a href='an_example-1.zip"
OBJECT = b'{"meta":{},"name":"an-example","files":['
HUGE = {
    "tags that never end": repeated(b"<a", b""),
    "tags with attributes that never end": repeated(b"<a a=", b""),
    "quotes that never end": repeated(b'<a a="', b""),
    "end tags that never end": repeated(b"</a a='", b""),
    "anchors": repeated(b"<a>"),
    "other tags": repeated(b"<b>"),
    "less-than signs": repeated(b"<"),
    "comments that never end": repeated(b"<!--"),
    "one comment of dashes": repeated(b"-", b"<!--"),
    "declarations": repeated(b"<!"),
    "marked sections": repeated(b"<![CDATA["),
    "instructions": repeated(b"<?"),
    "scripts that never end": repeated(b"<script>"),
    "a script with its end tag almost": repeated(b"</scriptx", b"<script>"),
    "titles": repeated(b"<title></title>"),
    "a million attributes": repeated(b"a ", b"<a "),
    "different attributes": b"<a " + b" ".join(b"a%x" % n for n in range(MEGABYTE // 8)) + b">",
    "spaces in a tag": repeated(b" ", b"<a"),
    "slashes in a tag": repeated(b"/", b"<a "),
    "one name": repeated(b"a", b"<a "),
    "a reference of digits": repeated(b"9", LINK + b"&#", b";'>"),
    "a reference of letters": repeated(b"a", LINK + b"&", b";'>"),
    "references": repeated(b"&lta", LINK + b"'>"),
    "ampersands": repeated(b"&", LINK + b"#"),
    "a long path": repeated(b"../", LINK, b"'>"),
    "a long name in escapes": repeated(b"%41", LINK, b"'>"),
    "a long text": repeated(b"a", LINK + b"'>"),
    "links": repeated(b"<a href=an_example-1.zip>"),
    "metas": repeated(b"<meta content=x>"),
    "line ends": repeated(b"\r"),
    "spaces around a serial": repeated(b" ", b"<!--SERIAL 5", b"x-->"),
    "spaces after links": repeated(b"links ", b"<title>"),
    "JSON objects": repeated(b"{},", OBJECT),
    "JSON lists": repeated(b"[],", OBJECT),
    "JSON that nests": repeated(b"[", OBJECT),
    "JSON objects that nest": repeated(b'{"a":', OBJECT),
    "JSON digits": repeated(b"9", OBJECT),
    "JSON escapes": repeated(b"\\u0041", OBJECT + b'"'),
    "JSON spaces": repeated(b" ", OBJECT),
    "a version of JSON": repeated(b"9", OBJECT + b'],"meta":{"api-version":"1.', b'"}}'),
    "a name": repeated(b"x-", b'{"meta":{},"files":[],"name":"', b'"}'),
}  # fmt: skip


def outcome(body: bytes, url: str = URL) -> str:
    """Read a page and write it in both forms, or return why it is none."""
    try:
        page = read_page(body, project=PROJECT, url=url)
    except PageError as error:
        return str(error)
    write_html(page.document, version=page.html_version, serial=page.serial)
    write_json(page.document)
    return ""


@pytest.mark.parametrize("name", HUGE)
def test_time_grows_no_faster_than_the_page(name: str) -> None:
    """A parser whose time grows with the square takes minutes for the hundredth of such a page."""
    body = HUGE[name]
    started = time.process_time()
    outcome(body[: len(body) // 100])
    assert time.process_time() - started < 2

    started = time.process_time()
    outcome(body)
    assert time.process_time() - started < 15


@pytest.mark.parametrize("name", ["anchors", "different attributes", "links", "references"])
def test_memory_is_some_times_the_page(name: str) -> None:
    """What small things cost; a page of many more of them is refused."""
    body = HUGE[name][: MEGABYTE // 10]
    tracemalloc.start()
    try:
        outcome(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 60 * len(body)


REFUSED = {
    "tags": (b"<b>" * (MEGABYTE + 1), "more than 1000000 tags and attributes"),
    "attributes of one tag": (b"<a" + b" a" * MEGABYTE, "more than 1000000 tags and attributes"),
    "references": (LINK + b"&lt;" * (MEGABYTE + 1), "more than 1000000 references to characters"),
    "values": (OBJECT + b"{}," * (2 * MEGABYTE), "more than 2000000 values"),
    "URLs": (
        b"<base href='https://b.example/%s/'>" % (b"a" * 8000)
        + b"<a href=an_example-1.zip>" * 9000,
        "more than 67108864 characters",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_page_has_no_more_than_memory_has_room_for(name: str) -> None:
    body, why = REFUSED[name]

    assert why in outcome(body)


def test_json_far_from_its_base_is_refused_too() -> None:
    entry = b'{"url":"a","filename":"a"}'
    body = OBJECT + b",".join([entry] * 10_000) + b"]}"

    assert outcome(body, URL + "a" * 5000 + "/") == ""
    assert "more than 67108864 characters" in outcome(body, URL + "a" * 8000 + "/")


def test_what_is_as_large_as_pages_are_is_not_refused() -> None:
    """A page of 20,000 files, which is more than any project of PyPI has."""
    link = (
        b'<a href="https://files.example/packages/%s/an_example-1.zip#sha256=%s" '
        b'data-requires-python="&gt;=3.9,&lt;4" data-core-metadata="sha256=%s" data-yanked="x">'
        b"an_example-1.zip</a><br />\n"
    ) % (b"a" * 64, b"b" * 64, b"c" * 64)

    page = read_page(b"<title>Links for x</title>" + link * 20_000, project=PROJECT, url=URL)

    assert len(page.document["files"]) == 20_000


@pytest.mark.parametrize("length", [LONGEST_URL, LONGEST_URL + 1])
def test_a_url_that_is_longer_than_any_server_takes_is_no_link(length: int) -> None:
    address = "https://files.example/".ljust(length - len("/a-1.zip"), "a") + "/a-1.zip"
    html = f"<title>Links for x</title><a href='{address}'>a-1.zip</a>"

    page = read_page(html.encode(), project=PROJECT, url=URL)

    assert [file["url"] for file in page.document["files"]] == [address][: LONGEST_URL + 1 - length]
