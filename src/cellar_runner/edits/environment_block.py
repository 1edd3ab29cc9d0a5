"""Variables in /etc/environment, which PAM gives to every session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cellar_runner.edits.block import Block, without_block
from cellar_runner.edits.env_lines import assignments
from cellar_runner.edits.text import decode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Names the variables that are ours: who finds it may replace them.
OURS = "CELLAR_RUNNER_VARIABLES"


@dataclass(frozen=True, slots=True)
class EnvironmentBlock:
    """
    A block of assignments, all of them or none.

    A proxy without the certificates that it needs would break every job, so where the file gives
    one of the names another value, the block is left out.
    """

    path: Path
    variables: Mapping[str, str]
    mode: int = 0o644

    def apply(self, base: bytes | None) -> bytes:
        """Return the file with the block."""
        lines = [f"{name}={value}" for name, value in self.variables.items()]
        return self._block((*lines, f'{OURS}="{" ".join(self.variables)}"')).apply(base)

    def undo(self, current: bytes, base: bytes | None) -> bytes | None:
        """Return the file without the block."""
        return self._block(()).undo(current, base)

    def note(self, base: bytes | None) -> str:
        """Return why the block is left out, in a sentence; "" if it is not."""
        names = foreign(without_block(decode(self.path, base or b"")), self.variables)
        if not names:
            return ""
        return f"{self.path} sets {' and '.join(names)} otherwise, so it gets none of the variables"

    def _block(self, lines: tuple[str, ...]) -> Block:
        return Block(self.path, lines, self.mode)


def foreign(text: str, variables: Mapping[str, str]) -> list[str]:
    """Return the names that a text assigns another value than `variables`."""
    found = assignments(text)
    return [name for name, value in variables.items() if found.get(name, value) != value]
