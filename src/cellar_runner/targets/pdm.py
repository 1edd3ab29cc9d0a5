"""PDM of the host itself, by the file of the system, which a user's and a project's win over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellar_runner.edits.entries import Group, Put
from cellar_runner.edits.toml_keys import TomlKeys
from cellar_runner.plan import BUNDLE, Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellar_runner.edits.edit import Edit
    from cellar_runner.host import Host
    from cellar_runner.plan import Plan
    from cellar_runner.targets.target import Command

SYSTEM = "/etc/xdg/pdm/config.toml"


class Pdm:
    """Its index and the certificates for it, in mode `index` only."""

    name = "pdm"

    def found(self, host: Host) -> bool:  # noqa: ARG002 # jobs bring their own
        """Return that it may be on any host."""
        return True

    def edits(self, host: Host, plan: Plan) -> Sequence[Edit]:
        """Return the two keys, or the index alone where its certificate is a public one."""
        if plan.mode is not Mode.INDEX or not plan.routed:
            return ()
        entries = [Put(("pypi", "url"), plan.index_url.rstrip("/"))]
        if plan.trust:
            entries.append(Put(("pypi", "ca_certs"), BUNDLE))
        return (TomlKeys(host.path(SYSTEM), (Group(tuple(entries)),)),)

    def reload(self, host: Host) -> Sequence[Command]:  # noqa: ARG002 # read at each start
        """Return nothing."""
        return ()
