"""One run of the resolver: all hosts are looked up, and what changed is written."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cellar.resolving.addresses import ADDRESSES, Addresses, ResolvingError, servers, updated, write
from cellar.resolving.lookup import is_own, lookup
from cellar.settings import Settings, host_of

Lookup = Callable[[str, Sequence[str]], list[str]]


def resolve(
    settings: Settings,
    *,
    look_up: Lookup = lookup,
    is_own: Callable[[str], bool] = is_own,
    now: Callable[[], float] = time.time,
) -> Iterator[str]:
    """
    Look all upstream hosts up, write what changed, and yield a sentence for each one that failed.

    A host that failed keeps what was known of it. For each pool of the engine there is a file
    `<name>.servers` in the resolver's directory below `upstreams`, which is never empty, and is
    replaced only if it changes.
    """
    directory = Path(settings.resolver.directory)
    kept = Addresses(directory / ADDRESSES)
    seen = {host: dict(addresses) for host, addresses in kept.read().items()}
    hosts = _hosts(settings)
    with ThreadPoolExecutor(max_workers=len(hosts)) as threads:
        answers = [threads.submit(look_up, host, settings.resolver.servers) for host in hosts]
        for host, answer in zip(hosts, answers, strict=True):
            try:
                seen[host] = updated(host, seen.get(host, {}), answer.result(), now(), is_own)
            except ResolvingError as error:
                known = "What was known of it stays." if host in seen else "Nothing is known of it."
                yield f"{error} {known}"
    kept.write({host: seen[host] for host in hosts if host in seen})
    for pool in settings.pools:
        if pool.host in seen:
            _replace(
                directory / "upstreams" / f"{pool.name}.servers",
                servers(seen[pool.host], pool.port),
            )


def _hosts(settings: Settings) -> list[str]:
    urls = [index.url for index in settings.indexes]
    return list(dict.fromkeys([*(pool.host for pool in settings.pools), *map(host_of, urls)]))


def _replace(path: Path, text: str) -> None:
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except OSError:
        pass
    write(path, text)
