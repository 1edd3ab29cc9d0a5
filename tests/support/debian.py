"""Programs from Debian's packages, for tests on this machine."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from support.rendering import ROOT

_UNPACKED = ROOT / ".cellar"
_PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


def find_program(package: str, place: str) -> Path:
    """
    Return a program that `package` has at `place`, such as usr/sbin/nginx.

    It is the one on PATH, else that of the package, unpacked below .cellar and not installed.

    Raises:
        FileNotFoundError: when it is neither here nor to be had.

    """
    installed = shutil.which(Path(place).name, path=_PATH)
    if installed:
        return Path(installed)
    unpacked = _UNPACKED / package / place
    if not unpacked.exists():
        _unpack(package)
    return unpacked


def _unpack(package: str) -> None:
    """Download and unpack with folders of its own for apt, so that no root is needed."""
    _UNPACKED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_UNPACKED) as work:
        apt = ["apt-get", "-qq", "-o", f"Dir::State={work}", "-o", f"Dir::Cache={work}"]
        try:
            for command in ([*apt, "update"], [*apt, "download", package]):
                subprocess.run(command, cwd=work, check=True, capture_output=True, timeout=120)
            (archive,) = Path(work).glob(f"{package}_*.deb")
            unpack = ["dpkg-deb", "--extract", str(archive), f"{work}/{package}"]
            subprocess.run(unpack, check=True, capture_output=True, timeout=60)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            reason = (getattr(error, "stderr", None) or b"").decode().strip() or error
            raise FileNotFoundError(
                f"These tests need {package}. It is not on PATH, and Debian's package of it cannot "
                f"be downloaded ({reason}): run `apt-get install {package}` or go online once."
            ) from error
        # Another process of the tests may have been quicker.
        with contextlib.suppress(OSError):
            Path(work, package).rename(_UNPACKED / package)
