"""A run that would take from clients the CA that they trust is refused, and no other one is."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from cellar.provisioning import Found, authority_problems

NAMES = ["cellar.example", "index.example", "files.example"]
ADDRESSES = ["192.0.2.10", "2001:db8::10"]
SETTINGS: dict[str, Any] = {
    "cellar_ca_common_name": "Cellar CA",
    "cellar_ca_reissue": False,
    "cellar_ca_rotation": "none",
    "cellar_server_addresses": ADDRESSES,
    "names": NAMES,
}
PLACE = "/etc/cellar/ca"
KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


def authority(
    names: list[str] = NAMES,
    addresses: list[str] = ADDRESSES,
    common_name: str = "Cellar CA",
    key: ec.EllipticCurvePrivateKey = KEY,
    *,
    constrained: bool = True,
) -> str:
    """Return a CA certificate that is constrained as role `certificates` does it."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        x509.CertificateBuilder(subject, subject, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
    )
    if constrained:
        permitted: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        permitted += [x509.IPAddress(ip_network(ip_address(each))) for each in addresses]
        free = [x509.IPAddress(ip_network(net)) for net in ("0.0.0.0/0", "::/0")]
        extension = x509.NameConstraints(permitted, None if addresses else free)
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def problems(
    offered: str,
    own: str | None = None,
    *,
    has_key: bool = True,
    prepared: str = "",
    has_previous: bool = False,
    **changes: Any,
) -> list[str]:
    """Return the report, when what clients are offered is the CA's own unless told otherwise."""
    own = offered if own is None else own
    found = Found(offered, own, has_key, PLACE, prepared, has_previous)
    return [str(problem) for problem in authority_problems(found, {**SETTINGS, **changes})]


def test_the_first_run_makes_a_ca_unasked() -> None:
    assert problems("", has_key=False) == []


def test_a_run_that_changes_nothing_goes_on() -> None:
    assert problems(authority()) == []


KEPT: dict[str, tuple[str, dict[str, Any]]] = {
    "a name less": (authority(), {"names": NAMES[:1]}),
    "no addresses any more": (authority(), {"cellar_server_addresses": []}),
    "a name below one that is permitted": (authority(), {"names": [*NAMES, "b.cellar.example"]}),
    "a CA that is not constrained": (authority(constrained=False), {}),
}


@pytest.mark.parametrize(("offered", "changes"), KEPT.values(), ids=KEPT)
def test_a_change_that_clients_do_not_notice_goes_on(offered: str, changes: dict[str, Any]) -> None:
    assert problems(offered, **changes) == []


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "a name": (
        {"offered": authority(), "names": [*NAMES, "second.example"]},
        "it does not permit second.example",
    ),
    "a name that only ends like one that is permitted": (
        {"offered": authority(), "names": [*NAMES, "my-cellar.example"]},
        "it does not permit my-cellar.example",
    ),
    "an address": (
        {"offered": authority(addresses=ADDRESSES[:1])},
        "it does not permit 2001:db8::10",
    ),
    "the first address": (
        {"offered": authority(addresses=[]), "cellar_server_addresses": ["192.0.2.10"]},
        "it does not permit 192.0.2.10",
    ),
    "the intercept door": (
        {"offered": authority(names=NAMES[:1])},
        "it does not permit index.example, files.example",
    ),
    "another common name": (
        {"offered": authority(common_name="Old CA")},
        'its name is "Old CA", not "Cellar CA"',
    ),
    "the key is lost": (
        {"offered": authority(), "has_key": False},
        f"its key is not in {PLACE}, so there would be a new one",
    ),
    "the CA is elsewhere": (
        {"offered": authority(), "own": "", "has_key": False},
        f"its key is not in {PLACE}, so there would be a new one",
    ),
    "another CA": (
        {"offered": authority(), "own": authority(key=OTHER_KEY)},
        f"the CA in {PLACE} is another one",
    ),
    "an appliance built anew, with its CA on the controller": (
        {"offered": "", "own": authority(names=NAMES[:1])},
        "it does not permit index.example, files.example",
    ),
}


@pytest.mark.parametrize(("state", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_change_that_would_break_clients_is_refused_unless_the_operator_wants_it(
    state: dict[str, Any], reason: str
) -> None:
    (line,) = problems(**state)

    assert line.startswith("cellar_ca_reissue: is false, and clients could not go on"), line
    assert f": {reason}; undo that change, or rotate the CA (cellar_ca_rotation), or set it" in line
    assert problems(**state, cellar_ca_reissue=True) == []


def test_all_reasons_are_in_one_sentence() -> None:
    (line,) = problems(authority(common_name="Old CA", addresses=[]), has_key=False)

    assert line.count(", and ") == 3, line


def test_a_run_that_was_interrupted_between_ca_and_clients_can_be_finished() -> None:
    """The CA has its new certificate already, for less; clients are still offered the old one."""
    assert problems(authority(), authority(names=NAMES[:1]), names=NAMES[:1]) == []


def test_what_is_no_certificate_is_trusted_by_nobody() -> None:
    assert problems("damaged", "damaged too") == []


NARROW, NEXT = authority(names=NAMES[:1]), authority(key=OTHER_KEY)

ROTATING: dict[str, dict[str, Any]] = {
    "preparing a CA for names that the one before does not permit": {
        "offered": NARROW,
        "cellar_ca_rotation": "prepare",
    },
    "preparing twice": {
        "offered": NARROW + NEXT,
        "own": NARROW,
        "prepared": NEXT,
        "cellar_ca_rotation": "prepare",
    },
    "switching to a CA that clients know": {
        "offered": NARROW + NEXT,
        "own": NARROW,
        "prepared": NEXT,
        "cellar_ca_rotation": "switch",
    },
    "going on with a switch that ended before clients were told": {
        "offered": NARROW + NEXT,
        "own": NEXT,
        "has_previous": True,
        "cellar_ca_rotation": "switch",
    },
    "switching twice": {
        "offered": NEXT + NARROW,
        "own": NEXT,
        "has_previous": True,
        "cellar_ca_rotation": "switch",
    },
    "forgetting the CA before": {"offered": NEXT + NARROW, "own": NEXT, "has_previous": True},
    "forgetting the CA that was prepared": {
        "offered": authority() + NEXT,
        "own": authority(),
        "prepared": NEXT,
    },
}


@pytest.mark.parametrize("state", ROTATING.values(), ids=ROTATING)
def test_each_step_of_a_rotation_goes_on(state: dict[str, Any]) -> None:
    assert problems(**state) == []


ASTRAY: dict[str, tuple[dict[str, Any], str]] = {
    "switching without a CA": (
        {"offered": NARROW, "cellar_ca_rotation": "switch"},
        "cellar_ca_rotation: is switch, and no CA is prepared that clients could trust by now; run",
    ),
    "switching to a CA that clients were never offered": (
        {"offered": NARROW, "prepared": NEXT, "cellar_ca_rotation": "switch"},
        "cellar_ca_rotation: is switch, and no CA is prepared that clients could trust by now; run",
    ),
    "switching to a CA that does not permit a name": (
        {
            "offered": authority() + NEXT,
            "prepared": NEXT,
            "names": [*NAMES, "late.example"],
            "cellar_ca_rotation": "switch",
        },
        "that they trust: it does not permit late.example; undo",
    ),
    "preparing before the last rotation has ended": (
        {
            "offered": NEXT + NARROW,
            "own": NEXT,
            "has_previous": True,
            "cellar_ca_rotation": "prepare",
        },
        "cellar_ca_rotation: is prepare, and the CA before this one is not forgotten yet; end",
    ),
    "forgetting the CA that was prepared, with a name that it was prepared for": (
        {"offered": NARROW + NEXT, "own": NARROW, "prepared": NEXT},
        "it does not permit index.example, files.example; undo",
    ),
    "preparing without the key of the CA that signs": (
        {"offered": NARROW, "has_key": False, "cellar_ca_rotation": "prepare"},
        f"its key is not in {PLACE}, so there would be a new one; undo",
    ),
}


@pytest.mark.parametrize(("state", "sentence"), ASTRAY.values(), ids=ASTRAY)
def test_a_step_of_a_rotation_that_would_lose_clients_is_refused(
    state: dict[str, Any], sentence: str
) -> None:
    (line,) = problems(**state)

    assert sentence in line
