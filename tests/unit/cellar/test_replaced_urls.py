"""
Behind the index door upstream's JSON keeps every byte but the URLs of files, however it is written.

The texts are put together here character by character, because `json.dumps` would write no key
twice and nothing in two spellings.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar.index.links import Links
from cellar.index.splicing import spliced, spliced_at_once
from cellar.index.views import Door, Form, read_page, view
from unit.cellar.support import hashed_path

FILES = "https://files.example/packages/"
OTHERS = "https://other.example/files/"
LINKS = Links(pypi=(FILES,), others=(OTHERS,))
PATH = hashed_path("a-1.zip")
# What becomes of a URL.
REPLACED = {
    f"{FILES}{PATH}": f"../../packages/{PATH}",
    f"{OTHERS}a-1.zip": "../../files/other.example/-/files/a-1.zip",
    f'{OTHERS}a-1.zip#"\\é': '../../files/other.example/-/files/a-1.zip#"\\é',
}
KEPT = ["https://elsewhere.example/a-1.zip", f"{FILES}a-1.zip"]
URLS = [*REPLACED, *KEPT]
ESCAPES = {'"': r"\"", "\\": r"\\", "/": r"\/", "\n": r"\n"}


def served(text: str) -> str:
    page = read_page(text.encode(), project="an-example", url="https://index.example/simple/x/")
    return view(page, Door.INDEX, Form.JSON, links=LINKS, root="../../").decode()


def spelled(text: str) -> Any:
    """Return JSON with the numbers as they are spelled; of equal keys the last one counts."""
    return json.loads(text, parse_int=lambda t: ("number", t), parse_float=lambda t: ("number", t))


@st.composite
def strings(draw: st.DrawFn, text: str) -> str:
    """Spell a string: as it is, as a careful writer does, or with more escapes than that."""
    spelling = draw(st.sampled_from(["plain", "plain", "plain", "mixed"]))
    written = []
    for character in text:
        escape = f"\\u{ord(character):04x}"
        plain = ESCAPES[character] if character in '"\\\n' else character
        choices = [plain, plain, plain, escape, escape.upper().replace("U", "u")]
        if character == "/":
            choices.append(ESCAPES[character])
        written.append(draw(st.sampled_from(choices)) if spelling == "mixed" else plain)
    return f'"{"".join(written)}"'


spaces = st.sampled_from(["", "", "", " ", "\n\t"])
keys = st.sampled_from(
    ["url", "url", "filename", "files", '"url', 'url"', 'x"url', "\\", "\\url", "ur", "x", ""]
)
texts = st.sampled_from([*URLS, "url", '"url":"x"', '"url":', ":", "\\", '"', "é", ""])
scalars = st.sampled_from(["null", "true", "1.10", "-0", "1e400", "12345678901234567890"])


@st.composite
def members(draw: st.DrawFn, pairs: list[tuple[str, str]]) -> str:
    """Write an object of keys with their written values, in this order."""
    written = [
        draw(spaces) + draw(strings(key)) + draw(spaces) + ":" + draw(spaces) + value + draw(spaces)
        for key, value in pairs
    ]
    return f"{{{','.join(written)}}}"


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.lists(st.tuples(keys, inner), max_size=3)
    return pairs.flatmap(members) | st.lists(inner, max_size=3).map(lambda i: f"[{','.join(i)}]")


values = st.recursive(texts.flatmap(strings) | scalars, nested, max_leaves=6)
extras = st.lists(st.tuples(keys, values), max_size=2)


@st.composite
def entries(draw: st.DrawFn) -> str:
    url = draw(st.sampled_from(URLS).flatmap(strings))
    own = [("url", url), ("filename", '"a-1.zip"')]
    before = draw(st.lists(st.tuples(keys, values), max_size=1))
    after = draw(extras.map(lambda pairs: [p for p in pairs if p[0] not in {"url", "filename"}]))
    return draw(members([*before, *own, *after]))


@st.composite
def pages(draw: st.DrawFn) -> str:
    files = draw(st.lists(entries(), max_size=3))
    own = [
        ("meta", draw(members([*draw(extras), ("api-version", '"1.4"')]))),
        ("name", '"an-example"'),
        ("files", f"[{','.join(files)}]"),
    ]
    return draw(members([*draw(extras), *own]))


@given(pages())
def test_the_index_doors_page_says_the_same_but_for_the_urls_of_cached_files(text: str) -> None:
    expected = spelled(text)
    for file in expected["files"]:
        file["url"] = REPLACED.get(file["url"], file["url"])
    answer = spelled(served(text))
    # As text, because dicts forget their order.
    assert json.dumps(answer) == json.dumps(expected)


@given(pages())
def test_what_is_replaced_can_be_put_back_and_leaves_upstreams_bytes(text: str) -> None:
    urls = [file["url"] for file in spelled(text)["files"]]
    marks = [f"<{number}>" for number in range(len(urls))]
    found = spliced(text.encode(), urls, marks)
    if found is not None:
        answer = found.decode()
        assert [file["url"] for file in spelled(answer)["files"]] == marks
        for mark, url in zip(marks, urls, strict=True):
            answer = answer.replace(f'"{mark}"', f'"{url}"')
        assert answer == text


@given(pages())
def test_what_is_replaced_at_once_is_what_would_be_replaced_one_by_one(text: str) -> None:
    found = spliced_at_once(text.encode(), len(spelled(text)["files"]), FILES, "../../packages/")
    if found is not None:
        urls = [file["url"] for file in spelled(text)["files"]]
        assert found == spliced(text.encode(), urls, [REPLACED[url] for url in urls])


def page(files: str, more: str = "") -> str:
    return f'{{"meta": {{}}, "name": "an-example", "files": [{files}]{more}}}'


URL = f"{FILES}{PATH}"
WRITTEN = {
    "spaces": f'{{"url" : \n "{URL}" , "filename": "a"}}',
    "no spaces": f'{{"url":"{URL}","filename":"a"}}',
    "characters beyond ASCII": f'{{"yanked":"schön","url":"{URL}","filename":"a"}}',
    "escapes elsewhere": rf'{{"yanked":"sch\u00f6n \"url\":","url":"{URL}","filename":"a"}}',
    "numbers of any spelling": f'{{"size":1.10,"x":1e2,"url":"{URL}","filename":"a"}}',
    "a key that ends with url": rf'{{"\"url":"{URL}","url":"{URL}","filename":"a"}}',
    "a number for url before": f'{{"url":7,"url":"{URL}","filename":"a"}}',
}


@pytest.mark.parametrize("files", WRITTEN.values(), ids=WRITTEN.keys())
def test_every_byte_but_the_urls_is_upstreams_own_with(files: str) -> None:
    expected = f"../../packages/{PATH}".join(page(files).rsplit(URL, 1))
    assert served(page(files)) == expected


UNCERTAIN: dict[str, Callable[[str], str]] = {
    "a key url in an unknown key": lambda url: page(
        f'{{"x":{{"url":"{url}"}},"url":"{url}","filename":"a"}}'
    ),
    "a key url beside files": lambda url: page(
        f'{{"url":"{url}","filename":"a"}}', f',"x":{{"url":"{url}"}}'
    ),
    "two urls in a file": lambda url: page(f'{{"url":"{url}","url":"{url}","filename":"a"}}'),
    "two lists of files": lambda url: page(
        f'{{"url":"{url}","filename":"a"}}', f',"files":[{{"url":"{url}","filename":"b"}}]'
    ),
    "another key url, and the file's one in disguise": lambda url: page(
        rf'{{"x":{{"url":"{url}"}},"\u0075rl":"{url}","filename":"a"}}'
    ),
    "another key url, and the file's one in disguise in capitals": lambda url: page(
        rf'{{"x":{{"url":"{url}"}},"ur\u006C":"{url}","filename":"a"}}'
    ),
    "a URL with escapes": lambda url: page(
        f'{{"url":"{url.replace("/", ESCAPES["/"])}","filename":"a"}}'
    ),
}


@pytest.mark.parametrize("text", UNCERTAIN.values(), ids=UNCERTAIN.keys())
def test_only_the_urls_of_files_are_replaced_where_it_is_hard_to_see_with(
    text: Callable[[str], str],
) -> None:
    expected = spelled(text(URL))
    for file in expected["files"]:
        file["url"] = f"../../packages/{PATH}"
    assert spliced(text(URL).encode(), [URL], ["x"]) is None
    assert spelled(served(text(URL))) == expected


AT_ONCE = f'{{"url":"{URL}","filename":"a"}}'
NOT_AT_ONCE = {
    "a space before a URL": f'{{"url": "{URL}","filename":"a"}}',
    "a file elsewhere": f'{AT_ONCE},{{"url":"https://elsewhere.example/{PATH}","filename":"a"}}',
    "a file of another index": f'{{"url":"{OTHERS}a-1.zip","filename":"a"}},{AT_ONCE}',
    "a path without a hash": f'{AT_ONCE},{{"url":"{FILES}a-1.zip","filename":"a"}}',
    "a hash with a capital letter": AT_ONCE.replace(PATH, f"A{PATH[1:]}"),
    "a slash in a hash": AT_ONCE.replace(PATH, f"{PATH[:10]}/{PATH[11:]}"),
    "a letter for a slash": AT_ONCE.replace(PATH, f"{PATH[:2]}a{PATH[3:]}"),
    "a slash a letter later": AT_ONCE.replace(PATH, f"{PATH[:2]}a/{PATH[4:]}"),
    "a path without a name": AT_ONCE.replace("a-1.zip", ""),
    "a path without a name before one with a longer one": f"{AT_ONCE},{AT_ONCE}".replace(
        "a-1.zip", "", 1
    ),
    "a name that begins with a dot": AT_ONCE.replace("a-1.zip", ".a-1.zip"),
    "a name with a folder": AT_ONCE.replace("a-1.zip", "a/1.zip"),
    "a name with an escape": AT_ONCE.replace("a-1.zip", "a%2B1.zip"),
    "a name with a fragment": AT_ONCE.replace("a-1.zip", "a-1.zip#sha256=0"),
    "a name beyond ASCII": AT_ONCE.replace("a-1.zip", "\u00e4-1.zip"),
}


@pytest.mark.parametrize("files", ["", AT_ONCE, f"{AT_ONCE},{AT_ONCE}"], ids=["0", "1", "2"])
def test_urls_of_a_page_as_pypi_writes_it_are_replaced_at_once(files: str) -> None:
    """It takes half the time: what a cold page costs depends on it."""
    text = page(files)
    found = spliced_at_once(text.encode(), files.count("url"), FILES, "../../packages/")
    assert found == text.replace(FILES, "../../packages/").encode()


@pytest.mark.parametrize("files", NOT_AT_ONCE.values(), ids=NOT_AT_ONCE.keys())
def test_urls_are_not_replaced_at_once_with(files: str) -> None:
    text = page(files).encode()
    assert spliced_at_once(text, files.count('"url"'), FILES, "../../packages/") is None


@pytest.mark.parametrize("text", UNCERTAIN.values(), ids=UNCERTAIN.keys())
def test_nothing_is_replaced_at_once_where_it_is_hard_to_see_with(
    text: Callable[[str], str],
) -> None:
    count = len(spelled(text(URL))["files"])
    assert spliced_at_once(text(URL).encode(), count, FILES, "../../packages/") is None


def test_a_url_whose_escapes_look_like_itself_is_not_taken_for_it() -> None:
    url = r"https://other.example/a-1.zip#\\"
    text = page(json.dumps({"url": url, "filename": "a"}))
    assert url in text, "four backslashes begin as two do"
    assert spliced(text.encode(), [url], ["x"]) is None
