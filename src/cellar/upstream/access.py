"""With what each index is asked: whom to trust, and the credential that it wants."""

import base64
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cellar.settings import IndexSettings, Settings
from cellar.tls import TrustError, tls_context

# Where systemd's credentials come from: for whoever is not started by systemd, but is root.
_CREDENTIALS = Path("/etc/cellar/credentials")
_RUN_AGAIN = "run the playbook again"


class AccessError(Exception):
    """An index cannot be asked; the message is one sentence with the remedy, without a secret."""


@dataclass(frozen=True, slots=True)
class Access:
    """
    What one index is asked with.

    `authorization` is the value of the field Authorization, None for none. It is a secret, and not
    in the representation of the object.
    """

    tls: ssl.SSLContext
    authorization: str | None = field(default=None, repr=False)


def load_access(settings: Settings) -> Mapping[str, Access]:
    """
    Load CA bundles and credentials; the keys are the names of the indexes.

    Raises:
        AccessError: when a bundle or a credential cannot be loaded.

    """
    return {index.name: _access(settings, index) for index in settings.indexes}


def _access(settings: Settings, index: IndexSettings) -> Access:
    key = f"the index {index.name}" if index.ca_file else "cellar_upstream_ca_file"
    try:
        tls = tls_context(index.ca_file or settings.upstream.ca_file, key=key)
    except TrustError as error:
        raise AccessError(str(error)) from None
    return Access(tls, _authorization(index) if index.credential else None)


def _authorization(index: IndexSettings) -> str:
    """Return the value of Authorization for the basic scheme (RFC 7617)."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    path = (Path(directory) if directory else _CREDENTIALS) / index.credential
    try:
        text = path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        problem = f"cannot be read: {reason}"
        remedy = "run this as root" if isinstance(error, PermissionError) else _RUN_AGAIN
    else:
        if b":" in text and not any(byte in text for byte in b"\r\n\0"):
            return f"Basic {base64.b64encode(text).decode('ascii')}"
        problem, remedy = "is not one line of the form user:password", _RUN_AGAIN
    raise AccessError(f"{path}: the credential of the index {index.name} {problem}; {remedy}.")
