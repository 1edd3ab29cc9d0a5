"""Bars as SVG, on a logarithmic scale: what is measured here differs by factors of hundreds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from bench.bounds import number

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMESPACE = "http://www.w3.org/2000/svg"

_WIDTH, _LABELS, _VALUES = 760, 150, 110
_BAR, _GAP, _TITLE = 18, 8, 34
_OWN, _OTHERS = "#b8860b", "#9aa5b1"


@dataclass(frozen=True)
class Bars:
    """A group of bars: what they show, and their labels and values (above 0)."""

    title: str
    unit: str
    values: Sequence[tuple[str, float]]


def svg(groups: Sequence[Bars]) -> str:
    """Return a picture of the groups, one below the other; bars of `cellar` stand out."""
    parts, top = [], 0
    for group in groups:
        parts.append(_text(0, top + 20, f"{group.title} ({group.unit})", bold=True))
        top += _TITLE
        # The next power of ten below the smallest, so that even that one has a length.
        low = 10 ** (math.ceil(math.log10(min(value for _, value in group.values))) - 1)
        high = max(value for _, value in group.values)
        room = _WIDTH - _LABELS - _VALUES
        for label, value in group.values:
            length = room * math.log(value / low) / math.log(high / low)
            colour = _OWN if label == "cellar" else _OTHERS
            parts.append(_text(0, top + 14, label))
            parts.append(
                f'<rect x="{_LABELS}" y="{top}" width="{length:.0f}" height="{_BAR}" '
                f'fill="{colour}"/>'
            )
            parts.append(_text(_LABELS + round(length) + 6, top + 14, number(value)))
            top += _BAR + _GAP
        top += _GAP
    body = "\n".join(parts)
    return (
        f'<svg xmlns="{NAMESPACE}" width="{_WIDTH}" height="{top}" '
        f'font-family="sans-serif" font-size="13">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _text(x: int, y: int, words: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}"{weight}>{escape(words)}</text>'
