"""Files that others read while they are written anew."""

from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """
    Replace a file that everybody may read; who reads it sees all of the old one or of the new one.

    Raises:
        OSError: it cannot be written; the old one stays.

    """
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.chmod(0o644)
    beside.replace(path)
