"""One run of the resolver: all hosts are looked up, and what changed is written."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cellar.replacing import replace_file
from cellar.resolving.addresses import (
    ADDRESSES,
    Addresses,
    ResolvingError,
    servers,
    updated,
    usable,
)
from cellar.resolving.lookup import is_own, lookup
from cellar.settings import Settings, host_of

Lookup = Callable[[str, Sequence[str]], list[str]]

# The file whose change tells the engine to read its pools again, once for all of them.
_REVISION = "revision"


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
    replaced only if it changes. The file `revision` beside them changes after, if one of them did.
    """
    directory = Path(settings.resolver.directory)
    kept = Addresses(directory / ADDRESSES)
    seen = {host: dict(addresses) for host, addresses in kept.read().items()}
    for host, found in _look_up_all(settings, look_up, is_own):
        if isinstance(found, ResolvingError):
            known = "What was known of it stays." if host in seen else "Nothing is known of it."
            yield f"{found} {known}"
        else:
            seen[host] = updated(seen.get(host, {}), found, now())
    kept.write({host: seen[host] for host in _hosts(settings) if host in seen})
    pools = {
        f"{pool.name}.servers": servers(seen[pool.host], pool.port)
        for pool in settings.pools
        if pool.host in seen
    }
    for name, text in pools.items():
        _replace(directory / "upstreams" / name, text)
    # It says what the files hold, so that a run which was cut off here is made good by the next.
    digest = hashlib.sha256(repr(sorted(pools.items())).encode()).hexdigest()
    _replace(directory / _REVISION, f"{digest}\n")


def failures(
    settings: Settings, *, look_up: Lookup = lookup, is_own: Callable[[str], bool] = is_own
) -> list[ResolvingError]:
    """Look all upstream hosts up, write nothing, and return what is wrong with their names."""
    answers = _look_up_all(settings, look_up, is_own)
    return [found for _, found in answers if isinstance(found, ResolvingError)]


def _look_up_all(
    settings: Settings, look_up: Lookup, is_own: Callable[[str], bool]
) -> Iterator[tuple[str, list[str] | ResolvingError]]:
    hosts = _hosts(settings)
    with ThreadPoolExecutor(max_workers=len(hosts)) as threads:
        answers = [threads.submit(look_up, host, settings.resolver.servers) for host in hosts]
        for host, answer in zip(hosts, answers, strict=True):
            try:
                yield host, usable(host, answer.result(), is_own)
            except ResolvingError as error:
                yield host, error


def _hosts(settings: Settings) -> list[str]:
    urls = [index.url for index in settings.indexes]
    return list(dict.fromkeys([*(pool.host for pool in settings.pools), *map(host_of, urls)]))


def _replace(path: Path, text: str) -> None:
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except OSError:
        pass
    replace_file(path, text)
