"""
The kept inputs of the fuzzer: one a line, its name and its bytes in base64.

In one file and encoded, because they are no texts: they hold broken names of hosts, and bytes that
no editor keeps.
"""

import base64
import hashlib
import sys
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus.txt")
PAGES = Path(__file__).parents[1] / "unit/cellar/pages"


def load() -> dict[str, bytes]:
    """Return the kept inputs by their names."""
    entries = (line.split(" ") for line in CORPUS.read_text(encoding="ascii").splitlines())
    return {name: base64.b64decode(data, validate=True) for name, data in entries}


def keep(inputs: dict[str, bytes]) -> None:
    """Replace the kept inputs."""
    lines = (f"{name} {base64.b64encode(inputs[name]).decode()}\n" for name in sorted(inputs))
    CORPUS.write_text("".join(lines), encoding="ascii")


def unpack(folder: Path) -> None:
    """Write the kept inputs into a folder, one a file."""
    for name, data in load().items():
        (folder / name).write_bytes(data)


def pack(folder: Path) -> None:
    """Keep the inputs in a folder beside those that have a name of their own, and the pages."""
    named = {name: data for name, data in load().items() if not name.startswith("found-")}
    known = {*named.values(), *(path.read_bytes() for path in PAGES.glob("*.*"))}
    for path in folder.iterdir():
        data = path.read_bytes()
        if data not in known:
            named[f"found-{hashlib.sha256(data).hexdigest()[:12]}"] = data
    keep(named)


if __name__ == "__main__":
    {"unpack": unpack, "pack": pack}[sys.argv[1]](Path(sys.argv[2]))
