from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import nginx
from unit.roles.variants import HOSTS, VARIANTS

if TYPE_CHECKING:
    from pathlib import Path

    from support.nginx import Directive


@pytest.fixture(scope="session")
def nginx_program() -> Path:
    return nginx.find_program()


@pytest.fixture(scope="session", params=list(VARIANTS.values()), ids=list(VARIANTS))
def http(request: pytest.FixtureRequest) -> Directive:
    return nginx.rendered(**request.param)


@pytest.fixture(scope="session")
def defaults() -> Directive:
    return nginx.rendered(**HOSTS)
