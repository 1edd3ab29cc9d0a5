"""What clients trust: no more than it must be, and renewed before it ends."""

from __future__ import annotations

import re
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.x509 import Certificate

    from e2e.clients import Job
    from support.deployment import Appliance

_FOLDER = "/run/certificate-test"


def served(appliance: Appliance) -> Certificate:
    """Return the certificate that a client is shown now."""
    address = (appliance.outside, 443)
    return x509.load_pem_x509_certificate(_shown(address, appliance.server_name).encode())


def _shown(address: tuple[str, int], name: str) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(address, 10) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        return ssl.DER_cert_to_PEM_cert(secured.getpeercert(binary_form=True) or b"")


def public_key(certificate: Certificate) -> bytes:
    encoding, kind = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return certificate.public_key().public_bytes(encoding, kind)


@pytest.fixture
def authority(appliance: Appliance) -> Certificate:
    return x509.load_pem_x509_certificate(appliance.ca.read_bytes())


def test_the_authority_is_good_for_these_names_only(
    appliance: Appliance, authority: Certificate
) -> None:
    """To trust it costs no more than the names that the appliance answers for anyway."""
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    permitted = {(type(n).__name__, n.value) for n in constraints.value.permitted_subtrees or ()}
    expected = (appliance.server_name, appliance.names.index, appliance.names.files)
    assert permitted == {("DNSName", name) for name in expected}
    excluded = {str(name.value) for name in constraints.value.excluded_subtrees or ()}
    assert excluded == {"0.0.0.0/0", "::/0"}


def test_the_authority_signs_servers_directly_and_nothing_else(authority: Certificate) -> None:
    constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (
        True,
        True,
        0,
    )
    usage = authority.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_cert_sign
    assert not usage.digital_signature


def test_the_server_certificate_is_what_the_strictest_client_wants(
    appliance: Appliance, authority: Certificate
) -> None:
    """uv's rustls wants a leaf that is no CA; Python 3.13 wants key identifiers (RFC 5280)."""
    certificate = served(appliance)
    extensions = certificate.extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(names.get_values_for_type(x509.DNSName)) == sorted(
        (appliance.server_name, appliance.names.index, appliance.names.files)
    )
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]
    issuer = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert issuer.key_identifier == own.digest
    certificate.verify_directly_issued_by(authority)
    now = datetime.now(UTC)
    assert certificate.not_valid_before_utc <= now
    assert timedelta(days=30) < certificate.not_valid_after_utc - now < timedelta(days=398)


@pytest.fixture
def folder(appliance: Appliance) -> Iterator[str]:
    """Make a folder on the appliance, in memory and for root only."""
    appliance.run(f"rm -rf {_FOLDER} && mkdir -m 0700 {_FOLDER}")
    yield _FOLDER
    appliance.run(f"rm -rf {_FOLDER}")


def forge(appliance: Appliance, folder: str, name: str) -> None:
    """Have the appliance's authority sign a certificate for a name that is not the appliance's."""
    subject = f"-subj /CN=forged -addext subjectAltName=DNS:{name}"
    key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout forged.key"
    authority = "-CA /etc/cellar/ca/ca.pem -CAkey /etc/cellar/ca/ca.key -set_serial 4711"
    extensions = "-copy_extensions copyall -extfile extensions"
    appliance.run(
        f"cd {folder} && openssl req {key} -out forged.csr {subject} && "
        "printf 'subjectKeyIdentifier=hash\\nauthorityKeyIdentifier=keyid\\n' > extensions && "
        f"openssl x509 -req -in forged.csr {authority} -days 2 {extensions} -out forged.pem"
    )


def test_openssl_refuses_another_name_that_the_authority_has_signed(
    appliance: Appliance, folder: str
) -> None:
    forge(appliance, folder, "bank.example")
    verify = "openssl verify -purpose sslserver -CAfile /etc/cellar/ca/ca.pem"
    done = appliance.box.run(f"{verify} {folder}/forged.pem")
    assert done.rc != 0
    assert "permitted subtree violation" in done.stdout + done.stderr
    appliance.run(f"{verify} /etc/cellar/tls/server.pem")


_SERVE = """\
import http.server, ssl, sys
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("forged.pem", "forged.key")
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
open("port", "w").write(str(server.server_port))
server.serve_forever()
"""
# What a client says of a certificate whose name is not among the permitted ones.
_REFUSED = re.compile(
    r"permitted subtree violation|NameConstraintViolation|name constraint", re.IGNORECASE
)


@pytest.mark.parametrize(
    "install",
    [
        "/opt/pip/bin/pip download --retries 0 --index-url https://localhost:{}/simple/ demo",
        "/opt/uv/bin/uv pip install -t site --default-index https://localhost:{}/simple/ demo",
    ],
    ids=["pip", "uv"],
)
def test_a_client_that_trusts_the_authority_refuses_another_name_all_the_same(
    appliance: Appliance, folder: str, client_job: Job, install: str
) -> None:
    """Were the appliance broken into, it could pretend to be PyPI, and nobody else."""
    forge(appliance, folder, "localhost")
    for name in ("forged.pem", "forged.key"):
        client_job.write(name, appliance.run(f"cat {folder}/{name}"))
    client_job.write("serve.py", _SERVE)
    client_job.runner.run(
        "cd %s && systemd-run --quiet --collect --unit=e2e-forged --working-directory=%s "
        "python3 serve.py && for i in $(seq 100); do [ -s port ] && exit; sleep 0.1; done; exit 1",
        client_job.folder,
        client_job.folder,
    )
    try:
        attempt = client_job.attempt(install.format(client_job.read("port")))
    finally:
        client_job.runner.run("systemctl stop e2e-forged.service")
    assert attempt.status not in (0, 124), str(attempt)
    assert _REFUSED.search(attempt.output), str(attempt)


@pytest.fixture
def nearly_over(appliance: Appliance) -> Iterator[Certificate]:
    """Replace the served certificate by one of the same key that ends in five days."""
    tls = "/etc/cellar/tls"
    appliance.run(
        "printf 'subjectKeyIdentifier=hash\\nauthorityKeyIdentifier=keyid\\n' > /run/ext && "
        f"openssl x509 -req -in {tls}/server.csr -CA /etc/cellar/ca/ca.pem "
        "-CAkey /etc/cellar/ca/ca.key -set_serial 4712 -days 5 -copy_extensions copyall "
        f"-extfile /run/ext -out /run/short.pem && cat /run/short.pem > {tls}/server.pem && "
        "rm /run/ext /run/short.pem && systemctl reload nginx"
    )
    try:
        yield _served_with(appliance, 4712)
    finally:
        appliance.run("systemctl start cellar-certificate.service")


def _served_with(appliance: Appliance, serial: int) -> Certificate:
    """Wait until the reload has come through: old workers may still take a connection."""
    deadline = time.monotonic() + 20
    while (certificate := served(appliance)).serial_number != serial:
        assert time.monotonic() < deadline, f"serial {serial} is not served: {certificate}"
        time.sleep(0.1)
    return certificate


def test_a_certificate_is_renewed_before_it_ends_without_a_restart(
    appliance: Appliance, authority: Certificate, nearly_over: Certificate
) -> None:
    """Same key, so that whoever pins it need not notice; the second run changes nothing."""
    pid = appliance.run("systemctl show --value --property=MainPID nginx.service")
    appliance.run("systemctl start cellar-certificate.service")
    on_disk = x509.load_pem_x509_certificate(
        appliance.run("cat /etc/cellar/tls/server.pem").encode()
    )
    renewed = _served_with(appliance, on_disk.serial_number)
    assert renewed.serial_number != nearly_over.serial_number
    assert public_key(renewed) == public_key(nearly_over)
    assert renewed.not_valid_after_utc > nearly_over.not_valid_after_utc + timedelta(days=300)
    renewed.verify_directly_issued_by(authority)
    assert appliance.run("systemctl show --value --property=MainPID nginx.service") == pid

    before = appliance.run("cd /etc/cellar/tls && ls -l --time-style=full-iso && sha256sum *")
    appliance.run("systemctl start cellar-certificate.service")
    after = appliance.run("cd /etc/cellar/tls && ls -l --time-style=full-iso && sha256sum *")
    assert after == before
    assert "server.pem" in before


def test_the_renewal_is_looked_for_every_day(appliance: Appliance) -> None:
    show = "systemctl show --value --property=NextElapseUSecRealtime cellar-certificate.timer"
    assert appliance.run(show).strip()
