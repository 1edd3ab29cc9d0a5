"""What the services of Jenkins are told, in files that others have filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellar_runner.targets.jenkins import Jenkins
from unit.runner.targets.support import BUNDLE, PLAN, apply, files_of, fill, remove, text

if TYPE_CHECKING:
    from cellar_runner.host import Host


def test_jenkins_services_get_certificates_by_a_drop_in_and_no_route(host: Host) -> None:
    fill(host, {"/usr/lib/systemd/system/jenkins.service": "[Service]\n"})
    before = files_of(host)
    apply(host, Jenkins(), PLAN)
    assert text(host, "/etc/systemd/system/jenkins.service.d/50-cellar-runner.conf") == (
        "# Written by cellar-runner.\n"
        "[Unit]\nAfter=cellar-runner-guard.service\n"
        "[Service]\n"
        f'Environment="SSL_CERT_FILE={BUNDLE}"\nEnvironment="REQUESTS_CA_BUNDLE={BUNDLE}"\n'
    )
    assert [command.arguments for command in Jenkins().reload(host)] == [
        ("systemctl", "daemon-reload")
    ]
    remove(host)
    assert files_of(host) == before
