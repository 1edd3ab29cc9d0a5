"""Paths of files: those that stand beside others, those without a hash, and PyPI's old ones."""

import re

from cellar.index.links import SIBLINGS, Source

# Other paths of PyPI's file host than today's, in the characters that the engine lets through.
_OLD_PATH = re.compile(r"packages(?:/(?!\.\.?(?:/|\Z))[A-Za-z0-9._+!~-]+)+", re.ASCII)
# In place of a hash, in paths of files that have none.
_UNHASHED = "/-/"


def whole(source: Source) -> Source:
    """Return the file that a file belongs to: itself, or the one that it stands beside."""
    for suffix in SIBLINGS:
        if source.path.endswith(suffix):
            return Source(source.origin, source.path.removesuffix(suffix))
    return source


def is_old(path: str) -> bool:
    """Tell whether a path of the appliance may be one that PyPI's file host had for a file once."""
    return _OLD_PATH.fullmatch(path) is not None


def is_unhashed(path: str) -> bool:
    """Tell whether a path of the appliance says nothing of the file's content."""
    return _UNHASHED in path
