"""Reading the HTML form of an index page (PEP 503) into the shape of the JSON form."""

import re
from typing import Any
from urllib.parse import unquote

from cellar.index.markup import Attributes, Kind, attribute_value, text_value, tokens
from cellar.index.names import normalise
from cellar.index.page import HASH, Page, PageError, Resolver, is_web_url

_SERIAL = re.compile(r"\s*SERIAL (\d{1,18})\s*", re.ASCII)
_HEADING = re.compile(r"\blinks\s+for\s", re.IGNORECASE)
# The file names of distributions that indexes have ever had.
_DISTRIBUTION = re.compile(
    r".+\.(?:whl|egg|zip|tar|tgz|tbz|tbz2|txz|tar\.(?:gz|bz2|xz|Z|lz|lzma|zst)"
    r"|exe|msi|rpm|deb|dmg|pybundle)",
    re.IGNORECASE,
)
# A name with one of these would lead a client out of the folder that it writes to.
_NO_FILENAME = re.compile(r"[/\\\x00-\x1f\x7f]|\A\.{0,2}\Z")


def read_html(body: bytes, *, project: str, url: str) -> Page:
    """
    Read a page in HTML form.

    `body` is the identity-encoded text, `project` the normalised name that was asked for and `url`
    the page's final URL, which links are resolved against unless the page has a `<base>`.

    A directory listing of a web server is a page as well: its files are the links to distributions.

    Raises:
        PageError: when this HTML is not a project's index page.

    """
    reader = _Reader(_text(body))
    resolver = Resolver(url if reader.base is None else Resolver(url).absolute(reader.base))
    version = reader.metas.get("pypi:repository-version", [None])[0]
    is_index = version is not None or reader.heading
    files = [
        file
        for attributes, text in reader.anchors
        if (file := _file(resolver, attributes))
        and _is_file_link(file, text, project, is_index=is_index)
    ]
    # A sign-in page or a proxy's error page is HTML as well, and often comes with status 200.
    if not is_index and not any(f["hashes"] or _belongs(f["filename"], project) for f in files):
        raise PageError("The HTML is not an index page: it has no link to a file of the project.")
    return Page(
        document=_document(project, files, reader.metas, reader.serial),
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


class _Reader:
    """
    What PEP 503 and its successors put into a page; the rest is ignored.

    `heading` tells whether the page says that these are the links for a project.
    """

    def __init__(self, html: str) -> None:
        self.base: str | None = None
        self.heading = False
        self.metas: dict[str, list[str]] = {}
        self.anchors: list[tuple[Attributes, str]] = []
        self.serial: int | None = None
        self._inside: str | None = None
        self._anchor: Attributes = {}
        self._texts: list[str] = []
        for kind, text, attributes in tokens(html):
            if kind is Kind.TEXT:
                if self._inside is not None:
                    self._texts.append(text)
            elif kind is Kind.START:
                self._start(text, attributes)
            elif kind is Kind.END:
                if text == self._inside:
                    self._end()
            elif serial := _SERIAL.fullmatch(text):
                self.serial = int(serial[1])
        self._end()

    def _start(self, tag: str, attributes: Attributes) -> None:
        if tag in {"a", "h1", "title"}:
            self._end()
            self._inside, self._anchor = tag, attributes
        elif tag == "base" and self.base is None and "href" in attributes:
            self.base = attribute_value(attributes["href"]).strip()
        elif tag == "meta" and "content" in attributes:
            name = attribute_value(attributes.get("name", ""))
            self.metas.setdefault(name, []).append(attribute_value(attributes["content"]))

    def _end(self) -> None:
        text = text_value("".join(self._texts)).strip()
        if self._inside == "a":
            self.anchors.append((self._anchor, text))
        elif self._inside is not None and _HEADING.search(text):
            self.heading = True
        self._inside, self._texts = None, []


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


def _file(resolver: Resolver, attributes: Attributes) -> dict[str, Any] | None:
    """Return an anchor as an entry of `files`, or None if it does not lead to a file."""
    # What browsers and installers do to the value of an href (WHATWG URL, section 4.4).
    href = attribute_value(attributes.get("href", "")).strip()
    href = href.replace("\t", "").replace("\n", "")
    if not href or href.startswith("#"):
        return None
    url, _, fragment = resolver.absolute(href).partition("#")
    if not is_web_url(url) or _NO_FILENAME.search(filename := _filename(url)):
        return None
    hashes, rest = _hashes(fragment)
    file: dict[str, Any] = {
        "filename": filename,
        "url": f"{url}#{rest}" if rest else url,
        "hashes": hashes,
    }
    for name, value in attributes.items():
        if name in _DATA_ATTRIBUTES:
            key, read = _DATA_ATTRIBUTES[name]
            file[key] = read(attribute_value(value))
        elif name.startswith("data-"):
            file[name] = attribute_value(value)
    return file


def _is_file_link(file: dict[str, Any], text: str, project: str, *, is_index: bool) -> bool:
    """
    Tell the link to a file from navigation, such as the link to the parent directory.

    PEP 503: the text of the anchor must be the file's name. But web servers cut long names short
    in their listings, and people write other texts.
    """
    if file["hashes"]:
        return True
    filename = file["filename"]
    if _DISTRIBUTION.fullmatch(filename):
        return bool(text == filename or _belongs(filename, project))
    return bool(is_index and text == filename and _belongs(filename, project))


def _belongs(filename: str, project: str) -> bool:
    """Tell whether a file's name begins as those of the project's files do."""
    return normalise(filename).startswith(f"{project}-")


def _filename(url: str) -> str:
    """Return the last part of the path of an absolute URL, without its percent-encoding."""
    path = url.partition("://")[2].partition("/")[2].partition("?")[0]
    return unquote(path.rpartition("/")[2])


def _hashes(fragment: str) -> tuple[dict[str, str], str]:
    """Split a URL's fragment into its hashes and what else it says (`egg=…`)."""
    hashes: dict[str, str] = {}
    rest = []
    for part in fragment.split("&"):
        found = HASH.fullmatch(part)
        if found:
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
