"""Reading the HTML form of an index page (PEP 503) into the shape of the JSON form."""

import hashlib
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

from cellar.index.page import Page, PageError, absolute_url, is_web_url

_SERIAL = re.compile(r"\s*SERIAL (\d{1,18})\s*", re.ASCII)
_HASH = re.compile(r"([a-z0-9_]+)=([0-9a-fA-F]+)", re.ASCII)
_HASH_NAMES = frozenset(hashlib.algorithms_guaranteed)
_TITLE = re.compile(r"\s*links\s+for\s", re.IGNORECASE)

Attributes = dict[str, str]


def read_html(body: bytes, *, project: str, url: str) -> Page:
    """
    Read a page in HTML form.

    `body` is the identity-encoded text, `project` the normalised name that was asked for and `url`
    the page's final URL, which links are resolved against unless the page has a `<base>`.

    Raises:
        PageError: when this HTML is not a project's index page.

    """
    reader = _Reader()
    reader.feed(_text(body))
    reader.close()
    base = absolute_url(url, reader.base) if reader.base is not None else url
    files = [file for file in (_file(base, *anchor) for anchor in reader.anchors) if file]
    metas = reader.metas
    version = metas.get("pypi:repository-version", [None])[0]
    # A sign-in page or a proxy's error page is HTML as well, and often comes with status 200.
    if not files and version is None and not _TITLE.match(reader.title):
        raise PageError("The HTML is not an index page: it has no link to a file.")
    return Page(
        document=_document(project, files, metas, reader.serial),
        html_version=version or "1.0",
        serial=reader.serial,
        verbatim=None,
    )


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        # The HTML standard's fallback is windows-1252; this relative of it cannot fail.
        return body.decode("latin-1")


class _Reader(HTMLParser):
    """Collects what PEP 503 and its successors put into a page, and ignores the rest."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.base: str | None = None
        self.title = ""
        self.metas: dict[str, list[str]] = {}
        self.anchors: list[tuple[Attributes, str]] = []
        self.serial: int | None = None
        self._anchor: Attributes | None = None
        self._text: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes: Attributes = {}
        for name, value in attrs:
            # Of attributes that are given twice, the first counts (HTML standard).
            attributes.setdefault(name, value or "")
        if tag == "a":
            self._end_anchor()
            self._anchor, self._text = attributes, []
        elif tag == "title":
            self._text = []
        elif tag == "base" and self.base is None:
            self.base = attributes.get("href")
        elif tag == "meta" and "content" in attributes:
            self.metas.setdefault(attributes.get("name", ""), []).append(attributes["content"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end_anchor()
        elif tag == "title" and self._text is not None:
            self.title, self._text = "".join(self._text), None

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_comment(self, data: str) -> None:
        if serial := _SERIAL.fullmatch(data):
            self.serial = int(serial[1])

    def close(self) -> None:
        super().close()
        self._end_anchor()

    def _end_anchor(self) -> None:
        if self._anchor is not None:
            self.anchors.append((self._anchor, "".join(self._text or ()).strip()))
        self._anchor = self._text = None


def _document(
    project: str, files: list[dict[str, Any]], metas: dict[str, list[str]], serial: int | None
) -> dict[str, Any]:
    # Version 1.0 whatever the HTML says: from 1.1 on the JSON form must have `versions` and each
    # file's `size` (PEP 700), and an HTML page has neither.
    meta: dict[str, Any] = {"api-version": "1.0"}
    if serial is not None:
        meta["_last-serial"] = serial
    if "pypi:tracks" in metas:
        meta["tracks"] = metas["pypi:tracks"]
    document: dict[str, Any] = {"meta": meta, "name": project, "files": files}
    if "pypi:alternate-locations" in metas:
        document["alternate-locations"] = metas["pypi:alternate-locations"]
    if "pypi:project-status" in metas:
        document["project-status"] = {"status": metas["pypi:project-status"][0]}
        if "pypi:project-status-reason" in metas:
            document["project-status"]["reason"] = metas["pypi:project-status-reason"][0]
    return document


def _file(base: str, attributes: Attributes, text: str) -> dict[str, Any] | None:
    """Return an anchor as an entry of `files`, or None for an anchor that is no file link."""
    url, _, fragment = absolute_url(base, attributes.get("href", "").strip()).partition("#")
    if not is_web_url(url):
        return None
    filename = _filename(url)
    hashes, rest = _hashes(fragment)
    # PEP 503: the text of the anchor must be the file's name. A hash shows a file link as well;
    # anything else is navigation, such as a link to the parent directory.
    if not filename or not (text == filename or hashes):
        return None
    file: dict[str, Any] = {
        "filename": filename,
        "url": f"{url}#{rest}" if rest else url,
        "hashes": hashes,
    }
    for name, value in attributes.items():
        if name in _DATA_ATTRIBUTES:
            key, read = _DATA_ATTRIBUTES[name]
            file[key] = read(value)
        elif name.startswith("data-"):
            file[name] = value
    return file


def _filename(url: str) -> str:
    """Return the last part of the path of an absolute URL, without its percent-encoding."""
    path = url.partition("://")[2].partition("/")[2].partition("?")[0]
    return unquote(path.rpartition("/")[2])


def _hashes(fragment: str) -> tuple[dict[str, str], str]:
    """Split a URL's fragment into its hashes and what else it says (`egg=…`)."""
    hashes: dict[str, str] = {}
    rest = []
    for part in fragment.split("&"):
        found = _HASH.fullmatch(part)
        if found and found[1] in _HASH_NAMES:
            hashes[found[1]] = found[2].lower()
        elif part:
            rest.append(part)
    return hashes, "&".join(rest)


def _metadata(value: str) -> bool | dict[str, str]:
    # PEP 658: `true` or one hash. Installers take anything else but `false` for `true`.
    name, separator, digest = value.partition("=")
    return {name: digest} if separator else value != "false"


def _yanked(value: str) -> bool | str:
    # PEP 592: the attribute's presence counts. In JSON an empty text would mean "not yanked".
    return value or True


def _gpg_sig(value: str) -> bool:
    return value == "true"


_DATA_ATTRIBUTES: dict[str, tuple[str, Any]] = {
    "data-core-metadata": ("core-metadata", _metadata),
    "data-dist-info-metadata": ("dist-info-metadata", _metadata),
    "data-gpg-sig": ("gpg-sig", _gpg_sig),
    "data-provenance": ("provenance", str),
    "data-requires-python": ("requires-python", str),
    "data-yanked": ("yanked", _yanked),
}
