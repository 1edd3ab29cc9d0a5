"""What Drone's runners are told, in files that others have filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellar_runner.targets.agents import Drone
from unit.runner.targets.support import (
    BUNDLE,
    DRONE_FILES,
    PLAN,
    VOLUMES,
    apply,
    files_of,
    fill,
    remove,
    text,
)

if TYPE_CHECKING:
    from cellar_runner.host import Host


def test_drones_steps_get_the_payload_and_the_certificates_and_no_proxy(host: Host) -> None:
    fill(host, DRONE_FILES)
    before = files_of(host)
    apply(host, Drone(), PLAN)
    assert text(host, "/etc/drone/runner.env") == (
        "DRONE_RPC_HOST=drone.corp\n"
        f"DRONE_RUNNER_ENVIRON=A:b,SSL_CERT_FILE:{BUNDLE},REQUESTS_CA_BUNDLE:{BUNDLE}\n"
        f"DRONE_RUNNER_VOLUMES={','.join(VOLUMES)}\n"
    )
    remove(host)
    assert files_of(host) == before


def test_drones_steps_with_other_certificates_keep_them(host: Host) -> None:
    own = "DRONE_RUNNER_ENVIRON=SSL_CERT_FILE:/etc/corp.pem\n"
    fill(host, DRONE_FILES | {"/etc/drone/runner.env": own})
    outcome = apply(host, Drone(), PLAN)
    assert text(host, "/etc/drone/runner.env").startswith(own)
    assert "REQUESTS_CA_BUNDLE" not in text(host, "/etc/drone/runner.env")
    assert "SSL_CERT_FILE in DRONE_RUNNER_ENVIRON" in outcome.notes[0]
