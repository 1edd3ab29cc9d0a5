"""
The little of HTML that an index page needs, read as the HTML standard says (section 13.2.5).

Not the standard library's parser: its time grows with the square of what a page leaves unfinished
(15 s for 50 kB of `<a a=`), and its releases differ in what they make of comments and quotes. Here
every character is looked at a few times, whatever the page is.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto
from html.entities import html5

from cellar.index.page import PageError

# Tags and attributes of a page together, and references. The largest pages have a tenth of that.
PARTS_LIMIT = 1_000_000

Attributes = dict[str, str]


class Kind(Enum):
    """What a token is; what is said of it is the name of a tag, a text, or a comment's text."""

    START = auto()
    END = auto()
    TEXT = auto()
    COMMENT = auto()


Token = tuple[Kind, str, Attributes]

# Any other < is a plain character. A bogus comment ends with the next >.
_MARKUP = re.compile(
    r"<(?:(?P<comment>!--)|(?P<bogus>[!?]|/(?![A-Za-z]))"
    r"|/(?P<end>[A-Za-z][^\t\n\f />]*)|(?P<start>[A-Za-z][^\t\n\f />]*))"
)
_COMMENT_END = re.compile(r"--!?>")
# An attribute or the end of its tag. A value without its closing quote lasts to the end of the
# page, where no tag can end any more, so it needs no rule of its own.
_ATTRIBUTE = re.compile(
    r"""[\t\n\f /]*(?:([^\t\n\f />][^\t\n\f />=]*)"""
    r"""(?:[\t\n\f ]*=[\t\n\f ]*(?:"([^"]*)"?|'([^']*)'?|([^\t\n\f >]*)))?|>)"""
)
# What is in these elements is no markup; nothing but their own end tag ends them.
_VERBATIM_END = {
    name: re.compile(rf"</{name}(?=[\t\n\f />])", re.IGNORECASE | re.ASCII)
    for name in ("iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp")
}

_REFERENCE = re.compile(r"&(?:#(?:[0-9]+|[Xx][0-9A-Fa-f]+)|[A-Za-z][A-Za-z0-9]*);?")
# The names of characters that count without their semicolon have few lengths: the longest first.
_SHORT_LENGTHS = sorted({len(name) for name in html5 if not name.endswith(";")}, reverse=True)
# The standard reads these numbers as if they were bytes of windows-1252.
_WINDOWS_1252 = {
    number: bytes([number]).decode("cp1252")
    for number in range(0x80, 0xA0)
    if number not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
}
# Seven digits can say every code point there is.
_LONGEST_NUMBER = 7


def tokens(html: str) -> Iterator[Token]:
    """
    Yield the tags, the texts and the comments of a page, in their order.

    Names of tags and of attributes are in lower case; of attributes that are given twice, the first
    counts. What the page leaves unfinished at its end is dropped, as browsers do. References such
    as `&amp;` are as they are written: see `text_value` and `attribute_value`.

    Raises:
        PageError: when the page has too many tags and attributes, or references.

    """
    if html.count("&") > PARTS_LIMIT:
        raise PageError(f"The HTML has more than {PARTS_LIMIT} references to characters.")
    html = html.replace("\r\n", "\n").replace("\r", "\n")
    position, parts = 0, 0
    while markup := _MARKUP.search(html, position):
        if markup.start() > position:
            yield Kind.TEXT, html[position : markup.start()], {}
        position = markup.end()
        parts += 1
        if markup.lastgroup == "comment":
            text, position = _comment(html, position)
            yield Kind.COMMENT, text, {}
        elif markup.lastgroup == "bogus":
            position = html.find(">", position) + 1 or len(html)
        else:
            attributes, position, parts = _attributes(html, position, parts)
            if attributes is None:
                return
            name = markup[markup.lastgroup or 0].lower()
            yield Kind.START if markup.lastgroup == "start" else Kind.END, name, attributes
            if markup.lastgroup == "start" and name in _VERBATIM_END:
                end = _VERBATIM_END[name].search(html, position)
                if end is None:
                    return
                yield Kind.TEXT, html[position : end.start()], {}
                position = end.start()
        if parts > PARTS_LIMIT:
            raise _too_many()
    yield Kind.TEXT, html[position:], {}


def text_value(text: str) -> str:
    """Return a text of a page with its references resolved."""
    return _REFERENCE.sub(_in_text, text) if "&" in text else text


def attribute_value(text: str) -> str:
    """Return the value of an attribute with its references resolved."""
    return _REFERENCE.sub(_in_attribute, text) if "&" in text else text


def _comment(html: str, position: int) -> tuple[str, int]:
    """Return the text of the comment that starts at `position`, and where what follows starts."""
    if html.startswith((">", "->"), position):
        return "", html.index(">", position) + 1
    end = _COMMENT_END.search(html, position)
    return (html[position : end.start()], end.end()) if end else ("", len(html))


def _attributes(html: str, position: int, parts: int) -> tuple[Attributes | None, int, int]:
    """
    Return the attributes from `position` on, where their tag ends, and `parts` with them counted.

    They are None when the tag does not end.
    """
    attributes: Attributes = {}
    if html.startswith(">", position):
        return attributes, position + 1, parts
    while found := _ATTRIBUTE.match(html, position):
        position = found.end()
        name, double_quoted, quoted, bare = found.groups()
        if name is None:
            return attributes, position, parts
        attributes.setdefault(name.lower(), double_quoted or quoted or bare or "")
        parts += 1
        if parts > PARTS_LIMIT:
            raise _too_many()
    return None, position, parts


def _too_many() -> PageError:
    return PageError(f"The HTML has more than {PARTS_LIMIT} tags and attributes.")


def _in_text(reference: re.Match[str]) -> str:
    name = reference[0][1:]
    if name.startswith("#"):
        return _character(name[1:])
    if name in html5:
        return html5[name]
    for length in _SHORT_LENGTHS:
        if name[:length] in html5:
            return html5[name[:length]] + name[length:]
    return reference[0]


def _in_attribute(reference: re.Match[str]) -> str:
    name = reference[0][1:]
    if name.startswith("#"):
        return _character(name[1:])
    # An ampersand in a URL is rarely escaped: in `?a=1&copy=2` it is no reference.
    end = reference.end()
    if not name.endswith(";") and reference.string[end : end + 1] == "=":
        return reference[0]
    return html5.get(name, reference[0])


def _character(number: str) -> str:
    digits, base = number.rstrip(";"), 10
    if digits[0] in "Xx":
        digits, base = digits[1:], 16
    digits = digits.lstrip("0")
    code = int(digits, base) if 0 < len(digits) <= _LONGEST_NUMBER else 0
    if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:  # noqa: PLR2004 Unicode
        return "\ufffd"
    return _WINDOWS_1252.get(code) or chr(code)
