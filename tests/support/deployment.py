"""The deployment under test, as molecule's inventory describes it: who is there, and where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import yaml
from ansible.inventory.manager import (  # type: ignore[import-untyped] # ships no types
    InventoryManager,
)
from ansible.parsing.dataloader import DataLoader  # type: ignore[import-untyped] # likewise
from ansible.template import Templar  # type: ignore[import-untyped] # likewise
from ansible.vars.manager import VariableManager  # type: ignore[import-untyped] # likewise

from support.namespaces import container
from support.rendering import ROOT, load_plugins

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INVENTORY = ROOT / "molecule/inventory/hosts.yml"
FAKEPYPI_CONTROL_PORT = 8080


@cache
def host_names(group: str, inventory: Path = INVENTORY) -> list[str]:
    """Return the names of a group's hosts, in the inventory's order; no variable is looked at."""
    document = yaml.safe_load(inventory.read_text())
    return list(document["all"]["children"][group]["hosts"])


@dataclass(frozen=True)
class Names:
    """PyPI's two host names, from the product's own defaults."""

    index: str
    files: str


@dataclass(frozen=True)
class Machine:
    """
    A container that stands in for a host.

    `addresses` are by the name of the network. `box` is testinfra's host: commands run in it.
    """

    name: str
    addresses: Mapping[str, str]

    @cached_property
    def box(self) -> Any:
        return container(self.name)

    def run(self, command: str, *arguments: str) -> str:
        """
        Run a command (`%s` is replaced by the next argument, quoted) and return its output.

        Raises:
            AssertionError: it failed; the message has its output.

        """
        done = self.box.run(command, *arguments)
        assert done.rc == 0, f"{self.name}: {done.command}\n{done.stdout}\n{done.stderr}"
        return str(done.stdout)


@dataclass(frozen=True)
class Appliance(Machine):
    """
    An appliance, with a runner and a fakepypi that are no other's.

    `outside` is its address for this machine, `inside` the one for its runner.
    """

    outside: str
    inside: str
    upstream: Machine
    fakepypi_address: str
    server_name: str
    names: Names
    ca: Path
    runner: Machine

    def index_name(self, door: str) -> str:
        """Return the host name under which a door ("index", "intercept") serves pages."""
        return {"index": self.server_name, "intercept": self.names.index}[door]

    def files_name(self, door: str) -> str:
        """Return the host name under which a door serves files."""
        return {"index": self.server_name, "intercept": self.names.files}[door]


@dataclass(frozen=True)
class Deployment:
    """All of it. Each appliance has a runner whose only network is that appliance's inside."""

    names: Names
    appliances: Mapping[str, Appliance]


def read_deployment(inventory: Path, state: Path) -> Deployment:
    """
    Return what an inventory describes; `state` is a directory for the appliances' CA certificates.

    Raises:
        AssertionError: an appliance has no CA certificate to give: the scenario is not converged.

    """
    variables = read_variables(inventory)
    everywhere = next(iter(variables.values()))
    defaults = everywhere["settings_defaults"]
    names = Names(defaults["cellar_pypi_index_host"], defaults["cellar_pypi_files_host"])
    runners = {variables[name]["appliance"]: name for name in host_names("runners", inventory)}
    appliances = {}
    for name in host_names("appliances", inventory):
        runner = _machine(variables, runners[name])
        (inside,) = runner.addresses
        addresses = _machine(variables, name).addresses
        ca = state / f"{name}.pem"
        appliance = Appliance(
            name=name,
            addresses=addresses,
            outside=addresses[everywhere["outside"]["name"]],
            inside=addresses[inside],
            upstream=_machine(variables, variables[name]["fakepypi"]),
            fakepypi_address=variables[name]["fakepypi_address"],
            server_name=variables[name]["cellar_server_names"][0],
            names=names,
            ca=ca,
            runner=runner,
        )
        # Not over the network: a CA that is downloaded from whom it is to vouch for proves nothing.
        ca.write_text(appliance.run("cat /etc/cellar/public/ca.pem"))
        appliances[name] = appliance
    return Deployment(names, appliances)


@cache
def read_variables(inventory: Path) -> dict[str, Any]:
    """Return what the tests need of each host's variables, rendered by Ansible's own engine."""
    load_plugins()
    loader = DataLoader()
    hosts = InventoryManager(loader=loader, sources=[str(inventory)])
    manager = VariableManager(loader=loader, inventory=hosts)
    needed = (
        "appliance",
        "cellar_runner_address",
        "cellar_server_names",
        "containers_networks",
        "fakepypi",
        "fakepypi_address",
        "fakepypi_state",
        "outside",
        "private_password",
        "private_state",
        "private_user",
        "settings_defaults",
    )
    found = {}
    for host in hosts.get_hosts("containers"):
        variables = manager.get_vars(host=host)
        templar = Templar(loader=loader, variables=variables)
        found[host.name] = {
            name: templar.template(variables[name]) for name in needed if name in variables
        }
    return found


def _machine(variables: Mapping[str, Any], name: str) -> Machine:
    networks = variables[name]["containers_networks"]
    return Machine(name, {network["name"]: network["address"] for network in networks})
