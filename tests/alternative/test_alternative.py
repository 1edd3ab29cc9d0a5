"""
Settings far from their defaults do what they say.

The settings are in molecule/alternative/vars/settings.yml; what they lead to is written here anew.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cryptography import x509

from support.namespaces import container

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fakepypi.client import FakePyPI
    from support.deployment import Machine

ROOT = Path(__file__).resolve().parents[2]
RUNNER = "runner-debian13"
NAMES = {"appliance-debian13.example", "second-name.example"}
ADDRESSES = {"10.213.73.2", "10.213.71.13"}
PORT = 8443


@pytest.fixture(scope="module")
def box(appliance: Machine) -> Any:
    return appliance.box


@pytest.fixture
def runner(authority: Path) -> Iterator[Any]:
    """Return the runner, with the CA certificate at /tmp/alternative-ca.pem."""
    subprocess.run(
        ["podman", "cp", authority / "ca.pem", f"{RUNNER}:/tmp/alternative-ca.pem"], check=True
    )
    host = container(RUNNER)
    yield host
    host.run("rm -f /tmp/alternative-ca.pem")


def evidence(box: Any) -> str:
    command = "journalctl --no-pager -n 20 -u nginx -u cellar-rewriter; tail /var/log/cellar/*.log"
    return str(box.run(command).stdout)


def certificate(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def test_the_appliance_passes_its_own_test(box: Any) -> None:
    result = box.run("cellar selftest --json")
    assert result.rc == 0, result.stdout + evidence(box)
    checks = json.loads(result.stdout)
    assert "intercept" not in json.dumps(checks), "a closed door is not tested"


def test_it_listens_on_the_port_that_was_set_and_on_no_other(box: Any) -> None:
    listening = box.check_output("ss --no-header --listening --tcp --numeric")
    ports = {int(port) for port in re.findall(r":(\d+) +\S+:\*", listening)}
    assert ports == {PORT}, listening


def test_the_authoritys_key_is_on_the_controller_and_never_on_the_appliance(
    box: Any, authority: Path
) -> None:
    assert (authority / "ca.key").stat().st_mode & 0o777 == 0o600
    assert not box.file("/etc/cellar/ca").exists
    key = (authority / "ca.key").read_text().splitlines()[1]
    found = box.run(
        "grep --recursive --files-with-matches --fixed-strings %s /etc /opt/cellar", key
    )
    assert found.stdout == ""


def test_without_the_authoritys_key_there_is_no_timer_that_could_not_renew(box: Any) -> None:
    assert "cellar-certificate" not in box.check_output("systemctl list-unit-files --no-legend")


def test_the_certificate_covers_all_names_and_addresses_and_not_pypis(
    box: Any, authority: Path
) -> None:
    leaf = certificate(box.file("/etc/cellar/tls/server.pem").content_string)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == NAMES
    assert {str(address) for address in names.get_values_for_type(x509.IPAddress)} == ADDRESSES
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days in (90, 91)

    ca = certificate((authority / "ca.pem").read_text())
    assert ca.subject.rfc4514_string() == "CN=Alternative CA"
    constraints = ca.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    permitted = {str(subtree.value) for subtree in constraints.value.permitted_subtrees or []}
    assert permitted == NAMES | {f"{address}/32" for address in ADDRESSES}


@pytest.mark.parametrize("host", ["appliance-debian13.example", "10.213.73.2"])
def test_pip_installs_by_name_and_by_address(box: Any, runner: Any, host: str) -> None:
    result = runner.run(
        "PIP_CONFIG_FILE=/dev/null /opt/pip/bin/pip install --quiet --no-cache-dir "
        "--target $(mktemp -d) --cert /tmp/alternative-ca.pem "
        f"--index-url https://{host}:{PORT}/simple/ demo"
    )
    assert result.rc == 0, result.stderr + evidence(box)


@pytest.mark.parametrize("client", ["/opt/pip/bin/pip install", "/opt/uv/bin/uv pip install"])
def test_a_file_over_its_limit_ends_the_build_with_a_sentence_of_both_sizes(
    box: Any, runner: Any, fakepypi: FakePyPI, project: str, client: str
) -> None:
    wheel = f"{project}-1.0-py3-none-any.whl"
    file = fakepypi.publish(project, "1.0", kind="blob", filename=wheel, size=20 * 1024 * 1024 + 1)
    result = runner.run(
        "PIP_CONFIG_FILE=/dev/null PIP_CERT=/tmp/alternative-ca.pem "
        f"SSL_CERT_FILE=/tmp/alternative-ca.pem {client} --no-deps --target $(mktemp -d) "
        f"--index-url https://10.213.73.2:{PORT}/simple/ {project}"
    )
    said = " ".join(result.stderr.split())
    sizes = "its 20971521 bytes are more than the 20971520 of cellar_file_size_limit."
    assert result.rc != 0
    assert f"{wheel} is refused: {sizes}" in said, said + evidence(box)
    assert fakepypi.bytes_sent(path=file.path) == 0


def test_pypis_own_names_are_not_answered(box: Any, runner: Any) -> None:
    defaults = yaml.safe_load((ROOT / "roles/settings/defaults/main.yml").read_text())
    code = (
        "import ssl, socket, sys\n"
        "context = ssl.create_default_context(cafile='/tmp/alternative-ca.pem')\n"
        f"raw = socket.create_connection(('10.213.73.2', {PORT}), timeout=5)\n"
        "context.wrap_socket(raw, server_hostname=sys.argv[1])\n"
    )
    result = runner.run("python3 -c %s %s", code, defaults["cellar_pypi_index_host"])
    assert result.rc != 0
    assert "CERTIFICATE_VERIFY_FAILED" in result.stderr, result.stderr + evidence(box)


def test_the_cache_is_where_it_was_set_and_holds_what_was_installed(box: Any) -> None:
    stored = box.check_output("find /srv/cellar/files /srv/cellar/pages -type f").splitlines()
    assert stored
    assert not box.file("/var/cache/cellar").exists


def test_pages_are_fresh_no_longer_than_was_set(runner: Any) -> None:
    code = (
        "import ssl, urllib.request\n"
        "context = ssl.create_default_context(cafile='/tmp/alternative-ca.pem')\n"
        f"url = 'https://appliance-debian13.example:{PORT}/simple/demo/'\n"
        "print(urllib.request.urlopen(url, context=context).headers['Cache-Control'])\n"
    )
    assert runner.check_output("python3 -c %s", code) == "max-age=60, public"


def test_one_worker_runs(box: Any) -> None:
    # The brackets keep the shell of this very command out of the count.
    processes = box.check_output("pgrep --full --count '[b]in/cellar rewriter'")
    assert processes == "2", "the arbiter and its one worker"


def test_logs_are_kept_as_long_as_was_set(box: Any) -> None:
    assert "rotate 3\n" in box.file("/etc/logrotate.d/cellar").content_string
