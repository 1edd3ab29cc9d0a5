"""Trust in the appliance's CA is needed and enough, and clients can tell whom they trust."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from e2e.clients import WAYS, User, new_job

if TYPE_CHECKING:
    from e2e.clients import Job, Wanted
    from fakepypi.client import FakePyPI
    from support.deployment import Appliance, Deployment

# By both doors, and by both kinds of TLS: OpenSSL and rustls.
# pip would take 8 seconds to try a refusal again and again; and it must say why it gives up.
CLIENTS = {"pip, index door": "--retries=0 --verbose ", "uv pip": ""}

_FETCH_WITH_FINGERPRINT = """\
import hashlib, json, ssl, sys, urllib.request
pem, fingerprint = (
    urllib.request.urlopen(f"http://{sys.argv[1]}/{name}", timeout=10).read().decode()
    for name in ("ca.pem", "ca.pem.sha256")
)
digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()
print(json.dumps({"pem": pem, "fingerprint": fingerprint, "computed": digest.hex(":").upper()}))
"""


def test_ca_that_a_runner_fetches_has_the_fingerprint_that_the_appliance_tells(
    appliance: Appliance,
) -> None:
    """With nothing but Python; and it is the very CA that is on the appliance."""
    fetched = json.loads(
        appliance.runner.run(
            "/usr/bin/python3 -c %s %s", _FETCH_WITH_FINGERPRINT, appliance.server_name
        )
    )
    assert fetched["fingerprint"] == fetched["computed"] + "\n"
    assert fetched["pem"] == appliance.ca.read_text()


@pytest.mark.parametrize("way", CLIENTS)
def test_client_without_the_ca_refuses_and_with_it_installs(
    appliance: Appliance, fakepypi: FakePyPI, client_job: Job, news: Wanted, way: str
) -> None:
    """The CA is the only difference between the two."""
    with new_job(appliance.runner, None) as untrusting:
        stranger = User(WAYS[way], untrusting, appliance)
        refused = stranger.install(CLIENTS[way] + news.project, news.project)
    assert refused.status != 0, str(refused)
    assert "certificate" in refused.output.lower(), str(refused)
    assert fakepypi.requests(path=news.paths) == [], "nothing was asked over such a connection"

    user = User(WAYS[way], client_job, appliance)
    installed = user.install_wanted(news)
    assert installed.versions == news.versions, str(installed)


@pytest.mark.parametrize("way", CLIENTS)
def test_client_that_trusts_another_appliance_refuses_this_one(
    appliance: Appliance, deployment: Deployment, wanted: Wanted, client_job: Job, way: str
) -> None:
    """Each appliance has a CA of its own: who has broken into one has not broken into all."""
    (other,) = (a for a in deployment.appliances.values() if a is not appliance)
    client_job.write("other.pem", other.ca.read_text())
    with new_job(appliance.runner, f"{client_job.folder}/other.pem") as misled:
        user = User(WAYS[way], misled, appliance)
        refused = user.install(CLIENTS[way] + wanted.project, wanted.project)
    assert refused.status != 0, str(refused)
    assert "certificate" in refused.output.lower(), str(refused)
