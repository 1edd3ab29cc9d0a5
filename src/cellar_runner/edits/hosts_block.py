"""PyPI's names in /etc/hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cellar_runner.edits.block import Block, without_block
from cellar_runner.edits.text import decode
from cellar_runner.refusal import Refusal

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class HostsBlock:
    """The file gives these names the address; nobody else may have given them one."""

    path: Path
    address: str
    names: tuple[str, ...]
    mode: int = 0o644

    def apply(self, base: bytes | None) -> bytes:
        """Return the file with the line; Refusal if another line, which would win, names one."""
        for line in without_block(decode(self.path, base or b"")).splitlines():
            for name in line.partition("#")[0].split()[1:]:
                if name.lower() in self.names:
                    raise Refusal(
                        f"{self.path} has an address for {name} already ({line.split()[0]}): "
                        "remove that line, or choose another cellar_runner_mode"
                    )
        return self._block().apply(base)

    def undo(self, current: bytes, base: bytes | None) -> bytes | None:
        """Return the file without the line."""
        return self._block().undo(current, base)

    def _block(self) -> Block:
        return Block(self.path, (f"{self.address} {' '.join(self.names)}",), self.mode)
