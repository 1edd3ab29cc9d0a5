"""The runners have no way out but their appliance: else tests of clients would prove nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.deployment import Appliance, Deployment

# One JSON document: address or name -> "connected", or the class of the error.
_CONNECT = """\
import json, socket, sys
def attempt(address, port):
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError as error:
        return type(error).__name__
    return "connected"
print(json.dumps({host: attempt(host, int(sys.argv[1])) for host in sys.argv[2:]}))
"""
_RESOLVE = """\
import json, socket, sys
def resolve(name):
    try:
        return sorted({found[4][0] for found in socket.getaddrinfo(name, 443)})
    except OSError as error:
        return type(error).__name__
print(json.dumps({name: resolve(name) for name in sys.argv[1:]}))
"""


def test_runner_has_no_route_but_to_its_own_network(appliance: Appliance) -> None:
    """All that leaves it arrives at its appliance, or nowhere."""
    runner = appliance.runner
    assert runner.run("ip -4 route show default") == ""
    assert runner.run("ip -6 route show default") == ""
    (network,) = runner.run("ip -4 route show").splitlines()
    assert network.split()[0] == appliance.inside.rpartition(".")[0] + ".0/24"


@pytest.mark.parametrize("port", [443, 80])
def test_runner_connects_to_its_appliance_and_to_nobody_else(
    appliance: Appliance, deployment: Deployment, port: int
) -> None:
    """Not to upstream, not to the other appliance, not to its own appliance's way out."""
    strangers = [
        *(a.fakepypi_address for a in deployment.appliances.values()),
        *(a.outside for a in deployment.appliances.values()),
        *(a.inside for a in deployment.appliances.values() if a is not appliance),
        "192.0.2.1",  # RFC 5737: stands for the internet
    ]
    tried = json.loads(
        appliance.runner.run(
            "/usr/bin/python3 -c %s " + " %s" * (2 + len(strangers)),
            _CONNECT,
            str(port),
            appliance.inside,
            *strangers,
        )
    )
    assert tried.pop(appliance.inside) == "connected"
    assert sorted(tried) == sorted(strangers)
    assert "connected" not in tried.values(), tried


def test_runner_resolves_pypi_to_its_appliance_and_no_other_name(appliance: Appliance) -> None:
    """What a client cannot find, it cannot reach behind the appliance's back."""
    names = appliance.names
    leads = [names.index, names.files, appliance.server_name]
    strangers = [f"www.{names.index}", f"another.{names.files}", "index.example", "cellar.example"]
    found = json.loads(
        appliance.runner.run(
            "/usr/bin/python3 -c %s" + " %s" * (len(leads) + len(strangers)),
            _RESOLVE,
            *leads,
            *strangers,
        )
    )
    assert [found[name] for name in leads] == [[appliance.inside]] * len(leads)
    assert [found[name] for name in strangers] == ["gaierror"] * len(strangers)


@pytest.mark.parametrize(
    "command",
    [
        "/opt/pip/bin/pip config list",
        "find /etc -path '*pip*' -name '*.conf' -o -path '*/uv/*' -o -path '*/pdm/*'",
        "env | grep -iE '^(pip|uv|poetry|pdm|ssl|requests|curl|https?|all|no)_' || true",
    ],
)
def test_runner_has_no_setting_of_a_client(appliance: Appliance, command: str) -> None:
    """No index, no proxy, no CA: what leads clients to the appliance is what the tests say."""
    assert appliance.runner.run(command) == ""
