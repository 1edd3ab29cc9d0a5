"""Patterns of project names: normalised names in which `*` stands for any characters."""

from __future__ import annotations

import re


def covers(wide: str, narrow: str) -> bool:
    """Tell whether every name that `narrow` matches is matched by `wide` too."""
    # The asterisks of `narrow` stand for what only an asterisk of `wide` matches.
    return re.fullmatch(".*".join(map(re.escape, wide.split("*"))), narrow) is not None
