"""Replacing files that other processes read at any moment."""

import os
from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """
    Write a file, readable by everybody, that readers see whole, before or after.

    It survives a loss of power.

    Raises:
        OSError: it cannot be written; the old one stays.

    """
    new = path.with_name(f".{path.name}.new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.chmod(0o644)
    new.replace(path)
