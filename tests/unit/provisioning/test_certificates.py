"""Files on the controller are judged before a host is touched: real keys, real certificates."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .conftest import Check

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NAMES = ("cellar.example", "index.example", "files.example")
ADDRESSES = ("192.0.2.10", "2001:db8::10")


@dataclass(frozen=True)
class Identity:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self, encryption: KeySerializationEncryption | None = None) -> bytes:
        return self.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()
        )


def issue(
    subject: str,
    issuer: Identity | None = None,
    *,
    covers: Sequence[str] = (),
    days: tuple[int, int] = (-100, 200),
    usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH,
) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
    )
    alternative: list[x509.GeneralName] = [
        x509.IPAddress(ip_address(text)) if text in ADDRESSES else x509.DNSName(text)
        for text in covers
    ]
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return Identity(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


@dataclass
class Provided:
    """A certificate with all its files, good until a test changes one of them."""

    directory: Path
    root: Identity
    intermediate: Identity
    leaf: Identity

    def write(self, name: str, content: bytes) -> str:
        (self.directory / name).write_bytes(content)
        return str(self.directory / name)

    def settings(self, **changes: Any) -> dict[str, Any]:
        return {
            "cellar_certificate_source": "provided",
            "cellar_certificate_file": self.write(
                "chain.pem", self.leaf.pem() + self.intermediate.pem()
            ),
            "cellar_certificate_key_file": self.write("key.pem", self.leaf.key_pem()),
            "cellar_certificate_ca_file": self.write("ca.pem", self.root.pem()),
            **changes,
        }


@pytest.fixture
def provided(tmp_path: Path) -> Provided:
    root = issue("root", usage=None)
    intermediate = issue("intermediate", root, usage=None)
    leaf = issue("cellar", intermediate, covers=(*NAMES, *ADDRESSES))
    return Provided(tmp_path, root, intermediate, leaf)


def test_a_good_certificate_is_accepted(check: Check, provided: Provided) -> None:
    assert check(provided.settings(), now=NOW) == []


def test_a_public_certificate_needs_no_ca_file(check: Check, provided: Provided) -> None:
    assert check(provided.settings(cellar_certificate_ca_file=""), now=NOW) == []


LEAVES: list[tuple[dict[str, Any], str | None]] = [
    ({}, None),
    ({"usage": None}, None),
    ({"covers": ("*.example", *ADDRESSES)}, None),
    ({"covers": (*NAMES, ADDRESSES[0])}, "does not cover 2001:db8::10;"),
    ({"covers": ("a.b", *NAMES[1:], *ADDRESSES)}, "does not cover cellar.example;"),
    ({"covers": ("*.cellar.example", *NAMES[1:], *ADDRESSES)}, "does not cover cellar.example;"),
    ({"covers": ("*", *NAMES[1:], *ADDRESSES)}, "does not cover cellar.example;"),
    (
        {"covers": (NAMES[0], *ADDRESSES)},
        "does not cover index.example, files.example, which cellar_intercept needs",
    ),
    ({"covers": (*NAMES[:2], *ADDRESSES)}, "does not cover files.example, which cellar_intercept"),
    ({"days": (-100, -1)}, "expired on 2026-05-31; renew"),
    ({"days": (-100, 0)}, "expired on 2026-06-01; renew"),
    (
        {"days": (-100, 29)},
        "expires on 2026-06-30, in less than cellar_certificate_renew_days (30)",
    ),
    ({"days": (-100, 30)}, None),
    ({"days": (2, 100)}, "is not valid before 2026-06-03"),
    ({"usage": ExtendedKeyUsageOID.CLIENT_AUTH}, "is not a certificate for servers"),
]


@pytest.mark.parametrize(("properties", "phrase"), LEAVES)
def test_a_certificate_is_refused_exactly_when_clients_would_refuse_it(
    check: Check, provided: Provided, properties: dict[str, Any], phrase: str | None
) -> None:
    properties = {"covers": (*NAMES, *ADDRESSES), **properties}
    provided.leaf = issue("cellar", provided.intermediate, **properties)

    lines = check(provided.settings(), now=NOW)

    assert len(lines) == (phrase is not None), lines
    if phrase is not None:
        path = provided.directory / "chain.pem"
        assert lines[0].startswith(f"cellar_certificate_file: {path} "), lines
        assert phrase in lines[0]


def test_a_certificate_without_alternative_names_covers_nothing(
    check: Check, provided: Provided
) -> None:
    provided.leaf = issue("cellar.example", provided.intermediate)

    first, second = check(provided.settings(), now=NOW)

    assert "does not cover cellar.example, 192.0.2.10, 2001:db8::10;" in first
    assert "does not cover index.example, files.example, which cellar_intercept needs" in second


def test_without_intercept_the_certificate_need_not_cover_pypi(
    check: Check, provided: Provided
) -> None:
    provided.leaf = issue("cellar", provided.intermediate, covers=(NAMES[0], *ADDRESSES))

    assert check(provided.settings(cellar_intercept=False), now=NOW) == []


def _missing(_: Provided) -> bytes | None:
    return None


FILES: list[tuple[str, Callable[[Provided], bytes | None], str]] = [
    ("cellar_certificate_file", _missing, "cannot be read on the controller: No such"),
    (
        "cellar_certificate_file",
        lambda p: p.leaf.certificate.public_bytes(Encoding.DER),
        "openssl x509 -inform der -in",
    ),
    ("cellar_certificate_file", lambda _: b"", "holds no certificate in PEM"),
    (
        "cellar_certificate_file",
        lambda p: p.leaf.key_pem(),
        "holds no certificate in PEM",
    ),
    (
        "cellar_certificate_file",
        lambda p: p.leaf.pem() + p.root.pem() + p.intermediate.pem(),
        "certificate 1 of",
    ),
    ("cellar_certificate_key_file", _missing, "cannot be read on the controller"),
    (
        "cellar_certificate_key_file",
        lambda p: p.leaf.key_pem(BestAvailableEncryption(b"secret")),
        "is encrypted; remove its passphrase",
    ),
    ("cellar_certificate_key_file", lambda p: p.leaf.pem(), "holds no private key"),
    (
        "cellar_certificate_key_file",
        lambda p: p.intermediate.key_pem(),
        "is not the key of the first certificate",
    ),
    ("cellar_certificate_ca_file", _missing, "cannot be read on the controller"),
    ("cellar_certificate_ca_file", lambda _: b"-", "holds no certificate in PEM"),
    (
        "cellar_certificate_ca_file",
        lambda _: issue("root", usage=None).pem(),
        "did not sign any certificate",
    ),
]


@pytest.mark.parametrize(("variable", "content", "phrase"), FILES)
def test_a_file_that_cannot_serve_is_named_alone_with_its_path(
    check: Check,
    provided: Provided,
    variable: str,
    content: Callable[[Provided], bytes | None],
    phrase: str,
) -> None:
    settings = provided.settings()
    path = Path(settings[variable])
    new = content(provided)
    if new is None:
        path.unlink()
    else:
        path.write_bytes(new)

    lines = check(settings, now=NOW)

    assert len(lines) == 1, lines
    assert lines[0].startswith(f"{variable}: "), lines
    assert str(path) in lines[0]
    assert phrase in lines[0]


def test_a_ca_that_expired_is_refused(check: Check, provided: Provided) -> None:
    root = issue("root", usage=None, days=(-100, -1))
    intermediate = issue("intermediate", root, usage=None)
    leaf = issue("cellar", intermediate, covers=(*NAMES, *ADDRESSES))

    (line,) = check(Provided(provided.directory, root, intermediate, leaf).settings(), now=NOW)

    assert line.startswith("cellar_certificate_ca_file: ")
    assert "holds no certificate that is valid today" in line


def test_all_files_that_cannot_serve_are_named_at_once(check: Check, provided: Provided) -> None:
    settings = provided.settings(
        cellar_upstream_ca_file=provided.write("upstream.pem", b""),
        cellar_certificate_key_file=str(provided.directory),
    )
    for name in ("chain.pem", "ca.pem"):
        (provided.directory / name).unlink()

    lines = check(settings, now=NOW)

    assert [line.partition(":")[0] for line in lines] == [
        "cellar_upstream_ca_file",
        "cellar_certificate_file",
        "cellar_certificate_key_file",
        "cellar_certificate_ca_file",
    ]
    assert f"{provided.directory} cannot be read on the controller: Is a directory" in lines[2]


UPSTREAM: list[tuple[list[tuple[int, int]] | None, str | None]] = [
    ([(-100, 100)], None),
    ([(-100, -1), (-100, 100)], None),
    ([(-100, -1)], "holds no certificate that is valid today"),
    ([], "holds no certificate in PEM"),
    (None, "cannot be read on the controller: No such file"),
]


@pytest.mark.parametrize(("validities", "phrase"), UPSTREAM)
def test_an_upstream_bundle_must_hold_a_certificate_that_is_valid(
    check: Check, tmp_path: Path, validities: list[tuple[int, int]] | None, phrase: str | None
) -> None:
    bundle = tmp_path / "gateway.pem"
    if validities is not None:
        bundle.write_bytes(b"".join(issue("gateway", days=days).pem() for days in validities))

    indexes = [
        {"name": name, "url": f"https://{name}.example/simple/", "ca_file": ca_file}
        for name, ca_file in (("acme", ""), ("beta", str(bundle)))
    ]
    routes = [{"projects": ["acme", "beta"], "indexes": ["acme", "beta"]}]
    for subject, settings in (
        ("cellar_upstream_ca_file", {"cellar_upstream_ca_file": str(bundle)}),
        ("cellar_indexes[1].ca_file", {"cellar_indexes": indexes, "cellar_routes": routes}),
    ):
        lines = check(settings, now=NOW)

        assert len(lines) == (phrase is not None), lines
        if phrase is not None:
            assert lines[0].startswith(f"{subject}: {bundle} "), lines
            assert phrase in lines[0]


def test_the_ca_directory_is_not_a_file(check: Check, tmp_path: Path) -> None:
    location = {"cellar_ca_key_location": "controller"}
    file = tmp_path / "ca"
    file.touch()

    assert check({**location, "cellar_ca_controller_dir": str(tmp_path)}) == []
    assert check({**location, "cellar_ca_controller_dir": str(file)}) == [
        f"cellar_ca_controller_dir: {file} is not a directory; name a directory"
    ]


def test_a_bundle_with_a_root_older_than_the_rules_is_taken_without_a_word(
    check: Check, tmp_path: Path
) -> None:
    """Public bundles hold such roots; a warning for each would be noise in every run."""
    bundle = tmp_path / "old.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=old -set_serial 0 -keyout"
    subprocess.run(
        [*command.split(), tmp_path / "old.key", "-out", bundle], check=True, capture_output=True
    )
    assert check({"cellar_upstream_ca_file": str(bundle)}) == []
