"""
What the value of each setting looks like.

The values reach nginx configuration, systemd units and command lines, so every shape is a list of
what is allowed. Nothing that one of those would interpret passes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# RFC 1123, section 2.1; the last label is not a number, or the name would read as an address.
_DNS_NAME = re.compile(rf"(?:{_LABEL}\.)*(?!\d+\Z){_LABEL}")
_DNS_NAME_LENGTH = 253
_PATH = re.compile(r"(?:/[A-Za-z0-9_+,=@.-]+)+")
_SIZE = re.compile(r"([1-9][0-9]{0,11})([kmg])")
_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30}
_COMMON_NAME = re.compile(r"(?! )[A-Za-z0-9 .,_()-]{1,64}(?<! )")
_MAIL = re.compile(rf"[A-Za-z0-9._+-]+@{_DNS_NAME.pattern}")
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9._~/+-]*)?")
# PEP 503, "Normalized Names".
_PROJECT = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# Directories whose owner or mode the appliance must never change.
_SYSTEM = re.compile(r"/(?:bin|boot|dev|etc|lib|proc|root|run|sbin|sys|usr)/")


@dataclass(frozen=True, slots=True)
class Shape:
    """
    What a value must look like.

    `expected` completes the sentence "write …". `fault` takes a value of the right type and says
    what is wrong with it, or returns None.
    """

    expected: str
    fault: Callable[[Any], str | None]


def size_in_bytes(text: str) -> int:
    """
    Return nginx's size notation in bytes.

    Raises ValueError when `text` is not a positive whole number followed by k, m or g.
    """
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError(f"not a size: {text}")
    return int(match[1]) * _UNITS[match[2]]


def is_address(text: str) -> bool:
    """Tell whether `text` is an IPv4 or IPv6 address without a zone."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _dns_name(text: str) -> str | None:
    if is_address(text):
        return "is an IP address, not a DNS name"
    if "*" in text:
        return "is a wildcard"
    if text.endswith("."):
        return "ends with a dot"
    if text != text.lower():
        return "has upper-case letters"
    if len(text) > _DNS_NAME_LENGTH or not _DNS_NAME.fullmatch(text):
        return "is not a DNS name (RFC 1123)"
    return None


def _address(text: str) -> str | None:
    if not is_address(text):
        return "is not an IP address"
    address = ip_address(text)
    if address.is_unspecified or address.is_multicast:
        return "is not the address of one host"
    if str(address) != text:
        return f"is not in canonical form, which is {address}"
    return None


def _path(text: str) -> str | None:
    if not text.startswith("/"):
        return "is not an absolute path"
    if not _PATH.fullmatch(text):
        return "has characters that a path may not have here, or an empty part"
    if {".", ".."} & set(text.split("/")):
        return "has a part that is . or .."
    return None


def _cache_dir(text: str) -> str | None:
    if text.count("/") == 1 or _SYSTEM.match(text):
        return "is a directory of the system"
    return _path(text)


def _size(text: str) -> str | None:
    return None if _SIZE.fullmatch(text) else "is not a size"


def _contact(text: str) -> str | None:
    fits = _MAIL.fullmatch(text) or _URL.fullmatch(text)
    return None if fits else "is neither a mail address nor an http(s) URL of plain characters"


def _common_name(text: str) -> str | None:
    return None if _COMMON_NAME.fullmatch(text) else "is not a usable common name"


def _project(text: str) -> str | None:
    return None if _PROJECT.fullmatch(text) else "is not a normalised project name (PEP 503)"


def _within(low: int, high: int) -> Shape:
    def fault(number: int) -> str | None:
        return None if low <= number <= high else f"is not between {low} and {high}"

    return Shape(f"a whole number from {low} to {high}", fault)


def _or_empty(shape: Shape) -> Shape:
    def fault(text: str) -> str | None:
        return shape.fault(text) if text else None

    return Shape(f'{shape.expected}, or ""', fault)


_NAME = Shape("a DNS name in lower case without port, such as cellar.example.org", _dns_name)
_SIZES = Shape("a whole number and a unit k, m or g, such as 40g", _size)
_FILE = _or_empty(Shape("an absolute path of letters, digits and _ + , = @ . -", _path))

#: The shape of every setting that has one; for a list, the shape of each of its items.
SHAPES: Mapping[str, Shape] = {
    "cellar_server_names": _NAME,
    "cellar_server_addresses": Shape("an IP address, such as 192.0.2.10", _address),
    "cellar_https_port": _within(1, 65535),
    "cellar_http_port": _within(0, 65535),
    "cellar_pypi_index_host": _NAME,
    "cellar_pypi_files_host": _NAME,
    "cellar_upstream_ca_file": _FILE,
    "cellar_upstream_contact": _or_empty(
        Shape("a mail address or a URL, such as ci-admins@example.org", _contact)
    ),
    "cellar_page_max_age": _within(1, 600),
    "cellar_cache_dir": Shape(
        "an absolute path of the cache's own, such as /var/cache/cellar", _cache_dir
    ),
    "cellar_files_max_size": _SIZES,
    "cellar_metadata_max_size": _SIZES,
    "cellar_pages_max_size": _SIZES,
    "cellar_cache_min_free": _SIZES,
    "cellar_ca_controller_dir": _FILE,
    "cellar_ca_common_name": Shape(
        "1 to 64 letters, digits, inner spaces and . , _ ( ) -", _common_name
    ),
    "cellar_ca_valid_days": _within(1, 36500),
    "cellar_certificate_valid_days": _within(2, 825),
    "cellar_certificate_renew_days": _within(1, 824),
    "cellar_certificate_file": _FILE,
    "cellar_certificate_key_file": _FILE,
    "cellar_certificate_ca_file": _FILE,
    "cellar_rewriter_workers": _within(1, 64),
    "cellar_selftest_project": Shape(
        "lower-case letters and digits joined by single hyphens, such as six", _project
    ),
    "cellar_log_days": _within(1, 3650),
}
