"""Fixtures of several tests of this directory."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from unit.cellar.appliance import World
from unit.cellar.rewriting import Start
from unit.cellar.support import Rewriter, Upstream, settings


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Return a function that starts a rewriter with a scripted upstream and changed settings."""
    monkeypatch.setattr("cellar.upstream.client.RETRY_PAUSE", 0.0)

    def start(
        script: Upstream,
        authorizations: Mapping[str, str] | None = None,
        engine: Upstream | None = None,
        **changes: Any,
    ) -> Rewriter:
        return Rewriter(settings(tmp_path, **changes), script, authorizations, engine)

    return start


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(tmp_path, stack)
