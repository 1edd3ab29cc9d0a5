"""Lines at the end of a shell script of others, or a script of our own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cellar_runner.edits.block import BEGIN, END, Block
from cellar_runner.edits.text import decode

if TYPE_CHECKING:
    from pathlib import Path

_SHEBANG = "#!/bin/bash\n"
_SHELL = re.compile(r"#!\s*(?:\S*/env\s+)?\S*\b(?:ba|da|z|k)?sh\b")


@dataclass(frozen=True, slots=True)
class ScriptBlock:
    """The script ends with these lines, between marks; one in another language stays as it is."""

    path: Path
    lines: tuple[str, ...]
    mode: int = 0o755

    def note(self, base: bytes | None) -> str:
        """Return that the script is not in the shell's language."""
        first = (base or b"").split(b"\n")[0]
        if base is None or not base.strip() or not first.startswith(b"#!"):
            binary = b"\0" in (base or b"")
        else:
            binary = not _SHELL.match(first.decode(errors="replace"))
        return f"{self.path} is no shell script, and is left alone" if binary else ""

    def apply(self, base: bytes | None) -> bytes:
        """Return the script with the lines."""
        if base is None or not base.strip():
            own = (_SHEBANG.rstrip(), BEGIN, *self.lines, END)
            return "".join(f"{line}\n" for line in own).encode()
        return Block(self.path, self.lines).apply(base)

    def undo(self, current: bytes, base: bytes | None) -> bytes | None:
        """Return the script without the lines; a first line that we wrote is nothing by itself."""
        left = Block(self.path, self.lines).undo(current, base)
        if (
            left is not None
            and base is None
            and decode(self.path, left).rstrip() == _SHEBANG.rstrip()
        ):
            return None
        return left
