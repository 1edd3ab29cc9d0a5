"""The addresses of upstream hosts as they are kept, and for how long each counts."""

import ipaddress
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from cellar.replacing import replace_file

# Seconds after which an address that answers no longer name is given up. A CDN names another few of
# its addresses each time; all of them go on to work.
_KEPT = 600
# The file's name in the resolver's directory.
ADDRESSES = "addresses.json"

# When each address was named last, in seconds since 1970, by host.
Seen = Mapping[str, Mapping[str, float]]


class ResolvingError(Exception):
    """A host has no address that can be used: what is wrong, and what to do about it."""

    def __init__(self, problem: str, remedy: str) -> None:
        """Take two halves of one sentence, without its full stop."""
        super().__init__(f"{problem}; {remedy}.")
        self.problem = problem
        self.remedy = remedy


def usable(host: str, named: Iterable[str], is_own: Callable[[str], bool]) -> list[str]:
    """
    Return those of the addresses that an answer names which are another machine's.

    `is_own` tells of an address whether it is this machine's.

    Raises:
        ResolvingError: when there is none.

    """
    addresses = list(named)
    others = [address for address in addresses if not is_own(address)]
    if others:
        return others
    if addresses:
        raise ResolvingError(
            f"{host} resolves to {', '.join(sorted(addresses))}, which is this appliance",
            "set cellar_dns_servers to servers that know the real addresses",
        )
    raise ResolvingError(
        f"{host} has no address that this appliance has a route to",
        "check the routes of the appliance",
    )


def updated(seen: Mapping[str, float], named: Iterable[str], now: float) -> dict[str, float]:
    """
    Return the addresses of a host after a good answer, and when each was named last.

    `seen` is what was known before, `named` the addresses of the answer.
    """
    kept = {address: when for address, when in seen.items() if now - when < _KEPT}
    return kept | dict.fromkeys(named, now)


def servers(addresses: Iterable[str], port: int) -> str:
    """
    Return the `server` directives of an nginx upstream for some addresses, at least two lines.

    An only address stands there twice, since nginx tries again with another peer only.
    """
    written = sorted(
        addresses, key=lambda address: (ipaddress.ip_address(address).version, address)
    )
    lines = [
        f"server [{address}]:{port} max_fails=0;\n"
        if ":" in address
        else f"server {address}:{port} max_fails=0;\n"
        for address in written
    ]
    return "".join(lines * 2 if len(lines) == 1 else lines)


class Addresses:
    """
    The file with the addresses of all hosts, as other processes read it.

    A reader looks at the file again whenever it was replaced; without the file nothing is known.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at: tuple[int, int] | None = None
        self._seen: Seen = {}

    def of(self, host: str) -> list[str]:
        """Return the addresses of a host, the one named last first; an empty list if unknown."""
        self._refresh()
        seen = self._seen.get(host, {})
        return sorted(seen, key=lambda address: (-seen[address], address))

    def read(self) -> Seen:
        """Return everything that the file says; nothing if there is none or it cannot be read."""
        self._refresh()
        return self._seen

    def write(self, seen: Seen) -> None:
        """Replace the file, whole or not at all."""
        replace_file(self._path, json.dumps(seen, indent=1, sort_keys=True) + "\n")

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
            if (status.st_mtime_ns, status.st_ino) == self._read_at:
                return
            self._seen = _parsed(self._path.read_text(encoding="utf-8"))
            self._read_at = status.st_mtime_ns, status.st_ino
        except (OSError, ValueError):
            # Never half of it, and never less than before: the file is replaced as a whole.
            return


def _parsed(text: str) -> Seen:
    document = json.loads(text)
    tables = [document, *(document.values() if isinstance(document, dict) else ())]
    if not all(isinstance(table, dict) for table in tables):
        raise ValueError("not an object of objects")  # as for what is no JSON
    found: dict[str, dict[str, float]] = {}
    for host, seen in document.items():
        found[host] = {str(ipaddress.ip_address(a)): float(when) for a, when in seen.items()}
    return found
