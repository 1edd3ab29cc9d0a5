"""Other URLs for the files of a page in JSON form, and every other byte as upstream wrote it."""

import re
from collections.abc import Sequence

from cellar.index.links import all_hashed

# A key `url` with a text for a value, up to the first quote in that. The quote that opens a string
# never follows a backslash, and of strings only a key is followed by a colon. The literal stands
# first, and begins with a letter that is rare in pages, so that the scanner leaps from one to the
# next.
_KEY_AND_VALUE = re.compile(rb'(url"(?<="url")(?<!\\"url")\s*:\s*")([^"]*)')
_KEY = b'"url"'
_ESCAPED_LETTER = re.compile(rb"\\u00[67]")


def spliced(text: bytes, urls: Sequence[str], replacements: Sequence[str]) -> bytes | None:
    """
    Return the text of a page with the URLs of its files replaced, and every other byte as it was.

    `urls` are those of the files, in their order, of the page that this text was read as. A
    replacement has no characters beyond those of its URL that JSON would have to escape.

    None comes back when it is not certain where these URLs are. It is where the text has as many
    keys `url` with a text for a value as there are files: then each file has one, and nothing else
    has any (a file without one would not be read). A URL that is spelled with escapes is another
    text up to its first quote.
    """
    pieces = _KEY_AND_VALUE.split(text)
    # What has no form in UTF-8 was spelled as an escape, and its bytes then stand nowhere.
    written = [url.encode("utf-8", "surrogatepass") for url in urls]
    if pieces[2::3] != written or _has_escaped_letter(text):
        return None
    pieces[2::3] = [replacement.encode() for replacement in replacements]
    return b"".join(pieces)


def spliced_at_once(text: bytes, files: int, prefix: str, replacement: str) -> bytes | None:
    """
    Return the text of a page with another prefix of its files' URLs, every other byte as it was.

    It says what `spliced` says, in half the time, of a page as PyPI writes it: every one of its
    `files` has a URL of this prefix and a hashed path, and there is no white space before it.

    None comes back for every other page, and when it is not certain where the URLs are. It is where
    the text has as many `"url"` as files: each file has one, as none is spelled with escapes.
    """
    first, *pieces = text.split(_KEY)
    old = b':"' + prefix.encode()
    if b"".join([piece[: len(old)] for piece in pieces]) != old * files:
        return None
    rests = [piece[len(old) :] for piece in pieces]
    if not all_hashed(rests) or _has_escaped_letter(text):
        return None
    return b"".join([_KEY, b':"', replacement.encode()]).join([first, *rests])


def _has_escaped_letter(text: bytes) -> bool:
    """Tell whether a letter of url may be spelled as an escape, which nobody does."""
    return b"\\" in text and _ESCAPED_LETTER.search(text) is not None
