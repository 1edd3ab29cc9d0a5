"""Other URLs for the files of a page in JSON form, and every other byte as upstream wrote it."""

import re
from collections.abc import Sequence

# A key `url` with a text for a value, up to where that begins. The quote that opens a string never
# follows a backslash, and of strings only a key is followed by a colon. The literal stands first,
# and begins with a letter that is rare in pages, so that the scanner leaps from one to the next.
_KEY = re.compile(rb'(url"(?<="url")(?<!\\"url")\s*:\s*")')
# The letters of url can be spelled as escapes, which nobody does.
_ESCAPED_LETTER = re.compile(rb"\\u00[67]")


def spliced(text: bytes, urls: Sequence[str], replacements: Sequence[str]) -> bytes | None:
    """
    Return the text of a page with the URLs of its files replaced, and every other byte as it was.

    `urls` are those of the files, in their order, of the page that this text was read as. A
    replacement has no characters beyond those of its URL that JSON would have to escape.

    None comes back when it is not certain where these URLs are. It is where the text has as many
    keys `url` with a text for a value as there are files: then each file has one, and nothing else
    has any (a file without one would not be read). A URL that is spelled with escapes is longer
    than itself, so that no quote can be seen where it would end.
    """
    pieces = _KEY.split(text)
    if len(pieces) != 2 * len(urls) + 1 or (b"\\" in text and _ESCAPED_LETTER.search(text)):
        return None
    values = pieces[2::2]
    # What has no form in UTF-8 was spelled as an escape, and its bytes then stand nowhere.
    written = [f'{url}"'.encode("utf-8", "surrogatepass") for url in urls]
    if not all(map(bytes.startswith, values, written)):
        return None
    pieces[2::2] = [
        replacement.encode() + value[len(url) - 1 :]
        for replacement, value, url in zip(replacements, values, written, strict=True)
    ]
    return b"".join(pieces)
