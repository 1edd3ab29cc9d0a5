"""Files of the host: read whole, replaced in one step, with what belongs to them kept."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from cellar_runner.refusal import Refusal

if TYPE_CHECKING:
    from pathlib import Path

# Not read by anybody: folders of settings are read by their suffix, and never dot files.
_NEW = ".cellar-runner-new"


def digest(content: bytes | None) -> str | None:
    """Return the SHA-256 of a file's content in hex; None where there is no file."""
    return None if content is None else hashlib.sha256(content).hexdigest()


def real_path(path: Path) -> Path:
    """
    Return the file that a path leads to through links, which need not exist.

    Raises:
        Refusal: the links lead in a circle.

    """
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: Python before 3.13
        raise Refusal(f"{path} cannot be followed: its links lead in a circle") from error


def read(path: Path) -> bytes | None:
    """
    Return a file's content; None where there is no file.

    Raises:
        Refusal: there is something that is no file, or it cannot be read.

    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Refusal(f"{path} is not a file")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise Refusal(f"{path} cannot be: a folder on its way is a file") from error
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror}") from error


def replace(path: Path, content: bytes, mode: int) -> None:
    """
    Write a file; readers see it whole, before or after, and it survives a loss of power.

    A file that is there keeps its mode, owner and extended attributes (SELinux, ACLs); another one
    gets `mode`, and in the folder of a user that user. A file that is a mount point, as in
    containers, is written in place.

    Raises:
        OSError: it cannot be written; the old one stays.

    """
    new = new_name(path)
    old = path.stat() if path.exists() else None
    with suppress(FileNotFoundError):
        new.unlink()
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            owner = old or path.parent.stat()
            if old is not None or owner.st_uid != 0:
                # By the open file: whose folder it is could put another one in its place.
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            if old is not None:
                _copy_attributes(path, file.fileno())
            os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode) if old is not None else mode)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        if error.errno != errno.EBUSY:
            raise
        _write_in_place(path, content)
    else:
        flush_folder(path.parent)


def remove(path: Path) -> None:
    """Remove a file, which may be gone already."""
    with suppress(FileNotFoundError):
        path.unlink()
        flush_folder(path.parent)


def new_name(path: Path) -> Path:
    """Return the file that becomes `path`; a killed run may leave it."""
    return path.with_name(f".{path.name}{_NEW}")


def flush_folder(folder: Path) -> None:
    """Let the names in a folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def torn(found: bytes | None, before: bytes | None, after: bytes | None) -> bool:
    """Tell whether `found` is what a killed `replace` in place leaves of two contents."""
    if found is None or before is None or after is None:
        return False
    pairs = zip(found, after, strict=False)
    written = next((n for n, (one, other) in enumerate(pairs) if one != other), None)
    written = min(len(found), len(after)) if written is None else written
    return found[written:] == before[written:]


def _write_in_place(path: Path, content: bytes) -> None:
    with path.open("r+b", buffering=0) as file:
        file.write(content)
        file.truncate()
        os.fsync(file.fileno())


def make_folder(folder: Path) -> None:
    """Make a folder that anybody may read, whatever the umask is; in a user's folder it is his."""
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    owner = folder.parent.stat()
    if owner.st_uid != 0:
        os.chown(folder, owner.st_uid, owner.st_gid, follow_symlinks=False)
    flush_folder(folder.parent)


def _copy_attributes(source: Path, target: int) -> None:
    # Some file systems have none, and some attributes are the kernel's own.
    with suppress(OSError):
        for name in os.listxattr(source):
            with suppress(OSError):
                os.setxattr(target, name, os.getxattr(source, name))
