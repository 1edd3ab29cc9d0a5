"""Certificates of authorities: the appliance's own and the system's."""

from __future__ import annotations

import re
import ssl
import time
from typing import TYPE_CHECKING

from cellar_runner.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellar_runner.host import Host

# Debian and Alpine, RHEL and Fedora, RHEL's older name, SUSE, and Alpine without ca-certificates.
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
_DAY = 86400


def pem_blocks(text: str) -> list[str]:
    """Return the certificates of a PEM text, each with a line end and without what is between."""
    return [f"{block}\n" for block in _BLOCK.findall(text)]


def check_authority(block: str) -> str:
    """Return why a certificate cannot be an authority now, as "is …"; "" if it can."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=block)
    except (ssl.SSLError, ValueError):
        return "cannot be read"
    found = context.get_ca_certs()  # those that are CAs, by their basic constraints
    if not found:
        return "is not that of a CA"
    now = time.time()
    begin = ssl.cert_time_to_seconds(str(found[0]["notBefore"]))
    end = ssl.cert_time_to_seconds(str(found[0]["notAfter"]))
    if end <= now:
        return f"has expired ({found[0]['notAfter']})"
    return f"is not valid before {found[0]['notBefore']}" if begin > now else ""


def days_left(authorities: Sequence[str]) -> int | None:
    """Return the whole days until the first of the authorities ends; None if there is none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not authorities:
        return None
    context.load_verify_locations(cadata="".join(authorities))
    ends = [ssl.cert_time_to_seconds(str(each["notAfter"])) for each in context.get_ca_certs()]
    return int((min(ends) - time.time()) // _DAY)


def system_roots(host: Host) -> str:
    """
    Return the system's certificates, PEM.

    Raises:
        Refusal: they are nowhere; a bundle without them would break all other connections.

    """
    for name in SYSTEM_BUNDLES:
        path = host.path(name)
        if path.is_file():
            blocks = pem_blocks(path.read_text(encoding="utf-8", errors="replace"))
            if blocks:
                return "".join(blocks)
    raise Refusal(
        f"no certificates are in {' or '.join(SYSTEM_BUNDLES)}: install the package ca-certificates"
    )


def bundle(roots: str, authorities: Sequence[str]) -> bytes:
    """
    Return a PEM bundle of the system's certificates and then the authorities.

    Those that the system has already, as in its store after an installation there, are not twice.
    """
    own = {_body(block) for block in authorities}
    others = [block for block in pem_blocks(roots) if _body(block) not in own]
    return "".join([*others, *authorities]).encode()


def _body(block: str) -> str:
    return "".join(block.split("-----")[2].split())
