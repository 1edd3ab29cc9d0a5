"""What Woodpecker's agents are told, in files that others have filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellar_runner.targets.agents import Woodpecker
from unit.runner.targets.support import PLAN, VOLUMES, apply, files_of, fill, remove, text
from unit.runner.trees import write

if TYPE_CHECKING:
    from cellar_runner.host import Host


def test_woodpeckers_agent_mounts_the_payload_beside_its_own_volumes(host: Host) -> None:
    file = "/etc/woodpecker/woodpecker-agent.env"
    own = 'WOODPECKER_SERVER=ci:9000\nWOODPECKER_BACKEND_DOCKER_VOLUMES="/data:/data"\n'
    fill(host, {file: own})
    before = files_of(host)
    apply(host, Woodpecker(), PLAN)
    assert text(host, file) == (
        "WOODPECKER_SERVER=ci:9000\n"
        f'WOODPECKER_BACKEND_DOCKER_VOLUMES="/data:/data,{",".join(VOLUMES)}"\n'
    )
    # A proxy that is read at the start of the agent would stay when the appliance is away.
    assert "192.0.2.10" not in text(host, file)
    write(host.path(file), text(host, file).replace("/data:/data", "/data:/data,/more:/more"))
    remove(host)
    assert text(host, file) == own.replace("/data:/data", "/data:/data,/more:/more")
    write(host.path(file), own)
    assert files_of(host) == before
