"""What jobs on this host are to find."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PAYLOAD = "/etc/cellar-runner"  # the same path on the host and in each container
BUNDLE = f"{PAYLOAD}/ca-bundle.pem"
PIP_CONF = f"{PAYLOAD}/pip.conf"
ENVIRONMENT = f"{PAYLOAD}/environment"


class Mode(StrEnum):
    """How jobs reach the appliance."""

    INDEX = "index"
    PROXY = "proxy"
    INTERCEPT = "intercept"


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What targets write.

    `routed` is false while the guard has withdrawn the routes: then there is only what is harmless
    without an appliance. `names` are PyPI's index host and file host, `address` is the appliance's.
    `trust` holds the variables that name the bundle, constant while the program is installed;
    `route` those that send clients to the appliance, and is empty unless `routed`. `authorities`
    are the CA certificates that the appliance's certificate may be signed by, PEM; where it is
    publicly trusted there are none, and `trust` is empty. `docker_users` are users whose images
    trust the appliance of themselves; `containerd` is whether the pods of the host get the payload.
    """

    mode: Mode
    routed: bool
    address: str
    names: tuple[str, str]
    index_url: str
    proxy_url: str
    no_proxy: tuple[str, ...]
    trust: Mapping[str, str] = field(default_factory=dict)
    route: Mapping[str, str] = field(default_factory=dict)
    authorities: tuple[str, ...] = ()
    docker_users: tuple[str, ...] = ()
    containerd: bool = False

    @property
    def variables(self) -> dict[str, str]:
        """All variables of a job."""
        return {**self.trust, **self.route}
