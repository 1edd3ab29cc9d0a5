"""The report as text, for a terminal or a file."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from cellar.report.columns import columns
from cellar.report.contents import Report
from cellar.report.figures import Figures, Table
from cellar.units import number, size

_GAP = "  "


def as_text(report: Report) -> str:
    """Return a report as lines, without a line feed at the end."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    span = report.span
    yield f"{report.appliance}, {span.first} to {span.last}, UTC. {counted(report)}"
    for table in report.tables.values():
        yield ""
        yield from _columns(_figures(table, report.total))
    if report.not_cached:
        yield ""
        rows = [
            (each.why, number(each.requests), size(each.bytes), each.rule)
            for each in report.not_cached
        ]
        yield from _columns([("not cached", "requests", "bytes", "setting or rule"), *rows])
    for each in report.suggestions:
        yield ""
        yield each.sentence


def counted(report: Report) -> str:
    """Return a sentence on how current the numbers are."""
    if not report.counted:
        return "The logs have not been counted to their ends yet."
    sentence = f"Counted at {moment(report.counted)}."
    if report.since > report.span.begins:
        sentence += f" The first line that was counted is of {moment(report.since)}."
    if report.unreadable:
        sentence += f" {number(report.unreadable)} lines of the logs could not be read."
    return sentence


def moment(seconds: int) -> str:
    """Write a time in seconds since 1970, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def name_of(table: Table, name: str) -> str:
    """Return what stands for a row's name."""
    if name:
        return name
    return f"{number(table.left_out)} others" if table.left_out else "others"


def _figures(table: Table, total: Figures) -> list[tuple[str, ...]]:
    of = columns(table.by)
    named = [*((name_of(table, row.name), row.figures) for row in table.rows), ("all", total)]
    rows = [(name, *(column.cell(figures) for column in of)) for name, figures in named]
    return [(table.by.value, *(column.heading for column in of)), *rows]


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield rows in columns, words flush left and numbers flush right."""
    columns_of = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns_of]
    numeric = [any(cell[:1].isdigit() for cell in column[1:]) for column in columns_of]
    numeric[0] = False
    for row in rows:
        padded = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        yield _GAP.join(padded).rstrip()
