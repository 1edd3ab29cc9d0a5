"""HTML is read as the HTML standard says (section 13.2.5), in what index pages need of it."""

import pytest

from cellar.index.markup import Kind, attribute_value, text_value, tokens

PAGES = {
    "<a href=x/>t</a>": [("START", "a", {"href": "x/"}), ("TEXT", "t"), ("END", "a")],
    "<A HREF='1' href=2 x>": [("START", "a", {"href": "1", "x": ""})],
    "<a b = 'c\"' d=\"e>'\">f\"g=h>": [("START", "a", {"b": 'c"', "d": "e>'"}), ("TEXT", 'f"g=h>')],
    "<a\tb=c\fd\n/e>": [("START", "a", {"b": "c", "d": "", "e": ""})],
    "<a =b c'd>": [("START", "a", {"=b": "", "c'd": ""})],
    "<a b=>c": [("START", "a", {"b": ""}), ("TEXT", "c")],
    "<1 < 2<": [("TEXT", "<1 < 2<")],
    "</>a</ b>c": [("TEXT", "a"), ("TEXT", "c")],
    "<!DOCTYPE a>b<?c>d<![CDATA[e]]>": [("TEXT", "b"), ("TEXT", "d")],
    "<!--a-->b": [("COMMENT", "a"), ("TEXT", "b")],
    "<!--a--!>b": [("COMMENT", "a"), ("TEXT", "b")],
    "<!-->a<!--->b": [("COMMENT", ""), ("TEXT", "a"), ("COMMENT", ""), ("TEXT", "b")],
    "<!--a>--b-- >c-->": [("COMMENT", "a>--b-- >c")],
    "<title><b>&amp;</TITLE >": [("START", "title", {}), ("TEXT", "<b>&amp;"), ("END", "title")],
    "<script><!--<a></scripts></script>": [
        ("START", "script", {}), ("TEXT", "<!--<a></scripts>"), ("END", "script"),
    ],
    "a\r\nb\rc": [("TEXT", "a\nb\nc")],
    # What never ends is nothing.
    "a<b": [("TEXT", "a")],
    "a<b c='>": [("TEXT", "a")],
    "a</b": [("TEXT", "a")],
    "a<!--b": [("TEXT", "a"), ("COMMENT", "")],
    "<style>a": [("START", "style", {})],
}  # fmt: skip


@pytest.mark.parametrize("html", PAGES)
def test_a_page_is_cut_into(html: str) -> None:
    found = [
        (kind.name, text, attributes) if kind is Kind.START else (kind.name, text)
        for kind, text, attributes in tokens(html)
        if text or kind is not Kind.TEXT
    ]

    assert found == PAGES[html]


# A reference, what it is in a text, and what it is in an attribute.
REFERENCES = [
    ("&amp;&lt;&#38;&#x26;&#X26;", "&<&&&", "&<&&&"),
    ("&copy", "©", "©"),
    ("&copy=1", "©=1", "&copy=1"),
    ("&copyx", "©x", "&copyx"),
    ("&copyx;", "©x;", "&copyx;"),
    ("&notin;", "∉", "∉"),
    ("&notit;", "¬it;", "&notit;"),
    ("&plus;&bang;&plus", "+&bang;&plus", "+&bang;&plus"),
    ("&#0;&#xD800;&#x110000;&#99999999;", "\ufffd" * 4, "\ufffd" * 4),
    ("&#128;&#x99;&#129;", "€™\x81", "€™\x81"),
    ("&#13;&#0000000000065;", "\rA", "\rA"),
    ("&;&#;&#x;& &", "&;&#;&#x;& &", "&;&#;&#x;& &"),
    (f"&#{'9' * 5000};", "\ufffd", "\ufffd"),
]


@pytest.mark.parametrize(("written", "in_text", "in_attribute"), REFERENCES)
def test_a_reference_is(written: str, in_text: str, in_attribute: str) -> None:
    assert text_value(written) == in_text
    assert attribute_value(written) == in_attribute
