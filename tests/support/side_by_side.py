"""How tests are shared out to processes (pytest-xdist), if there are several: one an appliance."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from xdist.scheduler import (  # type: ignore[import-untyped] # xdist has no types
    LoadScopeScheduling,
)

if TYPE_CHECKING:
    import pytest

# The appliance is the first parameter of a test, for its fixture has the widest scope.
_APPLIANCE = re.compile(r"\[(debian\d+)[]-]")


class OneProcessAnAppliance(LoadScopeScheduling):  # type: ignore[misc] # likewise
    """
    Gives all tests of an appliance to one process: nothing of one appliance is another's.

    Two tests of the same one at the same time would restart daemons under each other's feet. (The
    marker `xdist_group` would say the same, but pytest 9.2 ignores the name that it is put into.)
    """

    def _split_scope(self, nodeid: str) -> str:
        found = _APPLIANCE.search(nodeid)
        return found[1] if found else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneProcessAnAppliance:
    """Return the scheduler of a run with several processes."""
    return OneProcessAnAppliance(config, log)
