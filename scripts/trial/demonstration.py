"""Real clients install through the appliance; its access log says where the bytes came from."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance import Trial

_REQUIREMENTS = ["requests", "jinja2", "pydantic"]

# The access log is written at least once a second.
_LOG_FLUSH = 1.2


@dataclass(frozen=True)
class Run:
    """One install: its seconds, and the bytes of bodies that were served and fetched for it."""

    seconds: float
    served: int
    upstream: int


@dataclass(frozen=True)
class Pair:
    """The same install twice."""

    client: str
    door: str
    first: Run
    second: Run


@dataclass(frozen=True)
class Demonstration:
    """What was installed, when, and by whom."""

    time: str
    requirements: list[str]
    pairs: list[Pair]

    def to_json(self) -> str:
        """Return the demonstration as JSON; `from_json` reads it."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        pairs = [
            Pair(p["client"], p["door"], Run(**p["first"]), Run(**p["second"]))
            for p in fields["pairs"]
        ]
        return cls(fields["time"], fields["requirements"], pairs)


def demonstrate(trial: Trial, say: Callable[[str], None]) -> Demonstration:
    """
    Install a few packages by pip and uv through both doors, twice each, without client caches.

    Raises:
        Failure: an install failed; its output is shown.

    """
    pairs = []
    for client, door in [
        ("pip", "index"),
        ("uv", "index"),
        ("pip", "intercept"),
        ("uv", "intercept"),
    ]:
        say(f"Installing by {client} through the {door} door, twice, from an empty cache")
        trial.empty_cache()
        first, second = _install(trial, client, door), _install(trial, client, door)
        pairs.append(Pair(client, door, first, second))
    return Demonstration(time.strftime("%Y-%m-%d %H:%M"), _REQUIREMENTS, pairs)


def _install(trial: Trial, client: str, door: str) -> Run:
    answers_before, fetches_before = len(trial.log("access")), len(trial.log("upstream"))
    with tempfile.TemporaryDirectory() as home:
        command = _command(client, Path(home) / "site-packages")
        if door == "index":
            command += ["--index-url", trial.index_url]
        else:
            command = trial.intercepted(command)
        start = time.monotonic()
        result = subprocess.run(
            [*command, *_REQUIREMENTS],
            env=_environment(trial, home),
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - start
    if result.returncode != 0:
        raise Failure(
            f"{client} could not install through the {door} door:\n{result.stdout}{result.stderr}\n"
            "see `podman exec cellar-local cellar selftest`"
        )
    time.sleep(_LOG_FLUSH)
    answers = trial.log("access")[answers_before:]
    fetches = trial.log("upstream")[fetches_before:]
    return Run(seconds, sum(a["bytes"] for a in answers), sum(map(fetched, fetches)))


def _command(client: str, target: Path) -> list[str]:
    programs = Path(sys.executable).parent
    if client == "pip":
        return [f"{programs}/pip", "install", "--quiet", "--no-cache-dir", "--target", str(target)]
    return [
        f"{programs}/uv",
        "pip",
        "install",
        "--quiet",
        "--no-cache",
        "--no-config",
        "--target",
        str(target),
    ]


def _environment(trial: Trial, home: str) -> dict[str, str]:
    """Return an environment in which this machine's own client settings have no say."""
    bundle = str(trial.ca_bundle)
    return {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_CERT": bundle,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "SSL_CERT_FILE": bundle,
    }


def fetched(line: dict[str, str]) -> int:
    """
    Return the bytes that upstream sent, of a line of the log of upstream.

    A list has one entry for each address that nginx tried; its own sockets are no upstream.
    """
    addresses = re.split(", | : ", line["address"])
    counts = re.split(", | : ", line["bytes"])
    tried = zip(addresses, counts, strict=False)
    sent = sum(int(n) for address, n in tried if not address.startswith("unix:") and n.isdigit())
    return sent + int(line["rewriter_bytes"] or 0)
