"""Drop-ins for services that start jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellar_runner.edits.whole import Whole
from cellar_runner.targets.target import Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellar_runner.host import Host

READ_AGAIN = Command(
    ("systemctl", "daemon-reload"),
    "services that start jobs are changed when systemd reads its files",
)


def drop_in(host: Host, service: str, settings: Sequence[str] = ()) -> Whole:
    """
    Return a drop-in by which a service starts after the guard, with more of section Service.

    A machine that lives for one job has no second one to do better. The order counts for nothing
    where the guard is gone (systemd.unit(5)).
    """
    lines = ["# Written by cellar-runner.", "[Unit]", "After=cellar-runner-guard.service"]
    if settings:
        lines += ["[Service]", *settings]
    path = host.path(f"/etc/systemd/system/{service}.d/50-cellar-runner.conf")
    return Whole(path, "".join(f"{line}\n" for line in lines).encode())
