"""Whom to trust over TLS."""

import ssl


class TrustError(Exception):
    """The CA bundle cannot be loaded; the message is one sentence with the remedy."""


def tls_context(ca_file: str, *, key: str) -> ssl.SSLContext:
    """
    Return a TLS context that verifies servers, and their names, with the PEM bundle `ca_file`.

    An empty `ca_file` means the system's trust store. `key` is the setting that names the bundle,
    for the sentence of the error.

    Raises:
        TrustError: when the bundle cannot be loaded.

    """
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except ssl.SSLError:
        problem = "holds no certificate in PEM form"
    except OSError as error:
        problem = f"cannot be read: {(error.strerror or type(error).__name__).lower()}"
    raise TrustError(
        f"{ca_file}: the CA bundle of {key} {problem}; put a PEM bundle there, or name another one."
    )
