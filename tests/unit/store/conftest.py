"""A real nginx and what it has stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit.roles.conftest import nginx_program
from unit.roles.engine import running
from unit.store.stocked import VARIABLES, Stocked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["nginx_program"]


@pytest.fixture(scope="session")
def _engine(nginx_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stocked]:
    with running(nginx_program, tmp_path_factory.mktemp("engine"), **VARIABLES) as engine:
        yield Stocked(engine)


@pytest.fixture
def stocked(_engine: Stocked) -> Stocked:
    """Return an engine whose cache is empty, with an upstream that has nothing yet."""
    _engine.empty()
    return _engine
