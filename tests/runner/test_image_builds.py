"""
Image builds get what files can tell them, and are never led to what they would not trust.

The CI host has no way to PyPI but the appliance, so that what goes past the appliance fails; what
matters is at which step: nobody may meet a certificate that it does not know.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

from runner.containers import build, contents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.clients import Wanted
    from fakepypi.client import FakePyPI
    from support.deployment import Appliance, Machine

# Without a container of their own, which a CI host that is one itself cannot give to a build.
BUILDERS = (
    "podman build --isolation chroot",
    "buildah bud --isolation chroot",
    "/usr/bin/podman build --isolation chroot --http-proxy=false",
)


@pytest.fixture
def folder(container_host: Machine) -> Iterator[str]:
    path = f"/tmp/build-{uuid.uuid4().hex[:12]}"
    container_host.run(f"mkdir {path}")
    yield path
    container_host.run(f"rm -rf {path}; podman rmi --force localhost/built || :")


@pytest.mark.parametrize("builder", BUILDERS)
def test_pip_in_an_image_build_has_the_cache(
    container_host: Machine, folder: str, news: Wanted, fakepypi: FakePyPI, builder: str
) -> None:
    install = f"/opt/pip/bin/pip install --quiet --target /site {news.project}"
    for _ in range(2):
        built = build(container_host, builder, folder, install, "ls /site")
        assert built.status == 0, built.output
        assert news.dependency.replace("-", "_") in built.output
    for wheel in news.newest:
        asked = fakepypi.totals(host="files", path=wheel.path, method="GET")
        assert (asked.requests, asked.bytes_sent) == (1, wheel.size), wheel.filename


@pytest.mark.parametrize("builder", BUILDERS)
def test_nothing_leads_an_image_build_to_what_it_does_not_trust(
    container_host: Machine, folder: str, appliance: Appliance, builder: str
) -> None:
    built = build(container_host, builder, folder, "env; cat /etc/hosts")

    assert built.status == 0, built.output
    for line in built.output.splitlines():
        assert "_proxy=" not in line.lower(), line
        assert appliance.names.index not in line


@pytest.mark.parametrize("builder", BUILDERS)
def test_uv_in_an_image_build_goes_to_pypi_itself(
    container_host: Machine, folder: str, wanted: Wanted, builder: str
) -> None:
    install = f"UV_HTTP_RETRIES=0 /opt/uv/bin/uv pip install --target /site {wanted.project}"

    built = build(container_host, builder, folder, install)

    assert built.status != 0  # there is no way to PyPI from here
    assert "certificate" not in built.output.lower(), built.output
    no_way = ("dns error", "failed to lookup", "Network is unreachable")
    assert any(each in built.output for each in no_way), built.output


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_committed_image_keeps_three_empty_folders_and_an_empty_file_and_nothing_else(
    container_host: Machine, folder: str, builder: str
) -> None:
    """`etc/hosts`, `etc/resolv.conf` and `run` are the engine's own, with or without us."""
    built = build(container_host, builder, folder, "touch /marker", "touch /second")
    assert built.status == 0, built.output
    base = contents(container_host, "localhost/job", below=0)

    image = contents(container_host, "localhost/built", below=len(base["layers"]))

    found = {name: what for layer in image["layers"] for name, what in layer.items()}
    own = {"etc", "run", "run/.containerenv", "etc/hosts", "etc/resolv.conf", "marker", "second"}
    engine = {"proc", "sys", "dev", "tmp", "run/secrets"}
    assert {name: what for name, what in found.items() if name not in own | engine} == {
        "etc/cellar-runner": [True, 0],
        "etc/xdg": [True, 0],
        "etc/xdg/pip": [True, 0],
        "etc/xdg/pip/pip.conf": [False, 0],
    }
    variables = image["config"]["config"].get("Env", [])  # buildah adds a PATH
    assert all(variable.startswith("PATH=") for variable in variables)
    history = json.dumps(image["config"])
    for trace in ("cellar-runner", "10.213.92", "SSL_CERT_FILE", "PROXY", "pip.conf"):
        assert trace not in history
