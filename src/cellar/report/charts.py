"""
Charts as SVG.

They have no text in them but titles, and stretch to any width; what is written stands around them,
where it keeps its size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from cellar.report.markup import tag

_HEIGHT = 100.0
_WIDTH = 1000.0
# Of the room that a group of bars has, the share that they take; a few groups leave more.
_TAKEN = 0.76
_WIDEST = 80.0
_STEPS = (1, 2, 2.5, 5, 10)
_LINES = 4


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of one kind, from left to right: `role` is their class, and each value has a title."""

    role: str
    values: Sequence[float]
    titles: Sequence[str]


def scale(greatest: float) -> list[float]:
    """Return values from 0 upwards at which lines stand, evenly; the last is `greatest` or more."""
    if greatest <= 0:
        return [0.0, 1.0]
    magnitude = 10 ** math.floor(math.log10(greatest / _LINES))
    step = next(
        magnitude * factor
        for factor in _STEPS
        if magnitude * factor * _LINES >= greatest * 0.999999
    )
    count = math.ceil(greatest / step * 0.999999)
    return [step * line for line in range(count + 1)]


def bar_chart(title: str, series: Sequence[Bars], lines: Sequence[float]) -> Element:
    """Return groups of bars side by side, with lines at these values behind them."""
    top = lines[-1]
    groups = max(len(bars.values) for bars in series)
    room = _WIDTH / groups
    taken = min(room * _TAKEN, _WIDEST)
    width = taken / len(series)
    chart = tag(
        "svg",
        tag("title", title),
        role="img",
        aria_label=title,
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        preserveAspectRatio="none",
        class_="chart",
    )
    for line in lines:
        at = _HEIGHT * (1 - line / top)
        chart.append(tag("line", x1=0, x2=_WIDTH, y1=at, y2=at, class_="line"))
    for place, bars in enumerate(series):
        for group, (value, words) in enumerate(zip(bars.values, bars.titles, strict=True)):
            height = max(0.0, value) / top * _HEIGHT
            left = room * group + (room - taken) / 2 + width * place
            bar = tag("rect", tag("title", words), class_=bars.role)
            for name, number in (
                ("x", left),
                ("y", _HEIGHT - height),
                ("width", width),
                ("height", height),
            ):
                bar.set(name, f"{number:.2f}")
            chart.append(bar)
    return chart


def share_bar(parts: Sequence[tuple[str, float]]) -> Element:
    """Return one bar of parts of a whole, for a cell of a table that says the same in numbers."""
    bar = tag(
        "svg",
        viewBox=f"0 0 {_WIDTH:g} 1",
        preserveAspectRatio="none",
        class_="share",
        aria_hidden="true",
    )
    left = 0.0
    for role, share in parts:
        width = max(0.0, share) * _WIDTH
        bar.append(tag("rect", x=round(left, 2), y=0, width=round(width, 2), height=1, class_=role))
        left += width
    return bar
