"""What is wrong with the settings of a CI host, beyond each one by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cellar.provisioning.certificates import authority_problems
from cellar.provisioning.problem import Problem, show
from cellar.provisioning.shapes import HTTPS_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

PREFIX = "cellar_runner_"

# Of the appliance's settings, those that a CI host needs too.
SHARED = frozenset({"cellar_pypi_index_host", "cellar_pypi_files_host"})


def concerns_runner(name: str) -> bool:
    """Tell whether a setting is looked at on a CI host."""
    return name.startswith(PREFIX) or name in SHARED


def runner_problems(values: Mapping[str, Any], now: datetime) -> Iterator[Problem]:
    """
    Yield what is wrong with sound settings of a CI host; those that are not sound are left out.

    A host that is to become what it was needs none of them.
    """
    if values.get("cellar_runner_state") == "absent":
        return
    yield from _missing(values)
    if values.get("cellar_runner_https_port", HTTPS_PORT) != HTTPS_PORT:
        yield from _port(values)
    targets = values.get("cellar_runner_targets", [])
    if values.get("cellar_runner_containerd") is True and targets and "containerd" not in targets:
        yield Problem(
            "cellar_runner_containerd",
            "is true, and cellar_runner_targets does not name containerd",
            "name it there, or set this to false",
        )
    for number, path in enumerate(values.get("cellar_runner_ca_files", [])):
        yield from authority_problems(f"cellar_runner_ca_files[{number}]", path, now)


def _missing(values: Mapping[str, Any]) -> Iterator[Problem]:
    if values.get("cellar_runner_address") == "":
        yield Problem(
            "cellar_runner_address",
            "is empty",
            "write the IP address at which jobs reach the appliance, such as 192.0.2.10",
        )
    if values.get("cellar_runner_server_name") == "":
        yield Problem(
            "cellar_runner_server_name",
            "is empty",
            "write the name of the appliance in URLs, such as cellar.example.org",
        )


def _port(values: Mapping[str, Any]) -> Iterator[Problem]:
    mode = values.get("cellar_runner_mode")
    if mode in {"proxy", "intercept"}:
        yield Problem(
            "cellar_runner_https_port",
            f"is not {HTTPS_PORT} ({values['cellar_runner_https_port']}), and the clients of mode "
            f"{show(mode)} use no other",
            f"set it to {HTTPS_PORT}, or cellar_runner_mode to index",
        )
