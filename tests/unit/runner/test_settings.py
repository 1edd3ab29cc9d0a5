"""The program's settings: what it takes, and the sentences for what it does not."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cellar_runner.refusal import Refusal
from cellar_runner.settings import parse_settings

NOW = dt.datetime.now(dt.UTC)


def certificate(
    *, ca: bool = True, start: int = -10, end: int = 10, constraint: bool = True
) -> str:
    """Return a certificate, valid from and to so many days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + dt.timedelta(days=start))
        .not_valid_after(NOW + dt.timedelta(days=end))
    )
    if constraint:
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


GOOD: dict[str, Any] = {
    "mode": "auto",
    "address": "192.0.2.10",
    "server_name": "cellar.example",
    "names": ["index.example", "files.example"],
    "https_port": 443,
    "proxy_port": 3128,
    "no_proxy": ["localhost", ".internal.example", "10.0.0.0/8"],
    "targets": "auto",
    "authorities": [],
    "metrics_file": "/var/lib/x.prom",
    "fail": "open",
}


def parse(**changes: Any) -> Any:
    return parse_settings(json.dumps({**GOOD, **changes}), "settings.json")


def test_good_settings_are_read() -> None:
    old, new = certificate(), certificate()

    read = parse(authorities=[old + "between\n" + new, old], targets=["pip"])

    assert read.authorities == (old, new), "two at once while a CA is replaced"
    assert (read.targets, read.no_proxy[1]) == (("pip",), ".internal.example")
    assert read.index_url == "https://cellar.example/simple/"
    assert read.proxy_url == "http://192.0.2.10:3128"


def test_urls_have_ports_and_brackets_where_they_need_them() -> None:
    read = parse(server_name="2001:db8::1", address="2001:db8::1", https_port=8443)

    assert read.index_url == "https://[2001:db8::1]:8443/simple/"
    assert read.proxy_url == "http://[2001:db8::1]:3128"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mode": "both"}, "mode is not auto, index, proxy or intercept ('both')"),
        ({"address": "cellar.example"}, "address is not an IP address ('cellar.example')"),
        ({"server_name": "a b"}, "server_name is not a host name in small letters ('a b')"),
        ({"server_name": "Cellar.example"}, "server_name is not a host name in small letters"),
        ({"names": ["a.example"]}, "names is not two host names"),
        ({"names": ["a.example", "a.example"]}, "names is not two host names"),
        ({"https_port": "443"}, "https_port is not a port from 1 to 65535 ('443')"),
        ({"https_port": True}, "https_port is not a port"),
        ({"proxy_port": 0}, "proxy_port is not a port from 1 to 65535 (0)"),
        ({"no_proxy": ["a b"]}, "no_proxy has an item that is no name, address or network ('a b')"),
        ({"no_proxy": "localhost"}, "no_proxy is not a list"),
        ({"targets": "all"}, "targets is not a list"),
        ({"metrics_file": "x"}, "metrics_file is not an absolute path ('x')"),
        ({"authorities": ["nothing"]}, "authorities has no certificate in PEM (item 1)"),
        ({"fail": "ajar"}, "fail is not open or closed ('ajar')"),
        ({"containerd": "yes"}, "containerd is not true or false ('yes')"),
        ({"other": 1}, "other is not a setting of cellar-runner"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else None,
)
def test_bad_settings_are_refused_in_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(**changes)

    assert str(refused.value).startswith(f"settings.json: {sentence}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("pem", "sentence"),
    [
        (certificate(ca=False), "is not that of a CA"),
        (certificate(constraint=False), "is not that of a CA"),
        (certificate(end=-1), "has expired ("),
        (certificate(start=1), "is not valid before "),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
    ],
)
def test_a_certificate_that_can_be_no_authority_is_refused(pem: str, sentence: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(authorities=[certificate(), pem])

    assert f"authorities has a certificate that {sentence}" in str(refused.value)
    assert str(refused.value).endswith("(item 2)")


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match=r"^here is not (JSON|a JSON object)"):
        parse_settings(text, "here")


@pytest.mark.parametrize("key", GOOD)
def test_a_missing_setting_is_named(key: str) -> None:
    rest = {name: value for name, value in GOOD.items() if name != key}

    with pytest.raises(Refusal, match=f"^here: {key} is missing$"):
        parse_settings(json.dumps(rest), "here")
