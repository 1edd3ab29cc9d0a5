"""
Run inside the appliance: makes files that nginx's cache loader takes for what it has stored.

Usage: python3 objects.py FOLDER COUNT. All are links to a few small files, for a file can have
65,000 names at most; the loader looks at names and sizes, and throws away what is too small for a
header. Names are hashes in folders of `levels=1:2`.
"""

import hashlib
import os
import sys
from pathlib import Path

_SIZE = 1024
_MOST_LINKS = 60_000


def main() -> None:
    """Make them."""
    top, count = Path(sys.argv[1]), int(sys.argv[2])
    digits = "0123456789abcdef"
    folders = {f"{b}{c}{a}": top / a / f"{b}{c}" for a in digits for b in digits for c in digits}
    for folder in folders.values():
        folder.mkdir(parents=True)
    processes = os.cpu_count() or 1
    children = []
    for first in range(processes):
        child = os.fork()
        if not child:
            _link(folders, range(first, count, processes))
            os._exit(0)
        children.append(child)
    for child in children:
        if os.waitpid(child, 0)[1]:
            sys.exit("some objects could not be made")


def _link(folders: dict[str, Path], numbers: range) -> None:
    content = Path()
    for place, number in enumerate(numbers):
        name = hashlib.md5(b"%d" % number, usedforsecurity=False).hexdigest()
        path = folders[name[-3:]] / name
        if place % _MOST_LINKS == 0:
            content = path
            content.write_bytes(bytes(_SIZE))
        else:
            os.link(content, path)


main()
