"""nginx's configuration from data back to text: what `support.nginx` reads, written again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.nginx import Directive

# What has braces even if there is nothing in them.
_BLOCKS = {"events", "types"}


def text(directives: Iterable[Directive]) -> str:
    """Return directives as nginx reads them, a line each."""
    lines = []
    for directive in directives:
        words = " ".join(map(_quoted, (directive.name, *directive.arguments)))
        if directive.block or directive.name in _BLOCKS:
            lines.append(f"{words} {{\n{text(directive.block)}\n}}")
        else:
            lines.append(f"{words};")
    return "\n".join(lines)


def _quoted(word: str) -> str:
    if re.fullmatch(r"\w+", word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
