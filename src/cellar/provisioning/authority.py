"""The certificate of the own CA, which clients trust and which must not change unseen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from cellar.provisioning.problem import Problem, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_Name = str | IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Found:
    """
    What is there before the run, certificates as PEM or empty.

    `offered` is what the appliance gives to clients, `own` what is beside the CA's key, if there is
    one (`has_key`), in the directory `place`. `prepared` is the certificate of the CA that is to
    take its place, and `has_previous` tells whether one did and is not forgotten yet.
    """

    offered: str
    own: str
    has_key: bool
    place: str
    prepared: str = ""
    has_previous: bool = False


def authority_problems(found: Found, settings: Mapping[str, Any]) -> list[Problem]:
    """
    Return the problem, if any, that clients could not go on with the certificate that they trust.

    `settings` are cellar_ca_common_name, cellar_ca_reissue, cellar_ca_rotation,
    cellar_server_addresses and, as `names`, all DNS names of the appliance. A certificate that
    permits all that the appliance will answer for goes on working, also when the CA gets a new one
    for fewer names.
    """
    rotation = settings["cellar_ca_rotation"]
    if rotation == "prepare" and found.has_previous:
        return [
            Problem(
                "cellar_ca_rotation",
                "is prepare, and the CA before this one is not forgotten yet",
                "end that rotation by one run with none",
            )
        ]
    if rotation == "switch" and not found.has_previous:
        if not set(_parsed(found.prepared)) & set(_parsed(found.offered)):
            return [
                Problem(
                    "cellar_ca_rotation",
                    "is switch, and no CA is prepared that clients could trust by now",
                    "run with prepare first, and have every client trust what is offered then",
                )
            ]
        found = replace(found, own=found.prepared)
    trusted = _trusted(found)
    if trusted is None or settings["cellar_ca_reissue"]:
        return []
    reasons = list(_key(trusted, found))
    if rotation != "prepare":  # which leaves the CA that signs, and what it signed, as they are
        reasons += _common_name(trusted, settings["cellar_ca_common_name"])
        reasons += _constraints(trusted, settings["names"], settings["cellar_server_addresses"])
    if not reasons:
        return []
    return [
        Problem(
            "cellar_ca_reissue",
            "is false, and clients could not go on with the CA certificate that they trust: "
            + ", and ".join(reasons),
            "undo that change, or rotate the CA (cellar_ca_rotation), or set it to true for one "
            "run, after which every client must trust the new CA certificate",
        )
    ]


def _parsed(pem: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:  # nothing, or nothing that a client could trust
        return []


def _trusted(found: Found) -> x509.Certificate | None:
    """Return what clients know the CA by; of several the one with its key."""
    offered, own = _parsed(found.offered), _parsed(found.own)
    keys = [each.public_key() for each in own]
    return next(iter([each for each in offered if each.public_key() in keys] + offered + own), None)


def _key(trusted: x509.Certificate, found: Found) -> Iterator[str]:
    own = _parsed(found.own)
    if not own or not found.has_key:
        yield f"its key is not in {found.place}, so there would be a new one"
    elif own[0].public_key() != trusted.public_key():
        yield f"the CA in {found.place} is another one"


def _common_name(trusted: x509.Certificate, wanted: str) -> Iterator[str]:
    # Clients find the CA by its name, whatever its key is.
    names = [a.value for a in trusted.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [wanted]:
        yield f"its name is {show(', '.join(map(str, names)))}, not {show(wanted)}"


def _constraints(
    trusted: x509.Certificate, names: Sequence[str], addresses: Sequence[str]
) -> Iterator[str]:
    try:
        constraints = trusted.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return
    missing = [name for name in names if not _permits(constraints, x509.DNSName, name)]
    missing += [
        address
        for address in addresses
        if not _permits(constraints, x509.IPAddress, ip_address(address))
    ]
    if missing:
        yield f"it does not permit {', '.join(missing)}"


def _permits(constraints: x509.NameConstraints, kind: type[x509.GeneralName], name: _Name) -> bool:
    """Return what RFC 5280 section 4.2.1.10 says: a kind that is not constrained is free."""
    permitted = [s.value for s in constraints.permitted_subtrees or [] if isinstance(s, kind)]
    excluded = [s.value for s in constraints.excluded_subtrees or [] if isinstance(s, kind)]
    if any(_is_within(name, subtree) for subtree in excluded):
        return False
    return not permitted or any(_is_within(name, subtree) for subtree in permitted)


def _is_within(name: _Name, subtree: Any) -> bool:
    return f".{name}".endswith(f".{subtree}") if isinstance(name, str) else name in subtree
