"""The JSON form of an index page (PEP 691): reading it and writing it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from cellar.index.names import is_valid, normalise
from cellar.index.page import ABSOLUTE, Page, PageError, Resolver

# Values of a page, or rather the commas and brackets between them. The largest pages of PyPI have a
# tenth of that. Each can take 100 bytes, so a small page needs no counting.
VALUES_LIMIT = 2_000_000

_UTF_8_BOM = b"\xef\xbb\xbf"
# PEP 833 freezes the HTML form at this version of the API.
_LAST_HTML_VERSION = "1.4"
_LATER_MINOR_VERSION = re.compile(r"1\.0*(?:[5-9]|[1-9][0-9]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a page that Python would write otherwise than upstream: `1e2`, `1.10`, `-0`."""

    text: str


def read_json(body: bytes, *, project: str, url: str) -> Page:
    """
    Read a page in JSON form.

    `body` is the identity-encoded text, `project` the normalised name that was asked for and `url`
    the page's final URL, which relative file URLs are resolved against.

    Raises:
        PageError: when this is not the JSON form of that project's page.

    """
    document = parse_json(body)
    _check_shape(document, project)
    # A byte order mark is no JSON, whatever upstream thinks.
    verbatim: bytes | None = body.removeprefix(_UTF_8_BOM)
    resolver = Resolver(url)
    for file in document["files"]:
        written = file["url"]
        if not written.startswith(ABSOLUTE) and (resolved := resolver.absolute(written)) != written:
            file["url"] = resolved
            verbatim = None
    meta = document["meta"]
    return Page(
        document=document,
        html_version=_html_version(meta.get("api-version")),
        serial=_serial(meta.get("_last-serial")),
        verbatim=verbatim,
    )


def parse_json(body: bytes) -> Any:
    """
    Parse a text strictly, so that what is written from it is JSON as well.

    Raises:
        PageError: when it is not JSON, is nested too deeply or has too many values.

    """
    if len(body) > VALUES_LIMIT and sum(map(body.count, (b",", b"[", b"{"))) > VALUES_LIMIT:
        raise PageError(f"The JSON has more than {VALUES_LIMIT} values.")
    try:
        return json.loads(
            body.decode("utf-8-sig"),
            parse_constant=_refuse_constant,
            parse_float=_float,
            parse_int=_integer,
        )
    except RecursionError:
        raise PageError("The JSON is nested too deeply.") from None
    except ValueError as error:
        raise PageError(f"The JSON cannot be parsed: {error}.") from None


def write_json(document: Mapping[str, Any]) -> bytes:
    """
    Write a document in JSON form: compact, keys in their order, ASCII only.

    ASCII because a lone surrogate, which JSON can carry as an escape, has no UTF-8 form.

    Raises:
        RecursionError: when the document is nested too deeply.

    """
    try:
        text = _encode(document)
    except _NumberFoundError:
        text = _written(document)
    return text.encode("ascii")


class _NumberFoundError(Exception):
    """The document has a `Number`, which the standard library cannot write."""


def _refuse_number(_: object) -> NoReturn:
    raise _NumberFoundError


_encode = json.JSONEncoder(
    separators=(",", ":"), allow_nan=False, check_circular=False, default=_refuse_number
).encode


def _written(value: Any) -> str:
    """Return a value in JSON form. It takes several times as long as the standard library."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        items = (f"{_encode(key)}:{_written(inner)}" for key, inner in value.items())
        return f"{{{','.join(items)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_written, value))}]"
    return _encode(value)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _float(text: str) -> float | Number:
    number = float(text)
    return number if repr(number) == text else Number(text)


def _integer(text: str) -> int | Number:
    return Number(text) if text == "-0" else int(text)


def _check_shape(document: Any, project: str) -> None:
    if not isinstance(document, dict):
        raise PageError("The JSON is not an object.")
    if not isinstance(document.get("meta"), dict):
        raise PageError("The JSON has no object under the key meta.")
    name = document.get("name")
    if not isinstance(name, str) or not is_valid(name) or normalise(name) != project:
        raise PageError("The JSON is not the page of the project that was asked for.")
    files = document.get("files")
    if not isinstance(files, list):
        raise PageError("The JSON has no list under the key files.")
    for file in files:
        if not isinstance(file, dict):
            raise PageError("An entry of files is not an object.")
        if not isinstance(file.get("url"), str) or not isinstance(file.get("filename"), str):
            raise PageError("An entry of files lacks its url or its filename.")


def _serial(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _html_version(api_version: object) -> str:
    """Return the version that the page's HTML view may claim (PEP 629, PEP 833)."""
    if not isinstance(api_version, str):
        return "1.0"
    return _LAST_HTML_VERSION if _LATER_MINOR_VERSION.fullmatch(api_version) else api_version
