"""What a run was made on, of and with."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.site import ROOT
from bench.workloads import files, pages

if TYPE_CHECKING:
    from bench.site import Site


def about(site: Site, rounds: int, load_before: float) -> dict[str, str]:
    """Return the facts, text by name; `load_before` is the load average before the run."""
    processor = _first(r"^model name\s*: (.*)$", "/proc/cpuinfo")
    memory = int(_first(r"^MemTotal:\s*([0-9]+) kB$", "/proc/meminfo")) / 1e6
    return {
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cellar": _commit(),
        "processor": f"{os.cpu_count()} x {processor}",
        "memory": f"{memory:.0f} GB",
        "kernel": platform.release(),
        "load average before": f"{load_before:.2f}",
        "nginx": site.appliance.run("dpkg-query", "--show", "--showformat=${Version}", "nginx"),
        "python of the rewriter and the peers": site.peers.run("python3", "-V").split()[1],
        "proxpi": _locked("proxpi", "proxpi"),
        "devpi-server": _locked("devpi", "devpi-server"),
        "wrk": _said("dpkg-query", "--show", "--showformat=${Version}", "wrk"),
        "rounds": f"{rounds}, after a warm-up, subjects in turns",
        "warm page": f"{pages.WARM_SECONDS} s a subject and round",
        "cold page": f"{pages.COLD_PAGES} pages a round",
        "warm file": f"{files.WARM_SECONDS} s a subject and round",
        "a million objects, peers' cold files": "one round",
    }


def _first(pattern: str, path: str) -> str:
    match = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    return match[1] if match else "?"


def _commit() -> str:
    head = _said("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
    changed = _said("git", "-C", str(ROOT), "status", "--porcelain", "src", "roles")
    return f"{head} and changes" if changed else head


def _locked(lock: str, name: str) -> str:
    return _first(rf"^{name}==(\S+)", str(ROOT / f"requirements/peers/{lock}.txt"))


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()
