"""The PEM files on the controller: readable, whole, and fit for the doors they are meant for."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID

from cellar.provisioning.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CHAIN, _KEY, _CA, _UPSTREAM, _DIRECTORY = (
    "cellar_certificate_file",
    "cellar_certificate_key_file",
    "cellar_certificate_ca_file",
    "cellar_upstream_ca_file",
    "cellar_ca_controller_dir",
)


class _UnusableFileError(Exception):
    """A file that cannot be used; carries the problem."""

    def __init__(self, variable: str, wrong: str, remedy: str) -> None:
        super().__init__(wrong)
        self.problem = Problem(variable, wrong, remedy)


@dataclass(frozen=True, slots=True)
class _Doors:
    """What the certificate must cover: names and addresses, and how long (days) from `now`."""

    names: tuple[str, ...]
    intercepted: tuple[str, ...]
    addresses: tuple[str, ...]
    renew_days: int
    now: datetime


def certificate_problems(values: Mapping[str, Any], now: datetime) -> Iterator[Problem]:
    """
    Yield what is wrong with the files on the controller that the settings name.

    `values` holds all settings, each sound and without contradictions; `now` is aware.
    """
    if values[_UPSTREAM]:
        yield from _bundle(_UPSTREAM, values[_UPSTREAM], "the gateway", now)
    for number, index in enumerate(values["cellar_indexes"]):
        if index.get("ca_file"):
            subject = f"cellar_indexes[{number}].ca_file"
            yield from _bundle(subject, index["ca_file"], "the index", now)
    directory = values[_DIRECTORY]
    if directory and Path(directory).exists() and not Path(directory).is_dir():
        yield Problem(_DIRECTORY, f"{directory} is not a directory", "name a directory")
    if values["cellar_certificate_source"] != "provided":
        return
    hosts = (values["cellar_pypi_index_host"], values["cellar_pypi_files_host"])
    doors = _Doors(
        names=tuple(values["cellar_server_names"]),
        intercepted=hosts if values["cellar_intercept"] else (),
        addresses=tuple(values["cellar_server_addresses"]),
        renew_days=values["cellar_certificate_renew_days"],
        now=now,
    )
    chain: list[x509.Certificate] = []
    try:
        chain = _read_certificates(_CHAIN, values[_CHAIN])
    except _UnusableFileError as error:
        yield error.problem
    else:
        yield from _leaf(values[_CHAIN], chain[0], doors)
        yield from _order(values[_CHAIN], chain)
    yield from _key(values[_KEY], values[_CHAIN], chain)
    if values[_CA]:
        yield from _authority(values[_CA], values[_CHAIN], chain, now)


def _bundle(variable: str, path: str, whose: str, now: datetime) -> Iterator[Problem]:
    try:
        bundle = _read_certificates(variable, path)
    except _UnusableFileError as error:
        yield error.problem
        return
    if not any(_is_valid(certificate, now) for certificate in bundle):
        yield Problem(
            variable,
            f"{path} holds no certificate that is valid today",
            f"get the current CA certificates from those who run {whose}",
        )


def authority_problems(variable: str, path: str, now: datetime) -> Iterator[Problem]:
    """Yield what keeps the certificates of a file on the controller from being trusted as CAs."""
    try:
        authorities = _read_certificates(variable, path)
    except _UnusableFileError as error:
        yield error.problem
        return
    for certificate in authorities:
        if not _is_authority(certificate):
            name = certificate.subject.rfc4514_string()
            yield Problem(
                variable, f"{path} has a certificate that is not a CA's ({name})", "name the CA's"
            )
        elif not _is_valid(certificate, now):
            span = (
                f"{certificate.not_valid_before_utc:%Y-%m-%d} to "
                f"{certificate.not_valid_after_utc:%Y-%m-%d}"
            )
            yield Problem(
                variable, f"{path} has a CA that is not valid today ({span})", "name the current CA"
            )


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def _leaf(path: str, leaf: x509.Certificate, doors: _Doors) -> Iterator[Problem]:
    end = leaf.not_valid_after_utc
    if leaf.not_valid_before_utc > doors.now:
        start = f"{leaf.not_valid_before_utc:%Y-%m-%d}"
        yield Problem(
            _CHAIN, f"{path} is not valid before {start}", "check the clock, or wait until then"
        )
    elif end <= doors.now:
        yield Problem(_CHAIN, f"{path} expired on {end:%Y-%m-%d}", "renew the certificate")
    elif end - doors.now < timedelta(days=doors.renew_days):
        yield Problem(
            _CHAIN,
            f"{path} expires on {end:%Y-%m-%d}, in less than cellar_certificate_renew_days "
            f"({doors.renew_days})",
            "renew the certificate",
        )
    names, addresses = _subject_alternative_names(leaf)
    missing = [name for name in doors.names if not _covers(names, name)]
    missing += [text for text in doors.addresses if ip_address(text) not in addresses]
    if missing:
        yield Problem(
            _CHAIN,
            f"{path} does not cover {', '.join(missing)}",
            "have it issued for all of cellar_server_names and cellar_server_addresses",
        )
    intercepted = [name for name in doors.intercepted if not _covers(names, name)]
    if intercepted:
        yield Problem(
            _CHAIN,
            f"{path} does not cover {', '.join(intercepted)}, which cellar_intercept needs",
            "have it issued by a private CA for these names too, or set cellar_intercept to false",
        )
    if not _is_for_servers(leaf):
        yield Problem(
            _CHAIN,
            f"{path} is not a certificate for servers (extended key usage)",
            "have it issued for TLS server authentication",
        )


def _order(path: str, chain: list[x509.Certificate]) -> Iterator[Problem]:
    for number, (certificate, issuer) in enumerate(itertools.pairwise(chain), start=1):
        if not _is_issued_by(certificate, issuer):
            yield Problem(
                _CHAIN,
                f"certificate {number} of {path} is not signed by the one after it",
                "put the server's certificate first, then each one's issuer",
            )
            return


def _key(path: str, chain_path: str, chain: list[x509.Certificate]) -> Iterator[Problem]:
    try:
        data = _read(_KEY, path)
    except _UnusableFileError as error:
        yield error.problem
        return
    try:
        key = load_pem_private_key(data, password=None)
    except TypeError:
        yield Problem(
            _KEY,
            f"{path} is encrypted",
            f"remove its passphrase, for example with openssl pkey -in {path}",
        )
        return
    except (ValueError, UnsupportedAlgorithm):
        yield Problem(_KEY, f"{path} holds no private key in PEM", "name the PEM file of the key")
        return
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if chain and key.public_key().public_bytes(*form) != chain[0].public_key().public_bytes(*form):
        yield Problem(
            _KEY,
            f"{path} is not the key of the first certificate in {chain_path}",
            "name the key that the certificate was issued for",
        )


def _authority(
    path: str, chain_path: str, chain: list[x509.Certificate], now: datetime
) -> Iterator[Problem]:
    try:
        authorities = _read_certificates(_CA, path)
    except _UnusableFileError as error:
        yield error.problem
        return
    if not any(_is_valid(certificate, now) for certificate in authorities):
        yield Problem(
            _CA, f"{path} holds no certificate that is valid today", "name the current CA"
        )
    signed = [
        certificate
        for certificate in chain
        if any(_is_issued_by(certificate, ca) for ca in authorities)
    ]
    if chain and not signed:
        yield Problem(
            _CA,
            f"{path} did not sign any certificate of {chain_path}",
            "name the CA that signed it, and add missing intermediates to cellar_certificate_file",
        )


def _read(variable: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _UnusableFileError(
            variable,
            f"{path} cannot be read on the controller: {error.strerror}",
            "correct the path or its permissions",
        ) from error


def _read_certificates(variable: str, path: str) -> list[x509.Certificate]:
    data = _read(variable, path)
    try:
        with warnings.catch_warnings():
            # Public bundles hold roots that are older than the rules for serial numbers.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise _UnusableFileError(
            variable,
            f"{path} holds no certificate in PEM, or a damaged one",
            f"if it is DER, convert it with openssl x509 -inform der -in {path}",
        ) from error


def _is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _subject_alternative_names(leaf: x509.Certificate) -> tuple[set[str], set[Any]]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        # Clients ignore the common name (RFC 9525, section 6.3), so it covers nothing.
        return set(), set()
    dns = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
    return dns, set(names.get_values_for_type(x509.IPAddress))


def _covers(patterns: set[str], name: str) -> bool:
    # RFC 9525, section 6.3: a wildcard is a whole left-most label and stands for exactly one.
    _, _, parent = name.partition(".")
    return name in patterns or f"*.{parent}" in patterns


def _is_for_servers(leaf: x509.Certificate) -> bool:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    wanted = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    return bool(wanted & set(usage))
