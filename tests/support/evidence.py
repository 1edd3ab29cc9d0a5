"""What explains a failed test: the logs of the appliance, and what its upstream has seen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fakepypi.client import FakePyPIError

if TYPE_CHECKING:
    from fakepypi.client import FakePyPI
    from support.deployment import Machine

_LINES = 15


def appliance_logs(appliance: Machine, since: float, about: str) -> dict[str, str]:
    """
    Return titled logs of an appliance.

    The journal from `since` on (seconds since the epoch), the end of the error log, and the lines
    of the access log that contain `about`.
    """
    # The engine keeps lines back for a second.
    access = "sleep 1.2; grep -hF -e %s /var/log/cellar/access.log | tail -n %s"
    units = "--unit=cellar-rewriter --unit=nginx --unit=cellar-certificate"
    ran = {
        "access log": appliance.box.run(access, about, str(_LINES)),
        "error log": appliance.box.run(f"tail -n {_LINES} /var/log/cellar/error.log"),
        "journal": appliance.box.run(
            f"journalctl --quiet --no-pager --lines=40 --since=@{int(since)} {units}"
        ),
    }
    # As bytes: what explains a failure may be that they are no text.
    return {
        f"{appliance.name}: {what}": (done.stdout_bytes + done.stderr_bytes).decode(
            errors="replace"
        )
        for what, done in ran.items()
    }


def upstream_log(fakepypi: FakePyPI, about: str) -> dict[str, str]:
    """Return fakepypi's last requests for paths with `about`, and the behaviours in force."""
    try:
        requests, behaviours = fakepypi.requests(), fakepypi.behaviours()
    except (OSError, FakePyPIError) as error:
        return {"fakepypi": f"gives no answer: {error}"}
    lines = [
        f"{r.number} {r.host} {r.method} {r.target} {dict(r.headers)} -> {r.status}, "
        f"{r.bytes_sent} bytes, {r.outcome}"
        for r in requests
        if about in r.target
    ]
    return {
        "fakepypi: last requests": "\n".join(lines[-_LINES:]),
        "fakepypi: behaviours in force": json.dumps(behaviours),
    }
