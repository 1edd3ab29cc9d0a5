"""
What the value of each setting looks like.

The values reach nginx configuration, systemd units and command lines, so every shape is a list of
what is allowed. Nothing that one of those would interpret passes. (Credentials reach files of their
own, and nginx only as Base64.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

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
_HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}")
# PEP 503, "Normalized Names".
_PROJECT = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_NAME_LENGTH = 32
# What both the index page and nginx take for a plain part of a path (RFC 3986, section 3.3).
_FILES_PATH = re.compile(r"/(?:[A-Za-z0-9._+!~-]+/)*")
_URL_PATH = re.compile(r"/(?:(?:[A-Za-z0-9._+!~@-]|%[0-9A-F]{2})+/)*")
_BASE_URL = re.compile(r"https://([^/:]+)(?::([1-9][0-9]{0,4}))?(/.*)")
_LAST_PORT = 65535
# RFC 9110, section 4.2.2.
HTTPS_PORT = 443
_STATUSES = range(400, 500)
# Wrong credentials, and troubles that pass: to take them for "no such project" would hand a private
# name to the next index of its route.
_NEVER_MISSING = {401, 407, 408, 421, 425, 429}
# A part of the sentence in the reason phrase of a refusal (RFC 9112, section 4).
_SENTENCE = re.compile(r"[!-~](?:[ -~]{0,118}[!-~])?")
_FILENAME_PATTERN_LENGTH = 200
_SLICE_SIZES = (256 * 2**10, 64 * 2**20)
_OWN_ZONES = {"files", "heads", "lists", "metadata", "oracle", "pages", "renewals"}
# Directories whose owner or mode the appliance must never change.
_SYSTEM = re.compile(r"/(?:bin|boot|dev|etc|lib|proc|root|run|sbin|sys|usr)/")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")  # useradd(8)


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


def _network(text: str) -> str | None:
    if "%" in text:
        return "has a zone"
    try:
        network = ip_network(text)
    except ValueError:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            return "is not an address or a network (CIDR)"
        return f"has bits behind its prefix, without which it is {network}"
    if text not in {str(network), str(network.network_address)}:
        return f"is not in canonical form, which is {network}"
    return None


def is_network(text: str) -> bool:
    """Tell whether `text` is meant to be an address or a network, and not a name."""
    return "/" in text or ":" in text or is_address(text)


def _destination(text: str) -> str | None:
    return _network(text) if is_network(text) else _dns_name(text.removeprefix("."))


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


def _inventory_name(text: str) -> str | None:
    return None if _HOST.fullmatch(text) else "is not a name that a host of an inventory can have"


def _user(text: str) -> str | None:
    return None if _USER.fullmatch(text) else "is not a name that a user of a host can have"


def _host(text: str) -> str | None:
    return _address(text) if is_address(text) else _dns_name(text)


def _project(text: str) -> str | None:
    return None if _PROJECT.fullmatch(text) else "is not a normalised project name (PEP 503)"


def _name(text: str) -> str | None:
    if len(text) > _NAME_LENGTH:
        return f"is longer than {_NAME_LENGTH} characters"
    return None if _PROJECT.fullmatch(text) else "is not a usable name"


def split_url(url: str) -> tuple[str, int, str]:
    """
    Return host, port and path of an https URL.

    Raises ValueError when `url` is none, or has a user, a port that does not exist, or no path.
    """
    match = _BASE_URL.fullmatch(url)
    if not match or "@" in match[1]:
        raise ValueError("not a plain https URL")
    port = int(match[2] or HTTPS_PORT)
    if port > _LAST_PORT:
        raise ValueError(f"not a port: {port}")
    return match[1], port, match[3]


def _base_url(path: re.Pattern[str]) -> Callable[[str], str | None]:
    def fault(text: str) -> str | None:
        if not text.startswith("https://"):
            return "is not an https URL"
        if "@" in text.removeprefix("https://").partition("/")[0]:
            return "has a user; write it as username and password"
        if "?" in text or "#" in text:
            return "has a query or a fragment"
        if not text.endswith("/"):
            return "does not end with a slash"
        if text.startswith("https://["):
            return "has an IPv6 address, which file URLs of the appliance cannot hold"
        return _plain_url(text, path)

    return fault


def _plain_url(text: str, path: re.Pattern[str]) -> str | None:
    try:
        host, port, rest = split_url(text)
    except ValueError:
        return "is not a URL with a host, maybe a port, and a path"
    if not is_address(host) and _dns_name(host):
        return f"has a host that {_dns_name(host)}"
    if port == HTTPS_PORT and text.startswith(f"https://{host}:"):
        return f"names the port that every https URL has ({HTTPS_PORT})"
    if {".", ".."} & set(rest.split("/")):
        return "has a part that is . or .."
    return None if path.fullmatch(rest) else "has characters that a path may not have here"


def _username(text: str) -> str | None:
    # RFC 7617, section 2.
    if ":" in text:
        return "has a colon, which no user name may have"
    return None if text.isascii() and _is_secret(text) else "is not a usable user name"


def _password(text: str) -> str | None:
    if text.endswith(("\n", "\r")):
        return "ends with a line break"
    return None if _is_secret(text) else "has control characters, or a space at an end"


def _is_secret(text: str) -> bool:
    return text.isprintable() and text == text.strip()


def _missing_status(number: int) -> str | None:
    if number in _NEVER_MISSING:
        return "says that the credentials are wrong or that a trouble passes"
    return None if number in _STATUSES else "is not a status of the client's errors"


def _pattern(text: str) -> str | None:
    if _PROJECT.fullmatch(text.replace("*", "x")):
        return None
    if text != text.lower() or "_" in text or "." in text:
        return "is not normalised (PEP 503): lower case, and - in place of _ and ."
    return "is not a project name in which * stands for any characters"


def _specifiers(text: str) -> str | None:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return "is not a set of version specifiers (PEP 440)"
    return None


def _filename_pattern(text: str) -> str | None:
    if "/" in text:
        return "has a slash, and is compared with the file's name only"
    fits = 0 < len(text) <= _FILENAME_PATTERN_LENGTH and text.isascii() and text.isprintable()
    return None if fits else "is not a pattern of file names"


def _reason(text: str) -> str | None:
    return None if _SENTENCE.fullmatch(text) else "is not a sentence that every client can show"


def _slice_size(text: str) -> str | None:
    match = _SIZE.fullmatch(text)
    if not match or match[2] == "g":
        return "is not a size in k or m"
    fits = _SLICE_SIZES[0] <= size_in_bytes(text) <= _SLICE_SIZES[1]
    return None if fits else "is not between 256k and 64m"


def _zone(text: str) -> str | None:
    if text in _OWN_ZONES:
        return "is a zone of the appliance's own"
    return _name(text)


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

_NETWORK = Shape("an address or a network, such as 192.0.2.0/24 or 2001:db8::/32", _network)

_PATTERN = Shape(
    "a normalised project name, or one in which * stands for any characters, such as acme-*",
    _pattern,
)
_INDEX_NAME = Shape(
    f"at most {_NAME_LENGTH} lower-case letters and digits joined by single hyphens, such as acme",
    _name,
)

#: The shape of every setting that has one; for a list, the shape of each of its items. A key of the
#: entries of a setting stands after a dot.
SHAPES: Mapping[str, Shape] = {
    "cellar_server_names": _NAME,
    "cellar_server_addresses": Shape("an IP address, such as 192.0.2.10", _address),
    "cellar_listen_addresses": Shape("an IP address, such as 10.88.0.1", _address),
    "cellar_loopback_addresses": Shape("an IP address, such as 10.255.255.1", _address),
    "cellar_https_port": _within(1, 65535),
    "cellar_http_port": _within(0, 65535),
    "cellar_proxy_port": _within(1024, 65535),
    "cellar_proxy_networks": _NETWORK,
    "cellar_proxy_ports": _within(1, 65535),
    "cellar_proxy_allowed": Shape(
        "a name, a domain with a leading dot, an address or a network, such as .corp.example",
        _destination,
    ),
    "cellar_pypi_index_host": _NAME,
    "cellar_pypi_files_host": _NAME,
    "cellar_upstream_ca_file": _FILE,
    "cellar_dns_servers": Shape("an IP address, such as 192.0.2.53", _address),
    "cellar_upstream_contact": _or_empty(
        Shape("a mail address or a URL, such as ci-admins@example.org", _contact)
    ),
    "cellar_page_max_age": _within(1, 600),
    "cellar_indexes.name": _INDEX_NAME,
    "cellar_indexes.url": Shape(
        "the base of a Simple API, such as https://packages.acme.example/simple/",
        _base_url(_URL_PATH),
    ),
    "cellar_indexes.files": Shape(
        "a prefix of file URLs, such as https://packages.acme.example/files/",
        _base_url(_FILES_PATH),
    ),
    "cellar_indexes.username": _or_empty(
        Shape("printable ASCII characters without a colon", _username)
    ),
    "cellar_indexes.password": _or_empty(
        Shape("one line of text, best in Ansible Vault and in quotes", _password)
    ),
    "cellar_indexes.ca_file": _FILE,
    "cellar_indexes.missing_statuses": Shape(
        "statuses such as 403 with which the index says that it has no such project",
        _missing_status,
    ),
    "cellar_routes.projects": _PATTERN,
    "cellar_routes.indexes": _INDEX_NAME,
    "cellar_file_rules.name": _INDEX_NAME,
    "cellar_file_rules.projects": _PATTERN,
    "cellar_file_rules.versions": Shape(
        'version specifiers such as ">=2,<3", or "" for any', _specifiers
    ),
    "cellar_file_rules.filenames": Shape(
        "a shell pattern such as *-win_amd64.whl", _filename_pattern
    ),
    "cellar_file_rules.younger_than_days": _within(0, 36500),
    "cellar_file_rules.larger_than": _or_empty(_SIZES),
    "cellar_file_rules.zone": _or_empty(_INDEX_NAME),
    "cellar_file_rules.reason": _or_empty(
        Shape("a sentence of at most 120 printable ASCII characters", _reason)
    ),
    "cellar_file_size_limit": _or_empty(_SIZES),
    "cellar_file_zones.name": Shape(_INDEX_NAME.expected, _zone),
    "cellar_file_zones.max_size": _or_empty(_SIZES),
    "cellar_file_zones.unused_days": _within(0, 3650),
    "cellar_slice_size": Shape("a size from 256k to 64m, such as 8m", _slice_size),
    "cellar_cache_dir": Shape(
        "an absolute path of the cache's own, such as /var/cache/cellar", _cache_dir
    ),
    "cellar_files_max_size": _SIZES,
    "cellar_metadata_max_size": _SIZES,
    "cellar_pages_max_size": _SIZES,
    "cellar_cache_min_free": _SIZES,
    "cellar_verify_days": _within(1, 3650),
    "cellar_verify_rate": _or_empty(_SIZES),
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
    "cellar_metrics_networks": _NETWORK,
    "cellar_log_days": _within(1, 3650),
    "cellar_report_days": _within(1, 3650),
    "cellar_report_networks": _NETWORK,
    "cellar_runner_appliance": _or_empty(
        Shape("the name of a host in the inventory, such as cellar.example.org", _inventory_name)
    ),
    "cellar_runner_address": _or_empty(Shape("an IP address, such as 192.0.2.10", _address)),
    "cellar_runner_server_name": _or_empty(
        Shape("a DNS name in lower case, such as cellar.example.org, or an IP address", _host)
    ),
    "cellar_runner_https_port": _within(1, 65535),
    "cellar_runner_proxy_port": _within(1, 65535),
    "cellar_runner_ca_files": Shape("an absolute path of letters, digits and _ + , = @ . -", _path),
    "cellar_runner_no_proxy": Shape(
        "a name, a domain with a leading dot, an address or a network, such as .corp.example",
        _destination,
    ),
    "cellar_runner_docker_users": Shape("the name of a user of the host, such as ci", _user),
    "cellar_runner_metrics_file": Shape(
        "an absolute path of letters, digits and _ + , = @ . -", _path
    ),
}

#: Lists that say nothing when they are empty, although they may be left out or must be given.
NEVER_EMPTY = frozenset(
    {
        "cellar_indexes.files",
        "cellar_routes.projects",
        "cellar_routes.indexes",
        "cellar_file_rules.projects",
    }
)
