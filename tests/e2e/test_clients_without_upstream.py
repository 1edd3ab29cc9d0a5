"""
Real clients while PyPI is away.

There is one outage for all tests of an appliance, because upstream is everybody's: all clients work
in it at the same time, and the tests look at what each of them came to. It lasts as long as the
slowest client takes to give up. The name of this file lets it run last.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from e2e.clients import WAYS, User, new_job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from e2e.clients import Attempt, Installed, Wanted
    from fakepypi.client import FakePyPI
    from support.deployment import Appliance

EVERY_CLIENT = ["pip, index door", "pip", "uv pip", "uv sync --locked", "Poetry", "PDM"]
FAST = 30  # seconds; after that, somebody has begun to look for the fault elsewhere
AT_ONCE = 3  # of each appliance; the appliances are tested side by side


@dataclass(frozen=True)
class Outage:
    """What clients came to, by way: with what the appliance had seen, and with what it had not."""

    seen: Mapping[str, Attempt]
    unseen: Mapping[str, Attempt]


@pytest.fixture(scope="module")
def outage(
    appliance: Appliance,
    fakepypi: FakePyPI,
    runner_ca: str,
    first_install: Callable[[str], Installed],
    wanted: Wanted,
) -> Outage:
    """Install all before; then take upstream away, and let all clients work at the same time."""
    before = {name: first_install(name) for name in WAYS}
    for name, installed in before.items():
        assert installed.attempt.versions == wanted.versions, f"{name}: {installed.attempt}"
    with ExitStack() as stack:
        strangers = {}
        for name in EVERY_CLIENT:
            job = stack.enter_context(new_job(appliance.runner, runner_ca))
            strangers[name] = User(WAYS[name], job, appliance)
            strangers[name].write_files(_unseen(wanted))
        asked = len(fakepypi.requests(path=wanted.paths))
        stack.enter_context(fakepypi.down())
        with ThreadPoolExecutor(AT_ONCE) as pool:
            # The slow ones first; each client is alone with its own folder.
            unseen = {n: pool.submit(u.resolve, _unseen(wanted)) for n, u in strangers.items()}
            seen = {n: pool.submit(i.user.install_wanted, wanted) for n, i in before.items()}
        assert len(fakepypi.requests(path=wanted.paths)) == asked, "upstream was not away"
        return Outage(
            seen={name: attempt.result() for name, attempt in seen.items()},
            unseen={name: attempt.result() for name, attempt in unseen.items()},
        )


def _unseen(wanted: Wanted) -> str:
    return f"{wanted.project}-that-nobody-has-asked-for"


@pytest.mark.parametrize("way", WAYS)
def test_what_was_seen_before_installs_without_upstream(
    outage: Outage, wanted: Wanted, way: str
) -> None:
    """From the appliance alone: page, metadata and files, for every client and lock file."""
    installed = outage.seen[way]
    assert installed.versions == wanted.versions, str(installed)
    assert installed.seconds < FAST, str(installed)


@pytest.mark.parametrize("way", EVERY_CLIENT)
def test_what_was_not_seen_before_fails_fast_without_upstream(outage: Outage, way: str) -> None:
    """With the client's own error, after its own tries: no hang, no traceback, no wrong success."""
    failed = outage.unseen[way]
    assert failed.status != 0, str(failed)
    assert failed.seconds < FAST, str(failed)
    assert "Traceback" not in failed.output, str(failed)
    assert "that-nobody-has-asked-for" in failed.output, str(failed)


def test_everything_installs_again_after_the_outage(
    outage: Outage, appliance: Appliance, fakepypi: FakePyPI, runner_ca: str, wanted: Wanted
) -> None:
    """What was asked for in vain is found as soon as upstream is back: no failure was kept."""
    project = _unseen(wanted)
    assert outage.unseen["pip"].status != 0
    fakepypi.publish(project, "1.0")
    with new_job(appliance.runner, runner_ca) as job:
        installed = User(WAYS["pip"], job, appliance).install(project, project)
    fakepypi.withdraw(project)
    assert installed.versions == {project: "1.0"}, str(installed)
