"""Workloads of files: cold ones over a limited line, a warm one, and the tail of a cold one."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from bench.downloads import Downloads, Load
from bench.site import WORK
from bench.subjects import PLAIN_PORT, Subject, put_static, start_plain
from bench.workloads.bench import processor_shares, run_load, wait_for_quiet
from bench.workloads.memory import memory_of
from failure import Failure
from support.door import Door

if TYPE_CHECKING:
    from bench.workloads.bench import Bench
    from fakepypi.publication import PublishedFile

MB = 1_000_000
SLICE = 8 * 1024 * 1024  # bytes; the appliance's default


@dataclass(frozen=True)
class ColdFile:
    """
    Clients that ask at once for a file that nobody has, while upstream's line is limited.

    `size` in bytes, `rate` of the line in bytes a second. Peers get a file of `peers` bytes, once a
    run: with a copy a client on the same line, they take that many times as long. 0: they are left
    out.
    """

    workload: str
    clients: int
    size: int
    rate: float
    peers: int = 0


# The line brings a slice in less than half a second. What it brings, a hundred clients cannot have
# at once from two processors, which also are theirs; over the slow line they can.
COLD_FILES = (
    ColdFile("cold file, 8 clients", 8, 256 * MB, 20e6, peers=48 * MB),
    ColdFile("cold file, 100 clients", 100, 32 * MB, 20e6),
    ColdFile("cold file, 100 clients, slow line", 100, 48 * MB, 5e6),
    ColdFile("small cold file, 20 clients", 20, 300_000, 20e6, peers=300_000),
)
_WARM_UP_SIZE = 16 * MB

# Warm file: read again and again on so many connections, for so many seconds.
WARM_SIZE, CONNECTIONS, WARM_SECONDS, WARM_UP_SECONDS = 64 * MB, 8, 4, 1

# Cold tail.
TAIL, TAIL_OF = 65_536, 64 * MB

_LONGEST_DOWNLOAD = 120.0  # seconds
_PATIENCE = 20  # downloads until a peer, which sends the first ones to upstream, has a file


def cold_file(bench: Bench) -> None:
    """Let many clients ask at once for one cold file over a limited line that all copies share."""
    appliance, _, *others = bench.subjects()
    with memory_of(bench, "cold file"):
        for case in COLD_FILES:
            for number in bench.each_round(case.workload):
                size = case.size if number else min(case.size, _WARM_UP_SIZE)
                _cold(bench, case, appliance, size, number)
                if number == 1 and case.peers:
                    for peer in others:
                        _cold(bench, case, peer, case.peers, number)


def _cold(bench: Bench, case: ColdFile, subject: Subject, size: int, number: int) -> None:
    upstream = bench.site.upstream
    file = bench.publish_file(size)
    load = Load(
        "127.0.0.1",
        subject.port,
        subject.door.name,
        subject.file_path(file.project, file.filename),
        case.clients,
        elsewhere=bench.site.direct.address,
        within=_LONGEST_DOWNLOAD,
    )
    wait_for_quiet()
    with (
        upstream.behaving("files", file.path, shared_rate=case.rate),
        processor_shares(subject.machine) as shares,
    ):
        done = Downloads.read(run_load(subject.machine, load.command()))
        # A peer may still be fetching what its clients have got from upstream.
        totals = upstream.wait_until_idle(timeout=_LONGEST_DOWNLOAD, host="files", path=file.path)
    if number:
        last = max(client.last or done.seconds for client in done.clients)
        median, worst = done.first
        values = {
            # As one reads them: 1.00 is one copy.
            ("copies fetched upstream", "copies"): round(totals.bytes_sent / size, 2),
            ("first byte, median", "s"): median,
            ("first byte, last client", "s"): worst,
            ("total", "s"): last,
            ("total / the line's own time", ""): last * case.rate / size,
            ("errors", "downloads"): float(done.errors(size)),
            ("sent on to upstream", "downloads"): float(
                sum(client.redirects > 0 for client in done.clients)
            ),
        }
        bench.samples.add(case.workload, subject.name, values | shares)


@dataclass(frozen=True)
class _Warm:
    """Who serves a warm file: the load on it, beside whom it stands."""

    name: str
    subject: Subject
    load: Load


def warm_file(bench: Bench) -> None:
    """Let a few clients read one large file again and again, with TLS and without."""
    file = bench.publish_file(WARM_SIZE)
    with memory_of(bench, "warm file"):
        readers = _warm_readers(bench, file)
        for number in bench.each_round("warm file"):
            first = (number - 1) % len(readers)
            for reader in readers[first:] + readers[:first]:
                wait_for_quiet()
                with processor_shares(reader.subject.machine) as shares:
                    done = Downloads.read(run_load(reader.subject.machine, reader.load.command()))
                if done.refused:
                    raise Failure(f"{reader.name} did not answer all requests: {done}")
                if number:
                    values = {
                        ("bytes", "MB/s"): done.bytes / done.seconds / MB,
                        ("first byte, last client", "s"): done.first[1],
                    }
                    bench.samples.add("warm file", reader.name, values | shares)


def _warm_readers(bench: Bench, file: PublishedFile) -> list[_Warm]:
    """Bring the file to all who serve it, and return the loads on them."""
    appliance, static, *others = bench.subjects()
    start_plain(bench.site)
    content = WORK / file.filename
    answer = bench.site.door.ask(file.path)
    content.write_bytes(answer.content)
    path = put_static(bench.site.appliance, content)

    def load(subject: Subject, *, at: str, plain: bool = False) -> Load:
        port = PLAIN_PORT if plain else subject.port
        name = subject.door.name
        load = Load("127.0.0.1", port, name, at, CONNECTIONS, tls=not plain, seconds=WARM_SECONDS)
        return replace(load, elsewhere=bench.site.direct.address)

    readers = [
        _Warm("static file", static, load(static, at=path)),
        _Warm("cellar", appliance, load(appliance, at=file.path)),
        _Warm("static file, without TLS", static, load(static, at=path, plain=True)),
        _Warm("cellar, without TLS", appliance, load(appliance, at=file.path, plain=True)),
    ]
    readers += [
        _Warm(s.name, s, load(s, at=s.file_path(file.project, file.filename))) for s in others
    ]
    for reader in readers:
        _warm_up(reader)
    return readers


def _warm_up(reader: _Warm) -> None:
    """
    Read the file once, until it comes from whom it is asked of.

    Raises:
        Failure: it never does.

    """
    once = replace(reader.load, clients=1, seconds=0.0)
    for _ in range(_PATIENCE):
        done = Downloads.read(run_load(reader.subject.machine, once.command()))
        if not done.errors(WARM_SIZE) and not any(client.redirects for client in done.clients):
            return
    raise Failure(f"{reader.name} does not serve the file itself: {done}")


def cold_tail(bench: Bench) -> None:
    """Ask for the end of a large file that nobody has, in both ways in which a range can say so."""
    appliance, _, *others = bench.subjects()
    ranges = {
        "cold tail": f"bytes=-{TAIL}",
        "cold tail, absolute": f"bytes={TAIL_OF - TAIL}-{TAIL_OF - 1}",
    }
    for number in bench.each_round("cold tail"):
        wait_for_quiet()
        for workload, header in ranges.items():
            for subject in (appliance, *(others if number == 1 else ())):
                file = bench.publish_file(TAIL_OF)
                _tail(bench, workload, subject, file, header, counted=number > 0)


def _tail(
    bench: Bench,
    workload: str,
    subject: Subject,
    file: PublishedFile,
    header: str,
    *,
    counted: bool,
) -> None:
    upstream, direct = bench.site.upstream, bench.site.direct
    path = subject.file_path(file.project, file.filename)
    start = time.perf_counter()
    answer = subject.door.ask(path, {"Range": header})
    if answer.is_redirect:  # which is to upstream, and installers follow it
        host = Door(direct.address, upstream.files_host, direct.ca)
        answer = host.ask(urlsplit(answer.headers["Location"]).path, {"Range": header})
    seconds = time.perf_counter() - start
    totals = upstream.wait_until_idle(timeout=_LONGEST_DOWNLOAD, host="files", path=file.path)
    right = (answer.status_code, len(answer.content)) == (requests.codes.partial_content, TAIL)
    if counted:
        values = {
            ("upstream bytes", "MB"): totals.bytes_sent / MB,
            ("time", "ms"): seconds * 1e3,
            ("other than the tail", "answers"): float(not right),
        }
        bench.samples.add(workload, subject.name, values)
