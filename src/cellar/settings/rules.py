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

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from cellar.index.names import is_normalised

_LONGEST_SECONDS = 600
_LONGEST_HOST_NAME = 253
_LONGEST_NAME = 32
_LONGEST_REASON = 120
_HOST_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_PRINTABLE_ASCII = re.compile(r"[!-~]([ -~]*[!-~])?", re.ASCII)
_URL = re.compile(r"https://[!-~]+/", re.ASCII)
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_POOL = re.compile(r"[a-z0-9_]+", re.ASCII)
_UNIT = re.compile(r"[a-z][a-z0-9-]*\.(service|socket|timer|path)", re.ASCII)
_REVISION = re.compile(r"[0-9a-f]{8}", re.ASCII)


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


def choice(*words: str) -> Rule:
    """Build the rule for one of some words."""
    return Rule(" or ".join(words), lambda value: isinstance(value, str) and value in words)


def items(rule: Rule, *, least: int = 0) -> Rule:
    """Build the rule for a list whose items obey `rule`, and which has at least `least` of them."""

    def accepts(value: object) -> bool:
        return isinstance(value, list) and len(value) >= least and all(map(rule.accepts, value))

    number = {0: "any number of them", 1: "at least one"}[least]
    return Rule(f"a list, each item {rule.expected}; {number}", accepts)


def or_empty(rule: Rule, meaning: str) -> Rule:
    """Build the rule for a text that may also be empty, which then means `meaning`."""
    return Rule(f"{rule.expected}, or empty for {meaning}", lambda v: v == "" or rule.accepts(v))


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


def _is_header_value(value: object) -> bool:
    return isinstance(value, str) and bool(_PRINTABLE_ASCII.fullmatch(value))


def _is_project_name(value: object) -> bool:
    return isinstance(value, str) and is_normalised(value)


def _is_project_pattern(value: object) -> bool:
    # Whatever stands in place of the asterisks, the rest has to be part of a normalised name.
    return isinstance(value, str) and is_normalised(value.replace("*", "x"))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_NAME and bool(_NAME.fullmatch(value))


def _is_specifier_set(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        SpecifierSet(value)
    except InvalidSpecifier:
        return False
    return True


def _is_filename_pattern(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable() and "/" not in value


def _is_reason(value: object) -> bool:
    return _is_header_value(value) and len(str(value)) <= _LONGEST_REASON


def _is_revision(value: object) -> bool:
    return isinstance(value, str) and bool(_REVISION.fullmatch(value))


BASE_URL = Rule(
    "an https URL that ends with a slash, without user, query or fragment", _is_base_url
)
BASE_URLS = items(BASE_URL, least=1)
ABSOLUTE_PATH = Rule("an absolute path", _is_absolute_path)
HEADER_VALUE = Rule("printable ASCII text, not empty", _is_header_value)
SECONDS = Rule(f"seconds, more than 0 and at most {_LONGEST_SECONDS}", _is_seconds)
BYTES = Rule("a whole number of bytes, 0 or more", _is_bytes)
POSITIVE_BYTES = Rule("a whole number of bytes, more than 0", _is_positive_bytes)
IP_ADDRESS = Rule("an IPv4 or IPv6 address", _is_ip_address)
HOST_NAMES = items(Rule("a DNS name in lower case", _is_host_name), least=1)
HOST = Rule(
    "a DNS name in lower case, or an IP address", lambda v: isinstance(v, str) and _is_host(v)
)
POOL = Rule(
    "lower-case letters, digits and underscores",
    lambda value: isinstance(value, str) and bool(_POOL.fullmatch(value)),
)
UNIT = Rule(
    "a name of a unit, such as nginx.service",
    lambda value: isinstance(value, str) and bool(_UNIT.fullmatch(value)),
)
SWITCH = Rule("true or false", lambda value: isinstance(value, bool))
PROJECT_NAME = Rule("a normalised project name (PEP 503), such as an-example", _is_project_name)
PROJECT_PATTERNS = items(
    Rule(
        "a normalised project name (PEP 503) in which * stands for any characters, such as acme-*",
        _is_project_pattern,
    ),
    least=1,
)
NAME = Rule(
    f"lower-case letters and digits joined by single hyphens, at most {_LONGEST_NAME}", _is_name
)
SPECIFIERS = Rule(
    "a set of version specifiers (PEP 440) such as >=2,<3, or empty for any", _is_specifier_set
)
FILENAME_PATTERNS = items(
    Rule("a shell pattern of file names, such as *.tar.gz", _is_filename_pattern)
)
REASON = or_empty(
    Rule(f"a sentence of at most {_LONGEST_REASON} printable ASCII characters", _is_reason),
    "none",
)
REVISION = Rule("8 hexadecimal digits in lower case", _is_revision)
