"""Names of projects: which are valid, and their one normalised spelling."""

import re

# PEP 508 "Names"; ASCII because IGNORECASE would otherwise let letters like the Kelvin sign in.
_VALID = re.compile(r"[A-Z0-9]([A-Z0-9._-]*[A-Z0-9])?", re.IGNORECASE | re.ASCII)
_SEPARATORS = re.compile(r"[-_.]+")


def is_valid(name: str) -> bool:
    """Tell whether `name` may be the name of a project (PEP 508)."""
    return _VALID.fullmatch(name) is not None


def normalise(name: str) -> str:
    """Return the normalised spelling of a valid project name (PEP 503 "Normalized Names")."""
    return _SEPARATORS.sub("-", name).lower()


def is_normalised(name: str) -> bool:
    """Tell whether `name` is a valid project name in its normalised spelling."""
    return is_valid(name) and normalise(name) == name
