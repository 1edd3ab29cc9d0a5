"""An appliance to be filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cellar.warming import fetching
from unit.cellar.warming.shop import Shop
from unit.store.conftest import _engine, nginx_program, stocked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from unit.store.stocked import Stocked

__all__ = ["_engine", "nginx_program", "stocked"]


@pytest.fixture
def shop(stocked: Stocked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(fetching, "RETRY_PAUSES", (0.0, 0.0))
    for upstream in (stocked.engine.pypi, stocked.engine.origin, stocked.engine.rewriter):
        upstream.requests.clear()
    shop = Shop(stocked, tmp_path)
    yield shop
    shop.close()
