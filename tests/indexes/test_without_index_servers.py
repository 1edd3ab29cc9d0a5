"""
Real clients while the private index servers are away.

There is one outage for all tests, because the servers are everybody's: all clients work in it at
the same time, and the tests look at what each of them came to. The name of this file lets it run
last.
"""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import pytest

from e2e.clients import WAYS, User, new_job

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from e2e.clients import Attempt
    from fakepypi.client import FakePyPI
    from indexes.servers import Servers
    from support.deployment import Appliance
    from support.door import Door, OpenDoor

SERVERS = ["devpi", "pypiserver", "mirror", "listing", "torch"]
CLIENTS = ["pip, index door", "uv pip"]
FAST = 30  # seconds; after that, somebody has begun to look for the fault elsewhere
AT_ONCE = 8


@dataclass(frozen=True)
class Answer:
    """An answer, and how many seconds it took."""

    response: requests.Response
    seconds: float


@dataclass(frozen=True)
class Outage:
    """
    What happened while the servers were away.

    Clients with what the appliance had seen and with what it had not, by server and way; the same
    pages asked for by themselves, by server; and what PyPI was asked for all that.
    """

    names: Mapping[str, str]
    seen: Mapping[tuple[str, str], Attempt]
    unseen: Mapping[tuple[str, str], Attempt]
    pages: Mapping[str, Answer]
    from_pypi: Attempt
    asked_of_pypi: list[str]


def unseen(name: str) -> str:
    """Return the name of what exists beside `name`, and that nobody has asked for before."""
    return f"{name}-unseen"


def ask(door: Door, project: str) -> Answer:
    start = time.monotonic()
    response = door.page(project)
    return Answer(response, time.monotonic() - start)


@pytest.fixture(scope="module")
def outage(
    appliance: Appliance, servers: Servers, fakepypi: FakePyPI, pages: OpenDoor, runner_ca: str
) -> Outage:
    """Install from each server; then take all away, and let all clients work at the same time."""
    pairs = list(product(SERVERS, CLIENTS))
    tail = uuid.uuid4().hex[:12]
    names = {server: f"{server}-{tail}" for server in [*SERVERS, "merged", "demo"]}
    for server in SERVERS:
        for project in (names[server], unseen(names[server])):
            servers.publish(server, project, "1.0")
            if server != "mirror":
                fakepypi.publish(project, "99.0")
    servers.publish("devpi", names["merged"], "1.0")
    fakepypi.publish(names["merged"], "99.0")
    fakepypi.publish(names["demo"], "1.0")

    with ExitStack() as stack:

        def user(way: str) -> User:
            return User(
                WAYS[way], stack.enter_context(new_job(appliance.runner, runner_ca)), appliance
            )

        with ThreadPoolExecutor(AT_ONCE) as pool:
            first = {
                (server, way): pool.submit(user(way).install, *[names[server]] * 2)
                for server, way in pairs
            }
        for (server, _), attempt in first.items():
            done = attempt.result()
            assert done.versions == {names[server]: "1.0"}, str(done)
        fakepypi.forget_requests()
        stack.enter_context(servers.down())
        with ThreadPoolExecutor(AT_ONCE) as pool:
            users = {pair: (user(pair[1]), user(pair[1])) for pair in pairs}
            # The slow ones first.
            failing = {
                (server, way): pool.submit(users[server, way][0].resolve, unseen(names[server]))
                for server, way in pairs
                if server in ("devpi", "torch")
            }
            working = {
                (server, way): pool.submit(users[server, way][1].install, *[names[server]] * 2)
                for server, way in pairs
            }
            answers = {
                server: pool.submit(ask, pages("index"), unseen(name))
                for server, name in names.items()
                if server in SERVERS
            }
            answers["merged"] = pool.submit(ask, pages("index"), names["merged"])
            other = pool.submit(user(CLIENTS[0]).install, *[names["demo"]] * 2)
        return Outage(
            names,
            {pair: attempt.result() for pair, attempt in working.items()},
            {pair: attempt.result() for pair, attempt in failing.items()},
            {server: answer.result() for server, answer in answers.items()},
            other.result(),
            [record.target for record in fakepypi.requests()],
        )


@pytest.mark.parametrize("way", CLIENTS)
@pytest.mark.parametrize("server", SERVERS)
def test_what_was_seen_before_installs(outage: Outage, server: str, way: str) -> None:
    """From the appliance alone, at each door."""
    attempt = outage.seen[server, way]
    assert attempt.versions == {outage.names[server]: "1.0"}, str(attempt)
    assert attempt.seconds < FAST, str(attempt)


@pytest.mark.parametrize("way", CLIENTS)
@pytest.mark.parametrize("server", ["devpi", "torch"])
def test_what_was_not_seen_before_fails_fast(outage: Outage, server: str, way: str) -> None:
    attempt = outage.unseen[server, way]
    assert attempt.status != 0, str(attempt)
    assert attempt.seconds < FAST, str(attempt)
    assert "Traceback" not in attempt.output, str(attempt)
    assert unseen(outage.names[server]) in attempt.output, str(attempt)


@pytest.mark.parametrize("server", SERVERS)
def test_a_page_that_was_not_seen_before_is_503_and_a_sentence(outage: Outage, server: str) -> None:
    """Not 404: it would be taken for an answer, and pip would look elsewhere."""
    answer = outage.pages[server]
    assert answer.response.status_code == 503, answer.response.text
    assert answer.response.text.endswith(".\n"), answer.response.text
    assert answer.seconds < FAST


def test_a_merged_project_is_never_shown_without_its_private_part(outage: Outage) -> None:
    """PyPI alone would win with whatever a stranger has published there."""
    assert outage.pages["merged"].response.status_code == 503


@pytest.mark.parametrize("server", SERVERS)
def test_pypi_is_not_asked_in_place_of_them(outage: Outage, server: str) -> None:
    assert [target for target in outage.asked_of_pypi if outage.names[server] in target] == []


def test_what_is_pypis_installs_as_ever(outage: Outage) -> None:
    assert outage.from_pypi.versions == {outage.names["demo"]: "1.0"}, str(outage.from_pypi)


@pytest.mark.parametrize("server", [*SERVERS, "merged"])
def test_everything_is_there_again_afterwards(outage: Outage, pages: OpenDoor, server: str) -> None:
    """No failure was kept."""
    project = outage.names[server] if server == "merged" else unseen(outage.names[server])
    assert pages("index").page(project).status_code == 200
