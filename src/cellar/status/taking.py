"""Taking the status of an appliance."""

import shutil
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cellar.resolving import ADDRESSES
from cellar.selftest.checks import checks
from cellar.selftest.report import Result, run_checks
from cellar.selftest.report import Status as Outcome
from cellar.settings import Settings
from cellar.status.traffic import Passed, passed
from cellar.tls import TrustError, tls_context
from cellar.verifying import COUNTED, SUMMARY, Counted, Summary
from cellar.web.space import is_told_full

AskUnits = Callable[[Sequence[str]], Mapping[str, str] | None]

_TLS = "TLS of "


@dataclass(frozen=True, slots=True)
class Door:
    """A door: `up` unless a check of it failed; one that says nothing does not count."""

    name: str
    up: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """When the certificate that is shown under a name ends, in seconds since 1970."""

    name: str
    ends: float


@dataclass(frozen=True, slots=True)
class Authority:
    """When the certificate begins and ends that clients trust, in seconds since 1970."""

    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class ZoneStatus:
    """A zone of the cache: records, bytes on the disk, and its budget, 0 for none of its own."""

    name: str
    records: int
    bytes: int
    max_size: int


@dataclass(frozen=True, slots=True)
class Disk:
    """
    The file system of the cache, in bytes.

    `stores` tells whether the engine stores anything at the moment.
    """

    size: int
    free: int
    min_free: int
    stores: bool


@dataclass(frozen=True, slots=True)
class Status:
    """
    How an appliance is. Times are seconds since 1970; None means that nothing is known.

    `checks` are the results of the self-test. `renew_days` is with how many days left a certificate
    is renewed, by the appliance if it `renews`. `resolved` is when the resolver ran last, `counted`
    when zones were counted, `measured` when the metrics were written. `verify_days` is after how
    many days a record is looked at again, and `configured` when the settings changed last. `units`
    are states, by name. `passed` is what has gone through.
    """

    when: float
    checks: tuple[Result, ...]
    doors: tuple[Door, ...]
    certificates: tuple[Certificate, ...]
    authority: Authority | None
    renew_days: int
    renews: bool
    resolved: float | None
    verified: Summary | None
    verify_days: int
    counted: float | None
    zones: tuple[ZoneStatus, ...]
    disk: Disk | None
    measured: float | None
    configured: float
    units: Mapping[str, str] | None
    passed: Passed | None

    def check(self, name: str) -> Result:
        """Return the result of a check of the self-test."""
        return next(result for result in self.checks if result.check == name)


def take(settings: Settings, settings_path: Path, when: float, ask_units: AskUnits) -> Status:
    """Ask the doors, read the rest, and return how the appliance is at the time `when`."""
    results = tuple(run_checks(checks(settings)))
    counted = Counted.read(Path(settings.verifier.directory) / COUNTED)
    return Status(
        when=when,
        checks=results,
        doors=tuple(_doors(results)),
        certificates=tuple(_certificates(results)),
        authority=_authority(settings.appliance.ca_file),
        renew_days=settings.certificates.renew_days,
        renews=settings.certificates.renews,
        resolved=_changed(Path(settings.resolver.directory) / ADDRESSES),
        verified=Summary.read(Path(settings.verifier.directory) / SUMMARY),
        verify_days=settings.verifier.days,
        counted=counted.when if counted else None,
        zones=_zones(settings, counted) if counted else (),
        disk=_disk(settings),
        measured=_changed(Path(settings.metrics.file)),
        configured=_changed(settings_path) or when,
        units=ask_units(settings.appliance.units),
        passed=passed(Path(settings.traffic.directory), when),
    )


def _doors(results: Iterable[Result]) -> Iterable[Door]:
    doors: dict[str, bool] = {}
    for result in results:
        if result.door:
            failed = result.status is Outcome.FAIL
            doors[result.door] = doors.get(result.door, True) and not failed
    return [Door(name, up) for name, up in doors.items()]


def _certificates(results: Iterable[Result]) -> Iterable[Certificate]:
    for result in results:
        if "ends" in result.numbers:
            yield Certificate(result.check.removeprefix(_TLS), result.numbers["ends"])


def _authority(ca_file: str) -> Authority | None:
    if not ca_file:
        return None
    try:
        found = tls_context(ca_file, key="the appliance").get_ca_certs()
    except TrustError:
        return None  # the self-test says it
    spans = [
        Authority(*(ssl.cert_time_to_seconds(str(each[key])) for key in ("notBefore", "notAfter")))
        for each in found
    ]
    return min(spans, key=lambda span: span.ends, default=None)


def _zones(settings: Settings, counted: Counted) -> tuple[ZoneStatus, ...]:
    budgets = {
        "files": settings.files.max_size,
        "metadata": settings.zones.metadata_max_size,
        "pages": settings.zones.pages_max_size,
        **{zone.name: zone.max_size for zone in settings.file_zones},
    }
    return tuple(
        ZoneStatus(name, fill.records, fill.bytes, budgets.get(name, 0))
        for name, fill in counted.zones.items()
    )


def _disk(settings: Settings) -> Disk | None:
    appliance = settings.appliance
    try:
        usage = shutil.disk_usage(appliance.cache_dir)
    except OSError:
        return None  # the self-test says it
    stores = not is_told_full(Path(appliance.disk_link))
    return Disk(usage.total, usage.free, appliance.min_free, stores)


def _changed(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None
