"""`cellar selftest` on an appliance that does not work."""

import json
import re
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import trustme

from unit.cellar.appliance import CHECKS, World, outcomes
from unit.cellar.servers import Answer

Change = Callable[[World], None]


def answering(path: str, change: Callable[[Answer], Answer]) -> Change:
    """Return a change that spoils the answers to paths that begin with `path`."""

    def spoil(world: World) -> None:
        world.appliance.changed = lambda request, answer: (
            change(answer) if request.path.startswith(path) else answer
        )

    return spoil


def setting(section: str, **values: Any) -> Change:
    return lambda world: world.changes[section].update(values)


def upstream(answer: Answer) -> Change:
    def spoil(world: World) -> None:
        world.upstream = lambda _: answer

    return spoil


def certificate_for(*names: str) -> Change:
    def spoil(world: World) -> None:
        world.names = list(names)

    return spoil


def trusted(key: str) -> Change:
    def spoil(world: World) -> None:
        path = world.directory / "other.pem"
        trustme.CA().cert_pem.write_to_path(path)
        world.changes[key]["ca_file"] = str(path)

    return spoil


def closed(world: World) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        world.changes["appliance"]["https_port"] = free.getsockname()[1]


def resolving(**addresses: list[str] | None) -> Change:
    """Return a change of what the DNS says: of `files` and `index`; None for no answer."""

    def spoil(world: World) -> None:
        for name, host in {"index": "localhost", "files": "files.example"}.items():
            named = addresses.get(name, world.addresses[host])
            if named is None:
                del world.addresses[host]
            else:
                world.addresses[host] = named

    return spoil


DOORS = CHECKS[2:12]
PAGES_AND_FILES = ["page, index door", "page, intercept door"]
FILES = ["file, index door", "file, intercept door"]
TLS = [name for name in CHECKS if name.startswith("TLS")]
NO_FILES = json.dumps({"meta": {}, "name": "an-example", "files": []}).encode()

# What is wrong, which checks fail with what words, and which are skipped for it.
FAULTS: dict[str, tuple[Change, list[str], str, list[str]]] = {
    "the appliance is off": (
        closed,
        TLS,
        "Connection refused",
        [name for name in DOORS if name not in TLS],
    ),
    "a CA of somebody else": (
        trusted("appliance"),
        TLS,
        "the certificate is not trusted",
        [name for name in DOORS if name not in TLS],
    ),
    "a CA bundle that is missing": (
        setting("appliance", ca_file="/nonexistent/ca.pem"),
        TLS,
        "/nonexistent/ca.pem",
        [name for name in DOORS if name not in TLS],
    ),
    "a certificate without one intercepted name": (
        certificate_for("cellar.example", "second.example", "localhost"),
        ["TLS of files.example"],
        "files.example",
        ["file, intercept door"],
    ),
    "a certificate without a second name": (
        certificate_for("cellar.example", "localhost", "files.example"),
        ["TLS of second.example"],
        "second.example",
        [],
    ),
    "a health check that fails": (
        answering("/healthz", lambda a: replace(a, status=500)),
        ["health check"],
        "status 500",
        [],
    ),
    "the rewriter is stopped while its pages are cached": (
        lambda world: setattr(
            world.appliance,
            "changed",
            lambda request, answer: (
                answer if request.path != "/simple/an-example" else Answer(503, b"")
            ),
        ),
        ["rewriter"],
        "status 503",
        [],
    ),
    "pages are not cached": (
        answering("/simple/", lambda a: replace(a, header={"X-Cache": "MISS"})),
        PAGES_AND_FILES,
        "X-Cache says MISS",
        FILES,
    ),
    "pages are stale because they cannot be refreshed": (
        answering("/simple/", lambda a: replace(a, header={"X-Cache": "STALE"})),
        PAGES_AND_FILES,
        "X-Cache says STALE",
        FILES,
    ),
    "no X-Cache": (
        answering("/simple/", lambda a: replace(a, header={})),
        PAGES_AND_FILES,
        "X-Cache says nothing",
        FILES,
    ),
    "the rewriter is down": (
        answering("/simple/", lambda _: Answer(503, b"down")),
        ["rewriter", *PAGES_AND_FILES],
        "status 503",
        FILES,
    ),
    "pages that are no pages": (
        answering("/simple/", lambda a: replace(a, body=b"It works!")),
        PAGES_AND_FILES,
        "is no index page",
        FILES,
    ),
    "pages without files": (
        answering("/simple/", lambda a: replace(a, body=NO_FILES)),
        FILES,
        "no file URL that begins with",
        [],
    ),
    "files that are not there": (
        answering("/packages/", lambda _: Answer(404)),
        FILES,
        "status 404",
        [],
    ),
    "files are not cached": (
        answering("/packages/", lambda a: replace(a, header={"X-Cache": "MISS"})),
        FILES,
        "X-Cache says MISS",
        [],
    ),
    "one wrong byte in a file": (
        answering("/packages/", lambda a: replace(a, body=b"Small file")),
        FILES,
        "does not match its path",
        [],
    ),
    "a DNS that leads upstream's names to the appliance": (
        resolving(index=["192.0.2.1"], files=["192.0.2.1"]),
        ["upstream names"],
        "192.0.2.1, which is this appliance; set cellar_dns_servers to servers that know the real ",
        [],
    ),
    "a name of upstream that cannot be resolved": (
        resolving(files=None),
        ["upstream names"],
        "files.example cannot be resolved by (); check that name",
        [],
    ),
    "a name of upstream without an address to go to": (
        resolving(index=[]),
        ["upstream names"],
        "localhost has no address that this appliance has a route to; ",
        [],
    ),
    "upstream without the project": (
        upstream(Answer(404)),
        ["upstream"],
        "correct cellar_pypi_index_host or cellar_selftest_project",
        [*PAGES_AND_FILES, *FILES],
    ),
    "upstream in trouble": (
        upstream(Answer(500)),
        ["upstream"],
        "status 500",
        [*PAGES_AND_FILES, *FILES],
    ),
    "upstream without a page": (
        upstream(Answer(200, b"It works!")),
        ["upstream"],
        "is no index page",
        [*PAGES_AND_FILES, *FILES],
    ),
    "upstream with another CA": (
        trusted("upstream"),
        ["upstream"],
        "name its CA bundle in cellar_upstream_ca_file",
        [*PAGES_AND_FILES, *FILES],
    ),
    "no CA bundle for upstream": (
        setting("upstream", ca_file="/nonexistent/ca.pem"),
        ["upstream"],
        "/nonexistent/ca.pem: the CA bundle of cellar_upstream_ca_file cannot be read",
        [*PAGES_AND_FILES, *FILES],
    ),
    "no cache directory": (
        setting("appliance", cache_dir="/nonexistent"),
        ["disk"],
        "/nonexistent is not a directory",
        [],
    ),
    "a full disk": (
        setting("appliance", min_free=2**62),
        ["disk"],
        "less than the 4611686018.4 GB that must be",
        [],
    ),
}


@pytest.mark.parametrize(
    ("change", "failed", "words", "skipped"), FAULTS.values(), ids=FAULTS.keys()
)
def test_a_fault_is_named_with_its_remedy_and_hides_nothing_else(
    world: World, change: Change, failed: list[str], words: str, skipped: list[str]
) -> None:
    change(world)
    result = world.selftest()
    found = outcomes(result)
    assert list(found) == CHECKS
    for name, (status, finding) in found.items():
        expected = "FAIL" if name in failed else "skip" if name in skipped else "ok"
        assert status == expected, result.stdout
        if status == "FAIL":
            assert words in finding
            assert "; " in finding, "the remedy"
            assert not re.search(r"\b(upstream|appliance|indexes)\b\S*\.\w", finding), (
                "operators know the variables of the inventory, not the keys of the file"
            )
        if status == "skip":
            assert finding.startswith("needs ")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
