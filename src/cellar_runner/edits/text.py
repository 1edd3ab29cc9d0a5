"""What edits of text files have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellar_runner.refusal import Refusal

if TYPE_CHECKING:
    from pathlib import Path


def decode(path: Path, content: bytes) -> str:
    """
    Return a file's text, with its line ends as they are.

    Raises:
        Refusal: it is not UTF-8.

    """
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Refusal(f"{path} is not text in UTF-8 (byte {error.start})") from error


def lines_of(text: str) -> list[str]:
    r"""Return the lines with their ends; only \n ends one, unlike str.splitlines."""
    lines = text.split("\n")
    ended = [f"{line}\n" for line in lines[:-1]]
    return [*ended, lines[-1]] if lines[-1] else ended


def ended(text: str) -> str:
    """Return the text with an end of its last line, for something to follow it."""
    return text if not text or text.endswith("\n") else f"{text}\n"


def restored(text: str, base: bytes | None) -> bytes | None:
    r"""
    Return a file that our entries were taken out of, as whoever wrote it would have it.

    Where nothing is left the file goes if there was none; where it differs from `base` by the ends
    of the last lines alone, which we may have added, it is `base`.
    """
    content = text.encode()
    if base is None:
        return content if text.strip() else None
    return base if content.rstrip(b"\n") == base.rstrip(b"\n") else content
