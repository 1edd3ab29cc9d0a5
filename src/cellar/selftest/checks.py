"""The checks of `cellar selftest`."""

import hashlib
import shutil
import time
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cellar.index.page import PageError
from cellar.index.views import read_page
from cellar.resolving import failures
from cellar.selftest.door import Door, ProxyDoor
from cellar.selftest.report import Check, CheckError, Finding
from cellar.settings import Settings
from cellar.tls import TrustError, tls_context
from cellar.upstream import AccessError, ProjectNotFoundError, UpstreamError, ask_pages

_JSON = "application/vnd.pypi.simple.v1+json"
_REWRITER_LOG = "see `journalctl -u cellar-rewriter`"
# How many seconds the engine may take beyond what the rewriter takes at most.
_ENGINE_TIME = 10
_GIGABYTE = 1e9
# As the access log names them.
_INDEX, _INTERCEPT = "index", "intercept"
_PROXY = "proxy"


def checks(settings: Settings) -> list[Check]:
    """Return the checks of an appliance, in an order in which each has what it needs."""
    return _Checks(settings).all()


class _Checks:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._project = settings.appliance.selftest_project
        self._pypi = settings.indexes[0]
        self._files_url = self._pypi.files[0]
        self._index_host = urlsplit(self._pypi.url).hostname or ""
        self._files_host = urlsplit(self._files_url).hostname or ""

    def all(self) -> list[Check]:
        own = self._settings.appliance.server_names
        # First, since without it pages and files say nothing that it does not say better.
        found = [Check("upstream names", self._names), Check("upstream", self._upstream)]
        found += [self._tls(name, _INDEX) for name in own]
        trusted = (f"TLS of {own[0]}",)
        found.append(Check("health check", partial(self._health, own[0]), trusted, _INDEX))
        found.append(Check("rewriter", partial(self._rewriter, own[0]), trusted))
        found += self._pages_and_files(_INDEX, own[0], own[0], f"https://{own[0]}/packages/")
        if self._settings.appliance.intercept:
            hosts = self._index_host, self._files_host
            found += [self._tls(name, _INTERCEPT) for name in dict.fromkeys(hosts)]
            found += self._pages_and_files(_INTERCEPT, *hosts, self._files_url)
            if self._settings.appliance.proxy_port:
                found += [self._tunnel(name) for name in dict.fromkeys(hosts)]
        return [*found, Check("disk", self._disk)]

    def _tls(self, name: str, door: str) -> Check:
        return Check(f"TLS of {name}", partial(self._certificate, name), door=door)

    def _tunnel(self, name: str) -> Check:
        leads = partial(self._led, name)
        return Check(f"{name}, proxy door", leads, (f"TLS of {name}",), _PROXY)

    def _pages_and_files(
        self, door: str, pages_name: str, files_name: str, files_url: str
    ) -> list[Check]:
        page, file = f"page, {door} door", f"file, {door} door"
        return [
            Check(
                page, partial(self._page, pages_name), ("upstream", f"TLS of {pages_name}"), door
            ),
            Check(
                file,
                partial(self._file, pages_name, files_name, files_url),
                (page, f"TLS of {files_name}"),
                door,
            ),
        ]

    def _door(self, name: str, *, through_proxy: bool = False) -> Door:
        appliance, upstream = self._settings.appliance, self._settings.upstream
        try:
            tls = tls_context(appliance.ca_file, key="the appliance")
        except TrustError as error:
            raise _failed(str(error)) from error
        timeout = upstream.connect_timeout + upstream.read_timeout + _ENGINE_TIME
        to = name, appliance.address, appliance.https_port, tls, timeout
        return ProxyDoor(*to, proxy_port=appliance.proxy_port) if through_proxy else Door(*to)

    def _led(self, name: str) -> Finding:
        # A certificate that clients trust for this name is no other machine's.
        self._door(name, through_proxy=True).certificate_end()
        return Finding("leads to the intercept door")

    def _certificate(self, name: str) -> Finding:
        end = self._door(name).certificate_end()
        days = (end - datetime.now(UTC)).days
        return Finding(f"trusted, {days} days left", {"ends": end.timestamp()})

    def _health(self, name: str) -> Finding:
        self._door(name).get("/healthz")
        return Finding("answered")

    def _rewriter(self, name: str) -> Finding:
        # Without its last slash a page's path is answered by the rewriter, and never cached.
        path = f"/simple/{self._project}"
        self._door(name).get(path, status=HTTPStatus.MOVED_PERMANENTLY)
        return Finding("answered")

    def _page(self, name: str) -> Finding:
        return Finding(f"from the cache, {len(self._files(name))} files of {self._project}")

    def _files(self, name: str) -> list[dict[str, Any]]:
        """Return the `files` of the project's page, their URLs absolute."""
        path = f"/simple/{self._project}/"
        response = self._door(name).get_cached(path, accept=_JSON)
        return _page_files(response.content, self._project, f"https://{name}{path}")

    def _file(self, pages_name: str, files_name: str, files_url: str) -> Finding:
        cached = [f for f in self._files(pages_name) if f["url"].startswith(files_url)]
        if not cached:
            raise CheckError(
                f"the page of {self._project} has no file URL that begins with {files_url}",
                "correct cellar_pypi_files_host",
            )
        file = min(cached, key=_size)
        path = urlsplit(file["url"]).path
        body = self._door(files_name).get_cached(path).content
        digest = hashlib.blake2b(body, digest_size=32).hexdigest()
        # /packages/<2>/<2>/<60>/<file name>
        if digest != "".join(path.split("/")[-4:-1]):
            raise CheckError(
                f"the content of {path} does not match its path: its blake2b-256 is {digest}",
                "remove the object from the cache",
            )
        return Finding(
            f"from the cache, {file['filename']}, {len(body)} bytes, content proved by its path"
        )

    def _names(self) -> Finding:
        # What was known of them may go on to serve, so that nothing else needs this.
        found = failures(self._settings)
        if found:
            problems = dict.fromkeys(failure.problem for failure in found)
            remedies = dict.fromkeys(failure.remedy for failure in found)
            raise CheckError(", and ".join(problems), ", and ".join(remedies))
        return Finding("all lead elsewhere")

    def _upstream(self) -> Finding:
        begin = time.monotonic()
        try:
            found = ask_pages(self._settings, self._project)
        except AccessError as error:
            raise _failed(str(error)) from error
        except ProjectNotFoundError as error:
            raise CheckError(
                f"upstream has no project {self._project}",
                "correct cellar_pypi_index_host or cellar_selftest_project",
            ) from error
        except UpstreamError as error:
            raise CheckError(
                error.reason.rstrip("."),
                "check the network between the appliance and upstream; where a gateway inspects "
                "TLS, name its CA bundle in cellar_upstream_ca_file",
            ) from error
        seconds = time.monotonic() - begin
        files = [file for page in found for file in _page_files(page.body, self._project, page.url)]
        words = f"answered in {seconds:.1f} s, {len(files)} files of {self._project}"
        return Finding(words, {"seconds": seconds})

    def _disk(self) -> Finding:
        directory = Path(self._settings.appliance.cache_dir)
        if not directory.is_dir():
            raise CheckError(f"{directory} is not a directory", "run the playbook again")
        free = shutil.disk_usage(directory).free
        least = self._settings.appliance.min_free
        if free < least:
            raise CheckError(
                f"{_gigabytes(free)} are free in {directory}, less than the {_gigabytes(least)} "
                "that must be",
                "enlarge the file system or lower the sizes of the cache",
            )
        return Finding(f"{_gigabytes(free)} are free in {directory}")


def _page_files(body: bytes, project: str, url: str) -> list[dict[str, Any]]:
    try:
        files: list[dict[str, Any]] = read_page(body, project=project, url=url).document["files"]
    except PageError as error:
        raise CheckError(f"{url} is no index page: {error}".rstrip("."), _REWRITER_LOG) from error
    return files


def _size(file: dict[str, Any]) -> float:
    size = file.get("size")
    # A page made from HTML knows no sizes: then any file will do.
    return size if isinstance(size, int) else float("inf")


def _gigabytes(size: int) -> str:
    return f"{size / _GIGABYTE:.1f} GB"


def _failed(sentence: str) -> CheckError:
    problem, _, remedy = sentence.rstrip(".").partition("; ")
    return CheckError(problem, remedy)
