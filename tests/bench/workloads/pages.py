"""Workloads of project pages: warm, cold, a burst of cold ones, and one that has expired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import counters, wrk
from bench.pages import LARGE, file_counts
from bench.site import WORK
from bench.subjects import Subject, cellar, timed
from bench.workloads.bench import LARGE_PROJECT, processor_shares, run_load, wait_for_quiet
from failure import Failure

if TYPE_CHECKING:
    from bench.site import Site
    from bench.workloads.bench import Bench

# Warm page.
CONNECTIONS, WARM_SECONDS, WARM_UP_SECONDS = 8, 5, 1
# Cold page: so many in a round.
COLD_PAGES = 4
# Burst.
BURST_PAGES, BURST_RATE = 1_000, 200
# Expired page: for how many seconds upstream lets it be used, and how long it takes for a new one.
# The appliance renews a page in the second half of that time, and lets nobody wait for it: the
# clients come in that half.
CLIENTS, EXPIRED_FILES, FRESH_FOR, STALE_AT, UPSTREAM_DELAY = 1_000, 240, 10, 0.65, 3.0

_REWRITER = "cellar-rewriter.service"


def warm_page(bench: Bench) -> None:
    """Ask for one large page, again and again, on a few connections."""
    for number in bench.each_round("warm page"):
        # Nobody is always the first one, or always comes after the same other one.
        first = (number - 1) % len(bench.subjects())
        for subject in bench.subjects()[first:] + bench.subjects()[:first]:
            wait_for_quiet()
            seconds = WARM_SECONDS if number else WARM_UP_SECONDS
            with processor_shares(subject.machine) as shares:
                done = _loop(subject, seconds)
            if done.refused or done.broken:
                raise Failure(f"{subject.name} did not answer all requests: {done}")
            if number:
                values = {
                    ("pages", "1/s"): done.answers / done.seconds,
                    ("bytes", "MB/s"): done.bytes / done.seconds / 1e6,
                    ("median answer", "ms"): done.median * 1e3,
                    ("slowest answer", "ms"): done.slowest * 1e3,
                }
                bench.samples.add("warm page", subject.name, values | shares)


def cold_page(bench: Bench) -> None:
    """
    Ask for large pages that nobody has asked for yet.

    "adds" is the time over that of the same fetch from upstream itself, which has the page
    compressed already: it was asked for it just before.
    """
    appliance, _, proxpi, _ = bench.subjects()
    for number in bench.each_round("cold page"):
        for place in range(COLD_PAGES if number else 1):
            project = f"cold-{number}-{place}"
            bench.publish(project, LARGE)
            wait_for_quiet()
            direct = min(timed(bench.site.direct, f"/simple/{project}/")[1] for _ in range(3))
            before = _rewriter_seconds(bench.site)
            _, ours = appliance.fetch(project)
            processor = _rewriter_seconds(bench.site) - before
            _, theirs = proxpi.fetch(project)
            if number:
                add = bench.samples.add
                add("cold page", "upstream itself", {("time", "ms"): direct * 1e3})
                for name, seconds in (("cellar", ours), ("proxpi", theirs)):
                    values = {
                        ("time", "ms"): seconds * 1e3,
                        ("adds", "ms"): (seconds - direct) * 1e3,
                    }
                    add("cold page", name, values)
                add("cold page", "cellar", {("rewriter's processor time", "ms"): processor * 1e3})


def burst(bench: Bench) -> None:
    """Ask for many different cold pages at a fixed rate, whatever becomes of the earlier ones."""
    counts = file_counts(BURST_PAGES)
    bench.say(f"burst: publishing {BURST_PAGES} pages of {sum(counts)} files")
    for place, files in enumerate(counts):
        bench.publish(f"burst-{place}", files)
    paths = [f"/simple/burst-{place}/" for place in range(BURST_PAGES)]
    subject = cellar(bench.site)
    for number in bench.each_round("burst"):
        bench.site.empty_page_cache()
        wait_for_quiet()
        rewriter = bench.site.appliance.processes(_REWRITER)
        counters.forget_peaks(rewriter)
        before = counters.processor_seconds(rewriter)
        done = _once(subject, paths, wrk.Plan(interval=1 / BURST_RATE))
        processor = counters.processor_seconds(rewriter) - before
        if number:
            values = {
                ("errors", "answers"): float(done.errors),
                ("median answer", "ms"): done.median * 1e3,
                ("slowest answer", "ms"): done.slowest * 1e3,
                ("time of asking", "s"): done.asking,
                ("rewriter's memory peak", "MB"): counters.peak_bytes(rewriter) / 1e6,
                ("rewriter's processes that ended", "processes"): float(
                    len(rewriter) - len(counters.alive(rewriter))
                ),
                ("rewriter's processor time a page", "ms"): processor * 1e3 / BURST_PAGES,
            }
            bench.samples.add("burst", "cellar", values)


def expired_page(bench: Bench) -> None:
    """
    Let many clients ask at once for a page that has just expired, while upstream is slow.

    Beside it, as the measure of "at once": so many clients and a page of that size, still fresh.
    """
    subject, upstream = cellar(bench.site), bench.site.upstream
    bench.publish("fresh", EXPIRED_FILES)
    fresh_for = {"Cache-Control": f"max-age={FRESH_FOR}, public"}
    with upstream.behaving(host="index", path="/simple/expired-*", headers=fresh_for):
        for number in bench.each_round("expired page"):
            subject.fetch("fresh")
            wait_for_quiet()
            fresh = _once(subject, ["/simple/fresh/"] * CLIENTS, wrk.Plan())
            project = f"expired-{number}"
            path = f"/simple/{project}/"
            bench.publish(project, EXPIRED_FILES)
            subject.fetch(project)
            seen = upstream.totals(host="index", path=path).requests
            with upstream.behaving(host="index", path=path, delay=UPSTREAM_DELAY):
                plan = wrk.Plan(begin=FRESH_FOR * STALE_AT)
                expired = _once(subject, [path] * CLIENTS, plan)
                upstream.wait_until_idle(host="index", path=path)
            asked = upstream.totals(host="index", path=path).requests - seen
            if number:
                stale = sum(expired.caches.get(cache, 0) for cache in ("STALE", "UPDATING"))
                values = {
                    ("slowest answer", "ms"): expired.slowest * 1e3,
                    ("requests upstream", "requests"): float(asked),
                    ("errors", "answers"): float(expired.errors),
                    ("not the stale page", "answers"): float(CLIENTS - stale),
                }
                bench.samples.add("expired page", "cellar", values)
                values = {("slowest answer", "ms"): fresh.slowest * 1e3}
                bench.samples.add("expired page", "cellar, page fresh", values)


def _rewriter_seconds(site: Site) -> float:
    return counters.processor_seconds(site.appliance.processes(_REWRITER))


def _loop(subject: Subject, seconds: int) -> wrk.Loop:
    url = subject.url(LARGE_PROJECT)
    command = wrk.loop_command(url, subject.headers, connections=CONNECTIONS, seconds=seconds)
    return wrk.read_loop(run_load(subject.machine, command))


def _once(subject: Subject, paths: list[str], plan: wrk.Plan) -> wrk.Once:
    listing = WORK / "paths"
    listing.write_text("".join(f"{path}\n" for path in paths))
    origin = f"https://127.0.0.1:{subject.port}"
    command = wrk.once_command(origin, subject.headers, listing, count=len(paths), plan=plan)
    return wrk.read_once(run_load(subject.machine, command))
