"""`cellar selftest`: good news when all is well, and the right name for what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from support.fixtures import expectations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fakepypi.client import FakePyPI
    from support.deployment import Appliance

EXPECTED = expectations("selftest")
_SETTINGS = "/run/selftest.toml"

Break = Callable[["Appliance", "FakePyPI"], AbstractContextManager[str]]


def filled(names: list[str], appliance: Appliance) -> list[str]:
    words = {
        "server": appliance.server_name,
        "index": appliance.names.index,
        "files": appliance.names.files,
    }
    return [name.format_map(words) for name in names]


def test_a_good_appliance_passes_every_check(appliance: Appliance) -> None:
    printed = appliance.run("cellar selftest")
    lines = printed.splitlines()
    assert all(line.startswith("ok ") for line in lines), printed
    checks = [line.removeprefix("ok").strip().partition(": ")[0] for line in lines]
    assert checks == filled(EXPECTED["checks"], appliance), printed


@contextmanager
def stopped(appliance: Appliance, _: FakePyPI) -> Iterator[str]:
    appliance.run("systemctl stop nginx.service")
    try:
        yield "cellar selftest"
    finally:
        appliance.run("systemctl start nginx.service")


@contextmanager
def upstream_down(_: Appliance, fakepypi: FakePyPI) -> Iterator[str]:
    with fakepypi.down():
        yield "cellar selftest"


@contextmanager
def _with_settings(appliance: Appliance, expression: str) -> Iterator[str]:
    appliance.run(f"sed -e '{expression}' /etc/cellar/cellar.toml > {_SETTINGS}")
    changed = appliance.box.run(f"diff /etc/cellar/cellar.toml {_SETTINGS}")
    assert changed.rc == 1, f"{expression} changes nothing"
    try:
        yield f"cellar selftest --settings {_SETTINGS}"
    finally:
        appliance.run(f"rm {_SETTINGS}")


def another_ca(appliance: Appliance, _: FakePyPI) -> AbstractContextManager[str]:
    return _with_settings(appliance, "s#/etc/cellar/public/ca.pem#/etc/cellar/upstream-ca.pem#")


def disk_full(appliance: Appliance, _: FakePyPI) -> AbstractContextManager[str]:
    """Ask for more free space than there is."""
    return _with_settings(appliance, "s/^min_free = .*/min_free = 1000000000000000/")


@contextmanager
def _without_pages(appliance: Appliance, mode: str) -> Iterator[None]:
    """Put another folder in the place of the cached pages."""
    pages = "/var/cache/cellar/pages"
    appliance.run(f"mv {pages} {pages}.away && mkdir {pages}")
    appliance.run(f"chown www-data: {pages} && chmod {mode} {pages}")
    try:
        yield
    finally:
        appliance.run(f"rm -r {pages} && mv {pages}.away {pages}")


@contextmanager
def rewriter_stopped(appliance: Appliance, _: FakePyPI) -> Iterator[str]:
    units = "cellar-rewriter.socket cellar-rewriter.service"
    appliance.run("cellar purge demo && cellar selftest")  # its pages are cached, and new
    appliance.run(f"systemctl stop {units}")
    try:
        yield "cellar selftest"
    finally:
        appliance.run(f"systemctl start {units}")


@contextmanager
def rewriter_stopped_without_pages(appliance: Appliance, upstream: FakePyPI) -> Iterator[str]:
    with _without_pages(appliance, "0700"), rewriter_stopped(appliance, upstream) as command:
        appliance.run("find /var/cache/cellar/pages -type f -delete")
        yield command


@contextmanager
def unwritable(appliance: Appliance, _: FakePyPI) -> Iterator[str]:
    with _without_pages(appliance, "0500"):
        yield "cellar selftest"


@contextmanager
def proxy_stopped(appliance: Appliance, _: FakePyPI) -> Iterator[str]:
    appliance.run("systemctl stop squid.service")
    try:
        yield "cellar selftest"
    finally:
        appliance.run("systemctl start squid.service")


BREAKS: dict[str, Break] = {
    "the engine is stopped": stopped,
    "upstream is down": upstream_down,
    "the CA is another one": another_ca,
    "the disk is full": disk_full,
    "the rewriter is stopped while its pages are cached": rewriter_stopped,
    "the rewriter is stopped and nothing is cached": rewriter_stopped_without_pages,
    "the cache cannot be written": unwritable,
    "the proxy is stopped": proxy_stopped,
}


def test_every_break_has_its_expectation() -> None:
    assert BREAKS.keys() == EXPECTED["broken"].keys()


@pytest.mark.parametrize("broken", BREAKS)
def test_what_is_broken_is_named_and_the_exit_status_tells(
    appliance: Appliance, fakepypi: FakePyPI, broken: str
) -> None:
    """A monitoring system reads the status, a person the sentence; both must be led right."""
    with BREAKS[broken](appliance, fakepypi) as command:
        done = appliance.box.run(f"{command} --json")
        lines = appliance.box.run(command).stdout
    found: dict[str, Any] = json.loads(done.stdout)
    by_status: dict[str, list[str]] = {"ok": [], "FAIL": [], "skip": []}
    for check in found["checks"]:
        by_status[check["status"]].append(check["check"])
    expected = EXPECTED["broken"][broken]
    assert (done.rc, found["ok"]) == (1, False), done.stdout
    assert by_status["FAIL"] == filled(expected["fails"], appliance), lines
    assert by_status["skip"] == filled(expected["skips"], appliance), lines
    assert all(check["remedy"] for check in found["checks"] if check["status"] == "FAIL"), lines
    assert lines.count("FAIL") == len(expected["fails"])
    assert "Traceback" not in done.stdout + done.stderr + lines

    assert appliance.box.run("cellar selftest").rc == 0, "all is well again"
