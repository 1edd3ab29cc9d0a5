"""Numbers as regular expressions, for nginx, which compares texts only."""

from __future__ import annotations


def at_most(greatest: int) -> str:
    """
    Return a regular expression for the decimal numbers from 0 to `greatest`, without leading zeros.

    It has no captures, and is meant to stand between anchors.
    """
    digits = str(greatest)
    alternatives = [digits]
    if len(digits) > 1:
        alternatives += ["0", f"[1-9][0-9]{{0,{len(digits) - 2}}}"]
    # Those that are less from one digit on, whatever comes behind it.
    for place, digit in enumerate(digits):
        least = 1 if place == 0 and len(digits) > 1 else 0
        if int(digit) > least:
            rest = len(digits) - place - 1
            behind = f"[0-9]{{{rest}}}" if rest else ""
            alternatives.append(f"{digits[:place]}[{least}-{int(digit) - 1}]{behind}")
    return f"(?:{'|'.join(alternatives)})"
