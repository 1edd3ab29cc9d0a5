"""Lock files of every format: what each of them wants."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cellar.warming.lockfiles.pdm import read_pdm
from cellar.warming.lockfiles.pipfile import read_pipfile
from cellar.warming.lockfiles.poetry import read_poetry
from cellar.warming.lockfiles.projects import is_list, read_projects
from cellar.warming.lockfiles.pylock import read_pylock
from cellar.warming.lockfiles.requirements import read_requirements
from cellar.warming.lockfiles.uv import read_uv
from cellar.warming.wanted import Lock, LockError

__all__ = ["read_lock"]

Read = Callable[[str, str], Lock]

_OF_TOOLS = {".lock", ".toml", ".json"}
_OF_PEOPLE = {".txt", ".in", ""}
_KNOWN = (
    "requirements.txt, uv.lock, poetry.lock, pdm.lock, Pipfile.lock, pylock.toml, and lists of "
    "projects as .txt"
)


def read_lock(path: Path) -> Lock:
    """
    Read a lock file; what is in it tells its format, and not what it is called.

    Raises:
        LockError: when it cannot be read, or is none.

    """
    name = str(path)
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix in _OF_TOOLS:
            return _reader(name, text)(text, name)
        if path.suffix not in _OF_PEOPLE:
            raise _unknown(name)
        if is_list(text):
            return read_projects(text, name)
        return read_requirements(text, name, _include)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise LockError(f"{name}: cannot be read: {reason}.") from None
    except UnicodeDecodeError:
        raise LockError(f"{name}: is not UTF-8 text; save it as UTF-8.") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise LockError(f"{name}: is not valid JSON: {error.msg} (at {place}).") from None
    except tomllib.TOMLDecodeError as error:
        raise LockError(f"{name}: is not valid TOML: {error}.") from None
    except RecursionError:
        raise LockError(f"{name}: is nested too deeply.") from None


def _reader(name: str, text: str) -> Read:
    """Return the reader of the format that a tool's file has."""
    if text.lstrip().startswith("{"):
        document: Any = json.loads(text)
        formats: dict[str, Read] = {"_meta": read_pipfile}
    else:
        document = tomllib.loads(text)
        metadata = document.get("metadata")
        own = metadata if isinstance(metadata, dict) else {}
        if "lock-version" in own:
            return read_poetry
        if "lock_version" in own:
            return read_pdm
        formats = {"lock-version": read_pylock, "version": read_uv}
    for key, reader in formats.items():
        if key in document:
            return reader
    raise _unknown(name)


def _include(of: str, path: str) -> tuple[str, str]:
    place = Path(of).parent / path
    return str(place), place.read_text(encoding="utf-8")


def _unknown(name: str) -> LockError:
    return LockError(f"{name}: is of no known format; known are {_KNOWN}.")
