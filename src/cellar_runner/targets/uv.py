"""`uv pip` of the host itself, by the file of the system, which a project's own wins over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellar_runner.edits.entries import Group, Put
from cellar_runner.edits.toml_keys import TomlKeys
from cellar_runner.plan import Mode
from cellar_runner.trust_store import has_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellar_runner.edits.edit import Edit
    from cellar_runner.host import Host
    from cellar_runner.plan import Plan
    from cellar_runner.targets.target import Command

SYSTEM = "/etc/uv/uv.toml"


class Uv:
    """
    The index of `uv pip`, in mode `index` only.

    Never that of `uv sync`, `uv lock` and `uv run`, which would write it into lock files. Of all
    keys only these two are read by every uv: an unknown one would end an older one.
    """

    name = "uv"

    def found(self, host: Host) -> bool:  # noqa: ARG002 # jobs bring their own
        """Return that it may be on any host."""
        return True

    def edits(self, host: Host, plan: Plan) -> Sequence[Edit]:
        """Return the index, and the system's trust store where the certificate needs it."""
        if plan.mode is not Mode.INDEX or not plan.routed:
            return ()
        entries = [Put(("pip", "index-url"), plan.index_url)]
        if plan.authorities:
            if not has_store(host):
                return ()  # uv knows no other place for certificates in a file
            entries.append(Put(("native-tls",), value=True))
        return (TomlKeys(host.path(SYSTEM), (Group(tuple(entries)),)),)

    def reload(self, host: Host) -> Sequence[Command]:  # noqa: ARG002 # read at each start
        """Return nothing."""
        return ()
