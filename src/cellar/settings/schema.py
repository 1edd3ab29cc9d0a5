"""What the settings file may say: `SECTIONS` and `ARRAYS` below are the whole schema."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cellar.settings import rules
from cellar.settings.rules import Rule

# The index that owns every project which no other one was given.
PYPI = "pypi"

# The two questions that a rule for files may answer: whether a file is offered, and whether it is
# stored.
OFFER_ANSWERS = ("allow", "hide", "refuse")
STORAGE_ANSWERS = ("store", "stream", "redirect")


def _key(rule: Rule) -> Any:
    return field(metadata={"rule": rule})


@dataclass(frozen=True, kw_only=True, slots=True)
class UpstreamSettings:
    """
    How every index upstream is asked.

    `cdn_loop` is what the appliance calls itself in CDN-Loop (RFC 8586). Time-outs are seconds:
    `read_timeout` bounds each wait for bytes, and `connect_timeout + read_timeout` bounds a whole
    answer, so the engine in front has to wait longer than their sum. `page_size_limit` is bytes,
    decoded.
    """

    ca_file: str = _key(rules.ABSOLUTE_PATH)
    user_agent: str = _key(rules.HEADER_VALUE)
    cdn_loop: str = _key(rules.HEADER_VALUE)
    connect_timeout: float = _key(rules.SECONDS)
    read_timeout: float = _key(rules.SECONDS)
    page_size_limit: int = _key(rules.POSITIVE_BYTES)


@dataclass(frozen=True, kw_only=True, slots=True)
class PagesSettings:
    """
    What applies to every index page.

    `max_age` is seconds, an upper bound of freshness. `revision` differs whenever the same upstream
    page could give another page, because indexes, routes or file rules differ.
    """

    max_age: int = _key(rules.integer(1, 600, "seconds"))
    revision: str = _key(rules.REVISION)


@dataclass(frozen=True, kw_only=True, slots=True)
class RewriterSettings:
    """
    How the rewriter service runs.

    `engine_socket` is a Unix socket of the caching engine, through which the rewriter reads pages
    that the engine keeps.
    """

    workers: int = _key(rules.integer(1, 64, "processes"))
    engine_socket: str = _key(rules.ABSOLUTE_PATH)


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplianceSettings:
    """
    The appliance as its own clients see it: what `cellar selftest` asks and expects.

    An empty `ca_file` means the system's trust store. `proxy_port` is 0 without a proxy door.
    `min_free` is bytes. The symbolic link `disk_link` tells the engine whether the cache's disk is
    full. `units` are the units of systemd that have to be active.
    """

    address: str = _key(rules.IP_ADDRESS)
    https_port: int = _key(rules.integer(1, 65535, "a TCP port"))
    server_names: tuple[str, ...] = _key(rules.HOST_NAMES)
    intercept: bool = _key(rules.SWITCH)
    proxy_port: int = _key(rules.integer(0, 65535, "a TCP port, or 0"))
    ca_file: str = _key(rules.or_empty(rules.ABSOLUTE_PATH, "the system's trust store"))
    cache_dir: str = _key(rules.ABSOLUTE_PATH)
    min_free: int = _key(rules.BYTES)
    disk_link: str = _key(rules.ABSOLUTE_PATH)
    selftest_project: str = _key(rules.PROJECT_NAME)
    units: tuple[str, ...] = _key(rules.items(rules.UNIT, least=1))


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesSettings:
    """
    What is stored where no rule says otherwise.

    `size_limit` is bytes, 0 for none. `over_limit` is what the client of a larger file gets.
    `max_size` is the budget of the common zone, in bytes, 0 for none.
    """

    size_limit: int = _key(rules.BYTES)
    over_limit: str = _key(rules.choice("stream", "redirect", "refuse"))
    max_size: int = _key(rules.BYTES)


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolverSettings:
    """
    How names of upstream hosts are resolved.

    `servers` are addresses of DNS servers; without any, the machine's own resolver is asked.
    `directory` is where the answers are kept.
    """

    servers: tuple[str, ...] = _key(rules.items(rules.IP_ADDRESS))
    directory: str = _key(rules.ABSOLUTE_PATH)


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifierSettings:
    """
    How the cache is verified.

    Each record is looked at again after so many `days`. `rate` is bytes a second, 0 for any.
    `directory` is where the verifier keeps what it knows.
    """

    days: int = _key(rules.integer(1, 3650, "days"))
    rate: int = _key(rules.BYTES)
    directory: str = _key(rules.ABSOLUTE_PATH)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrafficSettings:
    """
    How traffic is counted.

    `log_directory` has the engine's logs. `directory` is where the sums are kept, for so many
    `days`.
    """

    days: int = _key(rules.integer(1, 3650, "days"))
    log_directory: str = _key(rules.ABSOLUTE_PATH)
    directory: str = _key(rules.ABSOLUTE_PATH)


@dataclass(frozen=True, kw_only=True, slots=True)
class ZonesSettings:
    """The budgets of the zones of pages and of metadata files (PEP 658), in bytes."""

    pages_max_size: int = _key(rules.POSITIVE_BYTES)
    metadata_max_size: int = _key(rules.POSITIVE_BYTES)


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificatesSettings:
    """
    The certificates of the doors.

    One with fewer than `renew_days` left is renewed by the appliance itself (`renews`), or by its
    operator.
    """

    renew_days: int = _key(rules.integer(1, 824, "days"))
    renews: bool = _key(rules.SWITCH)


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricsSettings:
    """What monitoring reads: the `file` that a timer writes and the engine serves."""

    file: str = _key(rules.ABSOLUTE_PATH)


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolSettings:
    """A pool of connections of the engine: its name, and the host and the port that it is for."""

    name: str = _key(rules.POOL)
    host: str = _key(rules.HOST)
    port: int = _key(rules.integer(1, 65535, "a TCP port"))


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexSettings:
    """
    An index that pages come from.

    `url` is the base of its Simple API (PEP 503, PEP 691), `files` the prefixes of the file URLs
    that the appliance caches; all end with a slash. `credential` names a systemd credential whose
    text is `user:password`. `missing_statuses` are HTTP statuses that say "no such project" beside
    404 and 410.
    """

    name: str = _key(rules.NAME)
    url: str = _key(rules.BASE_URL)
    files: tuple[str, ...] = _key(rules.BASE_URLS)
    ca_file: str = _key(rules.or_empty(rules.ABSOLUTE_PATH, "upstream.ca_file"))
    credential: str = _key(rules.or_empty(rules.NAME, "no credential"))
    missing_statuses: tuple[int, ...] = _key(
        rules.items(rules.integer(400, 499, "an HTTP status of the client's errors"))
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteSettings:
    """
    Which indexes own a project: the first route with a matching pattern decides.

    Of several indexes the first one has priority: its file wins over a file of the same name.
    """

    projects: tuple[str, ...] = _key(rules.PROJECT_PATTERNS)
    indexes: tuple[str, ...] = _key(rules.items(rules.NAME, least=1))


@dataclass(frozen=True, kw_only=True, slots=True)
class FileZoneSettings:
    """A zone of the cache that rules name; `max_size` is its budget, in bytes, 0 for none."""

    name: str = _key(rules.NAME)
    max_size: int = _key(rules.BYTES)


@dataclass(frozen=True, kw_only=True, slots=True)
class FileRuleSettings:
    """
    What happens to files.

    Of the rules that match a file, the first one with an answer of OFFER_ANSWERS decides whether it
    is offered, and the first one of STORAGE_ANSWERS whether it is stored, and in which `zone` (""
    for the common one). `versions` is a set of specifiers (PEP 440), `filenames` are shell
    patterns, `larger_than` is bytes. Empty texts and lists, and zeros, match every file.
    """

    name: str = _key(rules.NAME)
    answer: str = _key(rules.choice(*OFFER_ANSWERS, *STORAGE_ANSWERS))
    projects: tuple[str, ...] = _key(rules.PROJECT_PATTERNS)
    versions: str = _key(rules.SPECIFIERS)
    kinds: tuple[str, ...] = _key(rules.items(rules.choice("wheel", "sdist", "egg", "other")))
    filenames: tuple[str, ...] = _key(rules.FILENAME_PATTERNS)
    younger_than_days: int = _key(rules.integer(0, 36500, "days"))
    undated: str = _key(rules.choice("match", "skip"))
    larger_than: int = _key(rules.BYTES)
    zone: str = _key(rules.or_empty(rules.NAME, "the common zone"))
    reason: str = _key(rules.REASON)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """All settings of one appliance; one attribute for each section and array of the file."""

    upstream: UpstreamSettings
    pages: PagesSettings
    files: FilesSettings
    rewriter: RewriterSettings
    appliance: ApplianceSettings
    resolver: ResolverSettings
    verifier: VerifierSettings
    traffic: TrafficSettings
    zones: ZonesSettings
    certificates: CertificatesSettings
    metrics: MetricsSettings
    pools: tuple[PoolSettings, ...]
    indexes: tuple[IndexSettings, ...]
    routes: tuple[RouteSettings, ...]
    file_zones: tuple[FileZoneSettings, ...]
    file_rules: tuple[FileRuleSettings, ...]


SECTIONS: dict[str, type[Any]] = {
    "upstream": UpstreamSettings,
    "pages": PagesSettings,
    "files": FilesSettings,
    "rewriter": RewriterSettings,
    "appliance": ApplianceSettings,
    "resolver": ResolverSettings,
    "verifier": VerifierSettings,
    "traffic": TrafficSettings,
    "zones": ZonesSettings,
    "certificates": CertificatesSettings,
    "metrics": MetricsSettings,
}

# Arrays of tables; each has as many as the file has.
ARRAYS: dict[str, type[Any]] = {
    "pools": PoolSettings,
    "indexes": IndexSettings,
    "routes": RouteSettings,
    "file_zones": FileZoneSettings,
    "file_rules": FileRuleSettings,
}


def host_of(url: str) -> str:
    """Return the host of a URL that the settings name, which therefore has one."""
    return urlsplit(url).hostname or ""
