"""
What single values of the settings file have to look like.

A `Rule` pairs a test with the words that finish the sentence "it must be …".
"""

import ipaddress
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from cellar.index.names import is_normalised

_LONGEST_SECONDS = 600
_LONGEST_HOST_NAME = 253
_HOST_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_PRINTABLE_ASCII = re.compile(r"[!-~]([ -~]*[!-~])?", re.ASCII)
_URL = re.compile(r"https://[!-~]+/", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one value must be: in words, and as a test that takes any TOML value."""

    expected: str
    accepts: Callable[[object], bool]


def integer(lowest: int, highest: int, unit: str) -> Rule:
    """Build the rule for a whole number between two bounds, both included."""

    def accepts(value: object) -> bool:
        return type(value) is int and lowest <= value <= highest

    return Rule(f"a whole number from {lowest} to {highest} ({unit})", accepts)


def _is_bytes(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_positive_bytes(value: object) -> bool:
    return type(value) is int and value > 0


def _is_seconds(value: object) -> bool:
    # bool is an int in Python, not in TOML.
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 0 < value <= _LONGEST_SECONDS
    )


def _is_base_url(value: object) -> bool:
    if not isinstance(value, str) or not _URL.fullmatch(value):
        return False
    try:
        url = urlsplit(value)
        port_is_valid = url.port != 0
    except ValueError:
        return False
    plain = not url.query and not url.fragment and "@" not in url.netloc
    return plain and port_is_valid and _is_host(url.hostname or "")


def _is_host(name: str) -> bool:
    return _is_host_name(name) or _is_ip_address(name)


def _is_host_name(value: object) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= _LONGEST_HOST_NAME
        and all(_HOST_LABEL.fullmatch(label) for label in value.split("."))
    )


def _are_host_names(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_host_name, value))


def _is_ip_address(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _is_absolute_path(value: object) -> bool:
    return isinstance(value, str) and value.startswith("/") and value.isprintable()


def _is_absolute_path_or_empty(value: object) -> bool:
    return value == "" or _is_absolute_path(value)


def _is_header_value(value: object) -> bool:
    return isinstance(value, str) and bool(_PRINTABLE_ASCII.fullmatch(value))


def _is_project_name(value: object) -> bool:
    return isinstance(value, str) and is_normalised(value)


BASE_URL = Rule(
    "an https URL that ends with a slash, without user, query or fragment", _is_base_url
)
ABSOLUTE_PATH = Rule("an absolute path", _is_absolute_path)
ABSOLUTE_PATH_OR_EMPTY = Rule(
    "an absolute path, or empty for the system's trust store", _is_absolute_path_or_empty
)
HEADER_VALUE = Rule("printable ASCII text, not empty", _is_header_value)
SECONDS = Rule(f"seconds, more than 0 and at most {_LONGEST_SECONDS}", _is_seconds)
BYTES = Rule("a whole number of bytes, 0 or more", _is_bytes)
POSITIVE_BYTES = Rule("a whole number of bytes, more than 0", _is_positive_bytes)
IP_ADDRESS = Rule("an IPv4 or IPv6 address", _is_ip_address)
HOST_NAMES = Rule("a list of DNS names in lower case, at least one", _are_host_names)
SWITCH = Rule("true or false", lambda value: isinstance(value, bool))
PROJECT_NAME = Rule("a normalised project name (PEP 503), such as an-example", _is_project_name)
