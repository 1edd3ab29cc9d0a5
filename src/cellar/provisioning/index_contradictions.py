"""Further indexes, and routes to them, that are sound one by one and cannot be true together."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from cellar.provisioning.completion import index_files, origin
from cellar.provisioning.patterns import covers
from cellar.provisioning.problem import Problem, show
from cellar.provisioning.shapes import split_url
from cellar.settings import PYPI

if TYPE_CHECKING:
    from collections.abc import Iterator

    Entries = list[dict[str, Any]]


def names(*, indexes: Entries) -> Iterator[Problem]:
    """Yield the names that are not an index's own."""
    seen: dict[str, int] = {}
    for number, index in enumerate(indexes):
        subject = f"cellar_indexes[{number}].name"
        if index["name"] == PYPI:
            yield Problem(subject, f"is {PYPI}, which is always there", "choose another name")
        elif index["name"] in seen:
            first = f"cellar_indexes[{seen[index['name']]}]"
            wrong = f"is the same as that of {first} ({show(index['name'])})"
            yield Problem(subject, wrong, "choose another name")
        seen.setdefault(index["name"], number)


def pypi_addresses(
    *, indexes: Entries, pypi_index_host: str, pypi_files_host: str
) -> Iterator[Problem]:
    """Yield the URLs that lead to PyPI."""
    for subject, url in _urls(indexes):
        if split_url(url)[0] in (pypi_index_host, pypi_files_host):
            yield Problem(
                subject,
                f"is on a host of PyPI ({show(url)})",
                f"remove the index; cellar_routes can name {PYPI}, which is always there",
            )


def own_addresses(
    *, indexes: Entries, server_names: list[str], server_addresses: list[str], https_port: int
) -> Iterator[Problem]:
    """Yield the URLs that lead to the appliance itself."""
    for subject, url in _urls(indexes):
        host, port, _ = split_url(url)
        if host in (*server_names, *server_addresses) and port == https_port:
            yield Problem(
                subject,
                f"is the appliance, which would ask itself ({show(url)})",
                "name the server that the packages come from",
            )


def _urls(indexes: Entries) -> Iterator[tuple[str, str]]:
    """Yield every URL of the indexes, with the key that it is in."""
    for number, index in enumerate(indexes):
        yield f"cellar_indexes[{number}].url", index["url"]
        for url in index.get("files", []):
            yield f"cellar_indexes[{number}].files", url


def same_place(*, indexes: Entries) -> Iterator[Problem]:
    """Yield the indexes that are another one again, and file prefixes that stand twice."""
    seen: dict[str, int] = {}
    for number, index in enumerate(indexes):
        if index["url"] in seen:
            yield Problem(
                f"cellar_indexes[{number}].url",
                f"is the same as that of cellar_indexes[{seen[index['url']]}]",
                "remove one of them",
            )
        seen.setdefault(index["url"], number)
        files = index.get("files", [])
        for url in dict.fromkeys(url for url in files if files.count(url) > 1):
            subject = f"cellar_indexes[{number}].files"
            yield Problem(subject, f"has an item twice ({show(url)})", "remove one of them")


def credentials(*, indexes: Entries) -> Iterator[Problem]:
    """Yield halves of credentials."""
    for number, index in enumerate(indexes):
        for given, lacking in (("username", "password"), ("password", "username")):
            if index.get(given) and not index.get(lacking):
                yield Problem(
                    f"cellar_indexes[{number}].{lacking}",
                    f"is empty, and {given} is set",
                    "give the index both, or neither",
                )


def shared_origins(*, indexes: Entries) -> Iterator[Problem]:
    """Yield the indexes whose files come from one host by different credentials or another CA."""
    seen: dict[str, int] = {}
    for number, index in enumerate(indexes):
        for place in dict.fromkeys(origin(url) for url in index_files(index)):
            first = seen.setdefault(place, number)
            differing = [
                key
                for key in ("username", "password", "ca_file")
                if index.get(key, "") != indexes[first].get(key, "")
            ]
            if differing:
                yield Problem(
                    f"cellar_indexes[{number}].files",
                    f"share {place} with those of cellar_indexes[{first}], "
                    f"and {' and '.join(differing)} differ",
                    "give both the same, or let files name only what is an index's own",
                )


def route_indexes(*, indexes: Entries, routes: Entries) -> Iterator[Problem]:
    """Yield what routes say of indexes that are not there, and indexes of which no route speaks."""
    known = [PYPI, *(index["name"] for index in indexes)]
    for number, route in enumerate(routes):
        subject = f"cellar_routes[{number}].indexes"
        for name in dict.fromkeys(route["indexes"]):
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                remedy = f"did you mean {near[0]}?" if near else "add it to cellar_indexes"
                yield Problem(subject, f"has an unknown index ({show(name)})", remedy)
            if route["indexes"].count(name) > 1:
                yield Problem(subject, f"has an item twice ({show(name)})", "remove one of them")
    routed = {name for route in routes for name in route["indexes"]}
    for number, index in enumerate(indexes):
        if index["name"] not in routed:
            yield Problem(
                f"cellar_indexes[{number}].name",
                f"is in no route ({show(index['name'])}), so nothing comes from this index",
                "say in cellar_routes which projects it owns, or remove it",
            )


def route_patterns(*, routes: Entries) -> Iterator[Problem]:
    """Yield the patterns that never decide, because one before them matches all the same names."""
    seen: list[tuple[int, str]] = []
    for number, route in enumerate(routes):
        subject = f"cellar_routes[{number}].projects"
        for pattern in route["projects"]:
            for first, earlier in seen:
                if covers(earlier, pattern):
                    yield Problem(
                        subject,
                        f"has {show(pattern)}, and {show(earlier)} of cellar_routes[{first}] "
                        "decides for the same names before it",
                        "remove it, or move it up",
                    )
                    break
            seen.append((number, pattern))


RULES = (
    names,
    pypi_addresses,
    own_addresses,
    same_place,
    credentials,
    shared_origins,
    route_indexes,
    route_patterns,
)
