"""A list of projects: plain names, one a line, of which the newest releases are wanted."""

from cellar.index.names import is_valid
from cellar.warming.lockfiles.tables import project_of
from cellar.warming.wanted import Lock, Wanted


def is_list(text: str) -> bool:
    """Tell whether a text has names of projects and comments, and nothing else."""
    names = [name for _, name in _names(text)]
    return bool(names) and all(is_valid(name) for name in names)


def read_projects(text: str, name: str) -> Lock:
    """
    Read the text of a list of projects; `name` is what errors call it.

    Raises:
        LockError: when something in it is no name of a project.

    """
    found = (project_of(written, f"{name}: line {line}") for line, written in _names(text))
    return Lock(tuple(Wanted(project) for project in dict.fromkeys(found)))


def _names(text: str) -> list[tuple[int, str]]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [(number, line) for number, line in enumerate(lines, start=1) if line]
