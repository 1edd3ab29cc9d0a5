"""
Lists what is on a host: `listing.py TARGET` writes a JSON object of path to what it is.

Runs on the host itself, by any Python, with nothing installed.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from pathlib import Path

# What a host has of its own, but for what every hour of its life changes.
FOLDERS = ("/etc", "/opt", "/root", "/usr", "/var/lib", "/home")
# systemd's random seed and the like; Python's own caches.
PASSING = ("/var/lib/systemd/", "__pycache__")


def what_it_is(path: Path) -> list[str | int]:
    """Return kind, mode, owner and content of a file, folder or link."""
    found = path.lstat()
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISLNK(found.st_mode):
        return ["link", str(path.readlink())]
    if stat.S_ISDIR(found.st_mode):
        return ["folder", mode, found.st_uid, found.st_gid]
    content = path.read_bytes() if stat.S_ISREG(found.st_mode) else b""
    return ["file", mode, found.st_uid, found.st_gid, hashlib.sha256(content).hexdigest()]


def listing() -> dict[str, list[str | int]]:
    """Return all that is on the host, by path."""
    found = {}
    for top in FOLDERS:
        for folder, folders, names in os.walk(top):
            for name in (*folders, *names):
                path = Path(folder, name)
                if not any(part in str(path) for part in PASSING):
                    found[str(path)] = what_it_is(path)
    return found


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(listing()), encoding="utf-8")
