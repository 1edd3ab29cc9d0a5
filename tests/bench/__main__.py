"""
`make bench`: measures the appliance beside its peers, and says what it found.

Usage: make bench [BENCH="--keep --rounds N --only WORKLOAD --draw"]
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from bench import facts, report
from bench.rows import Results, Samples
from bench.site import ROOT, WORK, site
from bench.workloads import WORKLOADS, Bench
from failure import Failure
from fakepypi.client import FakePyPIError
from preflight import require_machine
from screen import Screen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_DOCS = ROOT / "docs"
_ROUNDS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status. Each failure is one sentence on stderr."""
    options = _parser().parse_args(arguments)
    screen = Screen()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # nothing is left behind then either
    try:
        if options.draw:
            _write(Results.from_json((_DOCS / "benchmarks.json").read_text()))
            screen.end("docs/benchmarks.md and its chart are drawn anew. Next: commit them.")
            return 0
        require_machine()
        _require_load_generator(screen)
        whole = options.rounds >= _ROUNDS and not options.only
        results = _measure(screen, options)
        for line in report.verdicts(results):
            screen.say(line)
        _end(screen, results, whole=whole)
    except (Failure, FakePyPIError, OSError, ValueError, subprocess.SubprocessError) as failure:
        screen.fail(str(failure))
        return 1
    except KeyboardInterrupt:
        screen.fail("interrupted; nothing was written, run `make bench` to begin anew")
        return 130
    return 0


def _measure(screen: Screen, options: argparse.Namespace) -> Results:
    samples = Samples()
    WORK.mkdir(parents=True, exist_ok=True)
    with site(screen, keep=options.keep) as everything:
        load_before = os.getloadavg()[0]
        bench = Bench(everything, samples, options.rounds, screen.say)
        for name, workload in WORKLOADS.items():
            if not options.only or name in options.only:
                everything.begin_anew()
                workload(bench)
        return Results(facts.about(everything, options.rounds, load_before), tuple(samples.rows()))


def _end(screen: Screen, results: Results, *, whole: bool) -> None:
    place = "docs/benchmarks" if whole else ".cellar/bench/benchmarks"
    _write(results, ROOT / place)
    if whole:
        screen.end(f"Written: {place}.json, .md and .svg. Next: look at {place}.md, and commit.")
    else:
        screen.end(
            f"Written: {place}.json, .md and .svg; docs/ is left alone, for this was not a whole "
            f"run of {_ROUNDS} rounds. Next: make bench"
        )


def _write(results: Results, place: Path = _DOCS / "benchmarks") -> None:
    place.with_suffix(".json").write_text(results.to_json())
    place.with_suffix(".md").write_text(report.markdown(results))
    place.with_suffix(".svg").write_text(report.chart(results))


def _require_load_generator(screen: Screen) -> None:
    """
    Install wrk if it is missing.

    Raises:
        Failure: it cannot be had.

    """
    if shutil.which("wrk"):
        return
    screen.say("Installing wrk, the load generator")
    install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "wrk"]
    for command in (["apt-get", "update", "-qq"], install):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"wrk could not be installed ({done.stderr.strip()}): is the network up?")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description="Measure Cellar beside its peers.")
    add = parser.add_argument
    add("--keep", action="store_true", help="leave the containers at the end")
    add("--rounds", type=int, default=_ROUNDS, metavar="N", help="default %(default)s")
    add("--only", action="append", choices=list(WORKLOADS), help="this workload only")
    add("--draw", action="store_true", help="measure nothing, draw docs/benchmarks.* anew")
    return parser


if __name__ == "__main__":
    sys.exit(main())
