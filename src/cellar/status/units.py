"""What systemd says of the appliance's units."""

import subprocess
from collections.abc import Mapping, Sequence

# Seconds.
_PATIENCE = 10
# What failed of ours, whether or not it has to be active.
_OURS = "cellar-*.service"


def ask(units: Sequence[str]) -> Mapping[str, str] | None:
    """
    Return the state of each unit ("active", "inactive", "failed", …), by its name.

    Beside those that are named, services of Cellar's stand in it that have failed. None means that
    systemd does not tell, as where there is none.
    """
    command = ["systemctl", "show", "--property=Id,ActiveState", "--", *units, _OURS]
    try:
        done = subprocess.run(  # noqa: S603 the names are checked settings
            command, capture_output=True, text=True, timeout=_PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found: dict[str, str] = {}
    for block in done.stdout.split("\n\n"):
        said = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        name, state = said.get("Id", ""), said.get("ActiveState", "")
        if name in units or state == "failed":
            found[name] = state
    return found
