"""Other URLs for the files of a page in JSON form, and every other byte as upstream wrote it."""

import re
from collections.abc import Sequence

# A key `url` with a text for a value, up to the first quote in that. The quote that opens a string
# never follows a backslash, and of strings only a key is followed by a colon. The literal stands
# first, and begins with a letter that is rare in pages, so that the scanner leaps from one to the
# next.
_KEY_AND_VALUE = re.compile(rb'(url"(?<="url")(?<!\\"url")\s*:\s*")([^"]*)')
# The letters of url can be spelled as escapes, which nobody does.
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
    if pieces[2::3] != written or (b"\\" in text and _ESCAPED_LETTER.search(text)):
        return None
    pieces[2::3] = [replacement.encode() for replacement in replacements]
    return b"".join(pieces)
