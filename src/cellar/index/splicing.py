"""Other URLs for the files of a page in JSON form, and every other byte as upstream wrote it."""

import re
from collections.abc import Sequence
from functools import cached_property

# A key url with a text for a value: all up to the value's first character, and the value up to its
# end or its first escape. The quote that opens a string never follows a backslash, and of strings
# only a key is followed by a colon. The literal stands first, so that the scanner leaps from one to
# the next.
_URL = re.compile(rb'("url"(?<!\\"url")\s*:\s*")([^"\\]*)')
# The letters of url can be spelled as escapes as well, which nobody does.
_ESCAPED_LETTER = re.compile(rb"\\u00[67]")


class Splice:
    """The text of a page, cut where the URLs of its files seem to be."""

    def __init__(self, body: bytes) -> None:
        """Cut a text that may not have been read yet, and then need not even be JSON."""
        self._body = body
        # By turns what stands before a key, the key, and its value.
        self._pieces = _URL.split(body)
        self._made: tuple[Sequence[str], bytes] | None = None

    @cached_property
    def urls(self) -> Sequence[str]:
        """The values in their order: the URLs of files, unless `with_urls` denies it."""
        return [value.decode("utf-8", "replace") for value in self._pieces[2::3]]

    def likely(self, replacements: Sequence[str]) -> bytes:
        """
        Return the text with these in the place of `urls`, whatever those are.

        A replacement has no characters beyond those of its URL that JSON would have to escape.
        """
        if self._made is None or self._made[0] != replacements:
            pieces = self._pieces.copy()
            pieces[2::3] = [replacement.encode() for replacement in replacements]
            self._made = (replacements, b"".join(pieces))
        return self._made[1]

    def with_urls(self, urls: Sequence[str], replacements: Sequence[str]) -> bytes | None:
        """
        Return the text with the URLs of its files replaced, and every other byte as it was.

        `urls` are those of the files, in their order, of the page that this text was read as.

        None comes back when it is not certain where these URLs are. It is where the text has as
        many keys `url` with a text for a value as there are files: then each file has one, and
        nothing else has any (a file without one would not be read). A URL that is spelled with
        escapes is longer than what stands before the first of them.
        """
        if urls != self.urls or _ESCAPED_LETTER.search(self._body):
            return None
        return self.likely(replacements)
