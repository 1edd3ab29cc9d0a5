"""Patterns of project names and of file names."""

import re
from collections.abc import Iterable
from fnmatch import translate


class Patterns:
    """
    Shell patterns (fnmatch) of which at least one has to match the whole of a text, case and all.

    Patterns of projects are written in normalised names, which have none of the other special
    characters: in them `*` alone is special, and stands for any characters or none.
    """

    __slots__ = ("_any", "_found")

    def __init__(self, patterns: Iterable[str]) -> None:
        texts = tuple(patterns)
        # The pattern of nearly every rule.
        self._any = "*" in texts
        self._found = [(text, re.compile(translate(text))) for text in texts]

    def match(self, text: str) -> bool:
        """Tell whether a pattern matches."""
        return self._any or self.first(text) is not None

    def first(self, text: str) -> str | None:
        """Return the first pattern that matches, None if none does."""
        return next((pattern for pattern, found in self._found if found.match(text)), None)
