"""Numbers, as people read them."""

_THOUSAND = 1000
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))


def size(count: float) -> str:
    """Write a number of bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < _THOUSAND:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= _THOUSAND
    return f"{count:,.1f} TB"


def number(count: int, what: str) -> str:
    """Write how many there are of something, whose plural has an s."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def age(seconds: float) -> str:
    """Write a time in whole units, rounded down, of the largest one that it has two of."""
    for length, name in _UNITS:
        if seconds >= 2 * length:
            return number(int(seconds // length), name)
    return number(max(int(seconds), 0), "second")
