"""
Jobs that could go to PyPI directly do not: no request goes past the appliance.

Elsewhere there is no such way, so that a leak fails a job; here it would be counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.clients import User
from runner.conftest import login
from runner.open_host import APPLIANCE, DIRECT
from runner.test_jobs import UNTOLD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.clients import Wanted
    from fakepypi.client import FakePyPI
    from fakepypi.control.journal import RequestRecord
    from runner.conftest import Login
    from runner.open_host import OpenHost
    from support.deployment import Appliance


# Of each client the ways that differ most; all are tried where there is no other way out.
WAYS = [
    *("pip", "uv sync --frozen", "uv run", "Poetry", "PDM, static URLs"),
    *("pipenv", "pip-tools", "hatch", "tox"),
]


@pytest.fixture(scope="module", autouse=True)
def _routed(open_host: OpenHost) -> None:
    open_host.begin()
    assert open_host.job().way == APPLIANCE


@pytest.fixture
def job(open_host: OpenHost) -> Iterator[Login]:
    with login(open_host.machine) as made:
        yield made


def past_the_appliance(fakepypi: FakePyPI, *, since: int) -> list[RequestRecord]:
    """
    Return the requests that no appliance has made.

    It names itself in each (RFC 8586), but for the questions that it asks of itself.
    """
    found = [record for record in fakepypi.requests() if record.number > since]
    return [
        record
        for record in found
        if record.header("cdn-loop") is None
        and not (record.header("user-agent") or "").startswith("Cellar")
    ]


def last_number(fakepypi: FakePyPI) -> int:
    """Return the number of the last request so far."""
    return max((record.number for record in fakepypi.requests()), default=0)


def require_one_fetch(fakepypi: FakePyPI, news: Wanted, *, since: int) -> None:
    """Fail unless all has come by an appliance, and each wheel from upstream once and whole."""
    assert past_the_appliance(fakepypi, since=since) == []
    for wheel in news.newest:
        asked = fakepypi.totals(host="files", path=wheel.path, method="GET")
        assert (asked.requests, asked.bytes_sent) == (1, wheel.size), wheel.filename


@pytest.mark.parametrize("way", WAYS)
def test_no_request_leaks(
    job: Login, appliance: Appliance, news: Wanted, fakepypi: FakePyPI, way: str
) -> None:
    before = last_number(fakepypi)
    user = User(UNTOLD[way], job, appliance)
    user.start_project(news.project)

    installed = user.install_wanted(news)

    assert installed.versions == news.versions, str(installed)
    require_one_fetch(fakepypi, news, since=before)


def test_a_leak_would_be_seen(
    open_host: OpenHost, job: Login, appliance: Appliance, news: Wanted, fakepypi: FakePyPI
) -> None:
    before = last_number(fakepypi)
    open_host.machine.run("cellar-runner pause")
    try:
        assert open_host.job().way == DIRECT
        installed = User(UNTOLD["pip"], job, appliance).install_wanted(news)
    finally:
        open_host.begin()

    assert installed.versions == news.versions, str(installed)
    leaked = {record.path for record in past_the_appliance(fakepypi, since=before)}
    assert {wheel.path for wheel in news.newest} <= leaked
