"""The JSON form of an index page (PEP 691): reading it and writing it."""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from cellar.index.names import is_valid, normalise
from cellar.index.page import Page, PageError, absolute_url

# PEP 833 freezes the HTML form at this version of the API.
_LAST_HTML_MINOR = 4


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
    resolved = [_resolve(file, url) for file in document["files"]]
    unchanged = all(new is old for new, old in zip(resolved, document["files"], strict=True))
    meta = document["meta"]
    return Page(
        document=document if unchanged else {**document, "files": resolved},
        html_version=_html_version(meta.get("api-version")),
        serial=_serial(meta.get("_last-serial")),
        verbatim=body if unchanged else None,
    )


def write_json(document: Mapping[str, Any]) -> bytes:
    """
    Write a document in JSON form: compact, keys in their order, ASCII only.

    ASCII because a lone surrogate, which JSON can carry as an escape, has no UTF-8 form.
    """
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")


def parse_json(body: bytes) -> Any:
    """
    Parse a text strictly: what is written from it again is JSON as well.

    Raises:
        PageError: when it is not JSON.

    """
    try:
        return json.loads(
            body.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_float=_finite
        )
    except RecursionError:
        raise PageError("The JSON is nested too deeply.") from None
    except ValueError as error:
        raise PageError(f"The JSON cannot be parsed: {error}.") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    # 1e999 would come out again as Infinity, which is not JSON.
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


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


def _resolve(file: dict[str, Any], base: str) -> dict[str, Any]:
    url = absolute_url(base, file["url"])
    return file if url == file["url"] else {**file, "url": url}


def _serial(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _html_version(api_version: object) -> str:
    """Return the version that the page's HTML view may claim (PEP 629, PEP 833)."""
    if not isinstance(api_version, str):
        return "1.0"
    major, _, minor = api_version.partition(".")
    if major == "1" and minor.isdecimal() and int(minor) > _LAST_HTML_MINOR:
        return f"1.{_LAST_HTML_MINOR}"
    return api_version
