"""Which mode fits a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellar_runner.doors import Unreachable, try_doors
from cellar_runner.plan import Mode
from cellar_runner.targets.every import CONTAINER_TARGETS

if TYPE_CHECKING:
    from cellar_runner.host import Host
    from cellar_runner.settings import Settings


def choose_mode(host: Host, settings: Settings) -> tuple[Mode, str]:
    """
    Return the mode of a host and the reason, which completes "because …".

    With `auto`: where containers are started, their jobs are reached by variables and need the
    proxy door; elsewhere the hosts file reaches every program. Whichever of these doors is not
    there, the index door is.

    Raises:
        Refusal: no door can be used; the sentence is about the last one that was tried.

    """
    if settings.mode != "auto":
        return Mode(settings.mode), "the settings say so"
    found = [target.name for target in CONTAINER_TARGETS if target.found(host)]
    if found:
        mode, why = Mode.PROXY, f"{', '.join(found)} may start containers here"
    else:
        mode, why = Mode.INTERCEPT, "nothing here starts containers"
    try:
        try_doors(settings, mode)
    except Unreachable as refusal:
        return Mode.INDEX, f"{why}, and {refusal}"
    return mode, why
