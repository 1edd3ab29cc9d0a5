"""The CA: made once, kept in a directory, and found there again after a restart."""

import ssl
from pathlib import Path

import trustme


def certificate_authority(state: Path) -> trustme.CA:
    """Return the CA kept in `state` (`ca.pem`, `ca-key.pem`), or a new one, written there."""
    certificate, key = state / "ca.pem", state / "ca-key.pem"
    if certificate.exists() and key.exists():
        return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    authority = trustme.CA(organization_name="fakepypi")
    state.mkdir(parents=True, exist_ok=True)
    key.touch(mode=0o600)
    authority.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(certificate))
    return authority


def server_context(authority: trustme.CA, names: list[str]) -> ssl.SSLContext:
    """Return a server's TLS context with a certificate for the names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    authority.issue_cert(*names).configure_cert(context)
    return context
