"""Pip of the host itself, by the weakest of its files: whatever else is set wins over it."""

from __future__ import annotations

import configparser
from typing import TYPE_CHECKING

from cellar_runner.edits.ini_keys import IniKeys
from cellar_runner.files import read
from cellar_runner.payload import pip_settings
from cellar_runner.plan import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellar_runner.edits.edit import Edit
    from cellar_runner.host import Host
    from cellar_runner.plan import Plan
    from cellar_runner.targets.target import Command

WEAKEST = "/etc/xdg/pip/pip.conf"
_STRONGER = "/etc/pip.conf"


class Pip:
    """The index URL and its certificates, in mode `index` only: the other modes need no setting."""

    name = "pip"

    def found(self, host: Host) -> bool:  # noqa: ARG002 # jobs bring their own
        """Return that it may be on any host."""
        return True

    def edits(self, host: Host, plan: Plan) -> Sequence[Edit]:
        """Return the two keys; none where a stronger file would give one of them another value."""
        if plan.mode is not Mode.INDEX or not plan.routed or self._overruled(host):
            return ()
        keys = pip_settings(plan)
        return (IniKeys(host.path(WEAKEST), "global", keys, yielding=True),)

    def reload(self, host: Host) -> Sequence[Command]:  # noqa: ARG002 # read at each start
        """Return nothing."""
        return ()

    @staticmethod
    def _overruled(host: Host) -> bool:
        """Tell whether another index or other certificates are set: ours would not fit to them."""
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string((read(host.path(_STRONGER)) or b"").decode())
        except (configparser.Error, ValueError):
            return True  # pip ends with an error, which is not ours to make another one of
        return any(parser.has_option("global", key) for key in ("index-url", "index_url", "cert"))
