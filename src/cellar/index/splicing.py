"""Other URLs for the files of a page in JSON form, and every other byte as upstream wrote it."""

import re
from collections.abc import Sequence
from functools import cache, cached_property

from cellar.index.links import HASHED_PATH, PACKAGES, Links

# The letters of url can be spelled as escapes, which nobody does.
_ESCAPED_LETTER = re.compile(rb"\\u00[67]")


class Splice:
    """The text of a page, cut where the URLs of its files seem to be."""

    def __init__(self, body: bytes, links: Links) -> None:
        """Cut a text that may not have been read yet, and then need not even be JSON."""
        self._body = body
        # By turns: what stands before a key url, that key, the prefix of a cached file of PyPI's if
        # the value is one, and (the rest of) the value up to its end or its first escape.
        self._pieces = _cutting(links.pypi).split(body)

    @cached_property
    def urls(self) -> Sequence[str]:
        """The values in their order: the URLs of files, unless `with_urls` denies it."""
        values = zip(self._pieces[2::4], self._pieces[3::4], strict=True)
        return [(prefix + rest).decode("utf-8", "replace") for prefix, rest in values]

    def likely(self, root: str) -> bytes:
        """
        Return what the index door will most likely serve: the URLs of PyPI's files relative.

        `root` leads from the page to the appliance's root. Nothing is certain, not even the URLs.
        """
        own = f"{root}{PACKAGES}".encode()
        pieces = self._pieces.copy()
        pieces[2::4] = [prefix and own for prefix in pieces[2::4]]
        return b"".join(pieces)

    def with_urls(self, urls: Sequence[str], replacements: Sequence[str]) -> bytes | None:
        """
        Return the text with the URLs of its files replaced, and every other byte as it was.

        `urls` are those of the files, in their order, of the page that this text was read as. A
        replacement has no characters beyond those of its URL that JSON would have to escape.

        None comes back when it is not certain where these URLs are. It is where the text has as
        many keys `url` with a text for a value as there are files: then each file has one, and
        nothing else has any (a file without one would not be read). A URL that is spelled with
        escapes is longer than what stands before the first of them.
        """
        if urls != self.urls or _ESCAPED_LETTER.search(self._body):
            return None
        pieces = self._pieces.copy()
        pieces[2::4] = [replacement.encode() for replacement in replacements]
        pieces[3::4] = [b""] * len(replacements)
        return b"".join(pieces)


@cache
def _cutting(prefixes: tuple[str, ...]) -> re.Pattern[bytes]:
    # The quote that opens a string never follows a backslash, and of strings only a key is followed
    # by a colon. The literal stands first, and begins with a letter that is rare in pages, so that
    # the scanner leaps from one to the next. Of the prefixes the first one counts, as in `Links`.
    pypi = f'(?>{"|".join(map(re.escape, prefixes))})(?={HASHED_PATH}")'
    key = r'url"(?<="url")(?<!\\"url")\s*:\s*"'
    return re.compile(rf'({key})((?:{pypi})?)([^"\\]*)'.encode())
