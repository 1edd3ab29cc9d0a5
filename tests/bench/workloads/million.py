"""A cache with a million files: what they cost nginx in time at its start, and in memory."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from bench import counters
from bench.subjects import HEADERS
from failure import Failure

if TYPE_CHECKING:
    from bench.machine import Machine
    from bench.site import Site
    from bench.workloads.bench import Bench

OBJECTS = 1_000_000
WORKLOAD = "million objects"

_CACHE = "/var/cache/cellar/files"
_ASIDE = "/var/cache/cellar/million"  # on the same file system, and in no cache
_NGINX = "nginx.service"
_LOADER = b"nginx: cache loader process"
_LONGEST_LOADING = 300.0  # seconds
_LONGEST_START = 60.0  # seconds
MAKE_OBJECTS = Path(__file__).with_name("objects.py")
_SIZE = 100_000  # bytes of the file that is asked for

_INTO_THE_CACHE = """
set -e
cp -a "$1/." "$2/"
rm -rf "$1"/*
chown -R --reference="$1" "$2"
mv "$2"/* "$1/"
"""


def million_objects(bench: Bench) -> None:
    """
    Start nginx with hardly anything in its cache, and with a million files, and ask it at once.

    Once a run, for it takes minutes: nginx begins to read its cache a minute after its start.
    """
    site, machine = bench.site, bench.site.appliance
    bench.say(f"{WORKLOAD}: {OBJECTS:,}, once")
    file = bench.publish_file(_SIZE)
    paths = {"file": file.path, "page": f"/simple/{file.project}/"}
    for path in paths.values():
        site.door.ask(path, HEADERS).raise_for_status()
    try:
        values = _starts(site, paths)
        # While nginx waits before it reads what it has.
        machine.run("python3", "-", _ASIDE, str(OBJECTS), given=MAKE_OBJECTS.read_text())
        bench.samples.add(WORKLOAD, "cellar, empty cache", values | _loaded(site, paths))

        machine.run("systemctl", "stop", _NGINX)
        machine.run("sh", "-c", _INTO_THE_CACHE, "sh", _CACHE, _ASIDE)
        there = _count(machine)
        values = _starts(site, paths)
        bench.samples.add(WORKLOAD, "cellar", values | _loaded(site, paths))
        if (left := _count(machine)) < max(there, OBJECTS):
            raise Failure(f"nginx has thrown away {there - left} of {there} objects of its cache")
    finally:
        machine.run("systemctl", "stop", _NGINX)
        machine.run("sh", "-c", f"rm -rf {_ASIDE} {_CACHE}/*")
        machine.run("systemctl", "start", _NGINX)


def _starts(site: Site, paths: dict[str, str]) -> dict[tuple[str, str], float]:
    """
    Start nginx once for each path, and return the times from its start to the whole answer.

    Raises:
        Failure: the answer is not from the cache, or there is none.

    """
    machine, times = site.appliance, {}
    for name, path in paths.items():
        machine.run("systemctl", "stop", _NGINX)
        machine.run("systemctl", "start", "--no-block", _NGINX)
        answered = _answered(site, path)
        times[f"start to a cached {name}", "ms"] = (answered - _begun(machine)) * 1e3
    return times


def _answered(site: Site, path: str) -> float:
    deadline = time.monotonic() + _LONGEST_START
    while time.monotonic() < deadline:
        try:
            answer = replace(site.door).ask(path, HEADERS)
        except requests.RequestException:
            time.sleep(0.002)
            continue
        if (answer.status_code, answer.headers.get("X-Cache")) != (requests.codes.ok, "HIT"):
            raise Failure(f"{path} is not from the cache: {answer.status_code} {answer.headers}")
        return time.monotonic()
    raise Failure(f"nginx has not answered within {_LONGEST_START:.0f} s of its start")


def _begun(machine: Machine) -> float:
    """Return when systemd began to start nginx, by the clock that all on this machine share."""
    show = ("systemctl", "show", "--value", "--property=InactiveExitTimestampMonotonic", _NGINX)
    return int(machine.run(*show)) / 1e6


def _loaded(site: Site, paths: dict[str, str]) -> dict[tuple[str, str], float]:
    """
    Ask for a bit of the file until nginx has read its whole cache; return what that was like.

    Raises:
        Failure: nginx does not come to the end.

    """
    machine, slowest = site.appliance, 0.0
    begun = _begun(machine)
    while any(_is_loader(pid) for pid in machine.processes(_NGINX)):
        start = time.monotonic()
        if start > begun + _LONGEST_LOADING:
            raise Failure(f"nginx still reads its cache after {_LONGEST_LOADING:.0f} s")
        site.door.ask(paths["file"], {"Range": "bytes=0-1023"}).raise_for_status()
        slowest = max(slowest, time.monotonic() - start)
        time.sleep(0.02)
    return {
        ("start to all objects read", "s"): time.monotonic() - begun,
        ("slowest answer until then", "ms"): slowest * 1e3,
        ("nginx's memory", "MB"): counters.resident_bytes(machine.processes(_NGINX)) / 1e6,
    }


def _is_loader(pid: int) -> bool:
    try:
        return (counters.PROC / str(pid) / "cmdline").read_bytes().startswith(_LOADER)
    except OSError:  # it has ended
        return False


def _count(machine: Machine) -> int:
    return int(machine.run("sh", "-c", f"find {_CACHE} -type f | wc -l"))
