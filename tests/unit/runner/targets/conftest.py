"""A host whose engines of containers and CI systems others have set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit.runner.targets.support import BUNDLE, PLAN
from unit.runner.trees import write

if TYPE_CHECKING:
    from pathlib import Path

    from cellar_runner.host import Host


@pytest.fixture
def host(host: Host) -> Host:
    """Return a Debian-like host with systemd, a registry of its own, and a user for jobs."""
    write(host.path("/etc/hosts"), "127.0.0.1 localhost\n10.0.0.7 registry.corp\n")
    write(
        host.path("/etc/passwd"),
        "root:x:0:0:root:/root:/bin/bash\nci:x:1000:1000::/home/ci:/bin/sh\nbroken\n",
    )
    host.path("/var/lib").mkdir(parents=True)
    return host


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the URLs whose host the host resolves."""
    known = {PLAN.index_url}
    monkeypatch.setattr("cellar_runner.targets.podman.resolves", known.__contains__)
    return known


@pytest.fixture
def payload(host: Host) -> Path:
    bundle = write(host.path(BUNDLE), "certificates\n")
    write(
        host.path("/etc/cellar-runner/environment"),
        f"SSL_CERT_FILE={bundle}\nHTTPS_PROXY=http://192.0.2.10:3128\n",
    )
    return bundle
