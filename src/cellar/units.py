"""Numbers as people read them."""

_THOUSAND = 1000
_UNITS = {"g": 2**30, "m": 2**20, "k": 2**10}
_TIMES = ((86400, "day"), (3600, "hour"), (60, "minute"))


def number(count: int | None) -> str:
    """Write a number with separators of thousands, "-" for one that is not known."""
    return "-" if count is None else f"{count:,}"


def size(count: float | None) -> str:
    """Write a number of bytes in units of a thousand, "-" for one that is not known."""
    if count is None:
        return "-"
    sign, count = ("-", -count) if count < 0 else ("", count)
    for unit in ("B", "kB", "MB", "GB"):
        if count < _THOUSAND:
            return f"{sign}{count:,.0f} {unit}" if unit == "B" else f"{sign}{count:,.1f} {unit}"
        count /= _THOUSAND
    return f"{sign}{count:,.1f} TB"


def percentage(share: float | None) -> str:
    """Write a share from 0 to 1, "-" for one that is not known. All is only what is all."""
    if share is None:
        return "-"
    return f"{min(share * 100, 99.9):.1f} %" if share < 1 else "100 %"


def setting_size(count: int) -> str:
    """Write a number of bytes as a setting would have it."""
    for unit, of in _UNITS.items():
        if count % of == 0:
            return f"{count // of}{unit}"
    return f"{count} bytes"


def count_of(count: int, noun: str) -> str:
    """Write a number of things."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def age(seconds: float) -> str:
    """Write a time in whole units, rounded down, of the largest one that it has two of."""
    for length, noun in _TIMES:
        if seconds >= 2 * length:
            return count_of(int(seconds // length), noun)
    return count_of(max(int(seconds), 0), "second")
