from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit.traffic.logs import Logs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path)
