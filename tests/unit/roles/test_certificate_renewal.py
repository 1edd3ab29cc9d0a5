"""The appliance renews its own certificate, in time, and never for a worse one."""

from __future__ import annotations

import grp
import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from support.rendering import render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RENEW_DAYS = 30
VALID_DAYS = 397
NAMES = "DNS:cellar.example, DNS:index.example, IP:192.0.2.10"


def openssl(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["openssl", *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Appliance:
    """The folders that the role makes, in a place of the test's own."""

    root: Path

    @property
    def authority(self) -> Path:
        return self.root / "etc/ca"

    @property
    def certificate(self) -> Path:
        return self.root / "etc/tls/server.pem"

    @property
    def calls(self) -> Path:
        return self.root / "systemctl-calls"

    def certify(self, days: int) -> None:
        """Sign the request as the role does, with a certificate that has `days` days left."""
        folder = self.certificate.parent
        extensions = self.root / "extensions"
        extensions.write_text("authorityKeyIdentifier = keyid:always\n")
        openssl(
            *("x509", "-req", "-in", folder / "server.csr", "-days", str(days)),
            *("-CA", self.authority / "ca.pem", "-CAkey", self.authority / "ca.key"),
            *("-copy_extensions", "copyall", "-extfile", extensions, "-out", self.certificate),
        )

    def certify_authority(self, permitted: str) -> None:
        """Make the authority's certificate, constrained to the names `permitted`."""
        openssl(
            *("req", "-x509", "-new", "-key", self.authority / "ca.key", "-days", "3650"),
            *("-subj", "/CN=Cellar CA", "-out", self.authority / "ca.pem"),
            *("-addext", "basicConstraints = critical, CA:TRUE, pathlen:0"),
            *("-addext", "keyUsage = critical, keyCertSign, cRLSign"),
            *("-addext", f"nameConstraints = critical, {permitted}"),
        )

    def renew(self) -> subprocess.CompletedProcess[str]:
        """Run the script that the role installs; systemctl only writes down that it was called."""
        script = self.root / "renew"
        script.write_text(
            render(
                "certificates",
                "renew-certificate.j2",
                cellar_certificate_renew_days=RENEW_DAYS,
                cellar_certificate_valid_days=VALID_DAYS,
                __cellar_config_dir=str(self.root / "etc"),
                __cellar_certificate=str(self.certificate),
                __cellar_engine_user=grp.getgrgid(os.getgid()).gr_name,
            )
        )
        programs = self.root / "bin"
        programs.mkdir()
        (programs / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {self.calls}\n')
        (programs / "systemctl").chmod(0o755)
        temporary = self.root / "tmp"
        temporary.mkdir()
        environment = {"PATH": f"{programs}:{os.environ['PATH']}", "TMPDIR": str(temporary)}
        done = subprocess.run(
            ["/bin/sh", script],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert list(temporary.iterdir()) == [], "temporary files were left"
        assert sorted(path.name for path in self.certificate.parent.iterdir()) == [
            "server.csr",
            "server.key",
            "server.pem",
        ]
        return done


@pytest.fixture
def appliance(tmp_path: Path) -> Appliance:
    made = Appliance(tmp_path)
    made.authority.mkdir(parents=True)
    made.certificate.parent.mkdir()
    for key in (made.authority / "ca.key", made.certificate.parent / "server.key"):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    made.certify_authority("permitted;DNS:example, permitted;IP:192.0.2.10/255.255.255.255")
    openssl(
        *("req", "-new", "-key", made.certificate.parent / "server.key"),
        *("-subj", "/CN=cellar.example", "-out", made.certificate.parent / "server.csr"),
        *("-addext", f"subjectAltName = {NAMES}"),
        *("-addext", "basicConstraints = critical, CA:FALSE"),
        *("-addext", "keyUsage = critical, digitalSignature"),
        *("-addext", "extendedKeyUsage = serverAuth"),
    )
    return made


def test_a_certificate_that_is_not_due_is_left_alone(appliance: Appliance) -> None:
    appliance.certify(RENEW_DAYS + 1)
    before = appliance.certificate.read_bytes()

    done = appliance.renew()

    assert done.returncode == 0, done.stderr
    assert appliance.certificate.read_bytes() == before
    assert not appliance.calls.exists()


@pytest.mark.parametrize("days_left", [RENEW_DAYS - 1, 1, 0])
def test_a_due_certificate_is_replaced_by_one_like_it(appliance: Appliance, days_left: int) -> None:
    appliance.certify(days_left)
    before = x509.load_pem_x509_certificate(appliance.certificate.read_bytes())

    done = appliance.renew()

    assert done.returncode == 0, done.stderr
    after = x509.load_pem_x509_certificate(appliance.certificate.read_bytes())
    assert after.serial_number != before.serial_number
    assert after.subject == before.subject
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = serialization.Encoding.PEM
    assert after.public_key().public_bytes(pem, public) == before.public_key().public_bytes(
        pem, public
    )
    names = x509.SubjectAlternativeName
    assert (
        after.extensions.get_extension_for_class(names).value
        == before.extensions.get_extension_for_class(names).value
    )
    usages = after.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.SERVER_AUTH]
    remaining = after.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=VALID_DAYS - 1) < remaining <= timedelta(days=VALID_DAYS)


def test_a_new_certificate_is_one_that_strict_clients_accept(appliance: Appliance) -> None:
    """Python 3.13 and newer verify with X509_STRICT by default."""
    appliance.certify(1)
    appliance.renew()

    openssl(
        *("verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "index.example"),
        *("-CAfile", appliance.authority / "ca.pem", appliance.certificate),
    )


def test_a_new_certificate_is_readable_by_the_engine_and_not_by_others(
    appliance: Appliance,
) -> None:
    appliance.certify(1)
    appliance.renew()

    status = appliance.certificate.stat()
    assert (status.st_mode & 0o777, status.st_gid) == (0o640, os.getgid())


def test_the_engine_is_told_of_a_new_certificate_once(appliance: Appliance) -> None:
    appliance.certify(1)
    appliance.renew()

    assert appliance.calls.read_text() == "try-reload-or-restart nginx.service\n"


def _spoil_key(appliance: Appliance) -> None:
    (appliance.authority / "ca.key").write_text("spoilt\n")


def _lose_key(appliance: Appliance) -> None:
    (appliance.authority / "ca.key").unlink()


def _exchange_key(appliance: Appliance) -> None:
    key = appliance.authority / "ca.key"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)


def _constrain_to_other_names(appliance: Appliance) -> None:
    appliance.certify_authority("permitted;DNS:other.example")


def _spoil_request(appliance: Appliance) -> None:
    (appliance.certificate.parent / "server.csr").write_text("spoilt\n")


@pytest.mark.parametrize(
    "harm",
    [_spoil_key, _lose_key, _exchange_key, _constrain_to_other_names, _spoil_request],
    ids=lambda harm: harm.__name__.strip("_").replace("_", " "),
)
def test_a_certificate_stays_when_no_good_one_can_be_made(
    appliance: Appliance, harm: Callable[[Appliance], None]
) -> None:
    """And the unit fails, so that monitoring sees it."""
    appliance.certify(1)
    before = appliance.certificate.read_bytes()
    harm(appliance)

    done = appliance.renew()

    assert done.returncode != 0
    assert done.stderr, "no word about why"
    assert appliance.certificate.read_bytes() == before
    assert not appliance.calls.exists()
