"""What needs a hand, each in a sentence that says what to do."""

from collections.abc import Iterator

from cellar.selftest.report import Result
from cellar.selftest.report import Status as Outcome
from cellar.status.taking import Status
from cellar.units import age, count_of

DAY = 86400.0
# Seconds after which a timer that fires every minute is late.
_LATE = 300.0
# The appliance looks once a day, at any time of it, whether its certificate is to be renewed.
_RENEWAL_TAKES = 2 * DAY
# Requests to upstream may fail: so many of two hours, or this share of them. An outage that has
# passed needs no hand.
_FEW, _SHARE = 10, 0.2
# How long before its end all clients should begin to trust another authority.
_AUTHORITY_TAKES = 90 * DAY


def problems(status: Status) -> list[str]:
    """Return what needs a hand, what concerns most clients first; an empty list if nothing does."""
    return [
        *_selftest(status.checks),
        *_disk(status),
        *_units(status),
        *_certificates(status),
        *_authority(status),
        *_upstream(status),
        *_timers(status),
        *_verifier(status),
    ]


def _selftest(results: tuple[Result, ...]) -> Iterator[str]:
    """Yield what failed; what failed for the same reason in one sentence."""
    failed: dict[tuple[str, str], list[str]] = {}
    for result in results:
        if result.status is Outcome.FAIL:
            failed.setdefault((result.finding, result.remedy), []).append(result.check)
    for (finding, remedy), names in failed.items():
        yield f"{', '.join(names)}: {finding}; {remedy}."


def _disk(status: Status) -> Iterator[str]:
    if status.disk and not status.disk.stores:
        yield (
            "Nothing is stored, because the disk of the cache is full; enlarge the file system or "
            "lower the sizes of the cache."
        )


def _units(status: Status) -> Iterator[str]:
    for name, state in (status.units or {}).items():
        if state == "failed":
            yield f"{name} has failed; see `journalctl -u {name}`."
        elif state == "inactive":
            yield f"{name} is not running; run `systemctl enable --now {name}`."


def _certificates(status: Status) -> Iterator[str]:
    allowed = status.renew_days * DAY - (_RENEWAL_TAKES if status.renews else 0)
    remedy = (
        "the appliance should have renewed it: see `journalctl -u cellar-certificate`"
        if status.renews
        else "run the playbook again, with the new certificate if it is one of yours"
    )
    for end in sorted({each.ends for each in status.certificates}):
        left = end - status.when
        if left < allowed:
            names = ", ".join(each.name for each in status.certificates if each.ends == end)
            yield f"The certificate of {names} ends in {age(left)}; {remedy}."


def _authority(status: Status) -> Iterator[str]:
    authority = status.authority
    if authority is None:
        return
    # One that is made for a short time needs no word for the longer part of it.
    allowed = min(_AUTHORITY_TAKES, (authority.ends - authority.begins) / 4)
    left = authority.ends - status.when
    if left < allowed:
        yield (
            f'The CA that clients trust ends in {age(left)}; issue another one (see "Trust" in the '
            "operator's guide), and have every client trust it."
        )


def _upstream(status: Status) -> Iterator[str]:
    if status.passed is None:
        return
    lately = status.passed.lately
    if lately.failed > max(_FEW, lately.fetches * _SHARE):
        yield (
            f"{lately.failed:,} of {count_of(lately.fetches, 'request')} to upstream failed in the "
            "last two hours; `/var/log/cellar/upstream.log` names hosts and addresses: check the "
            "network between the appliance and them."
        )


def _timers(status: Status) -> Iterator[str]:
    counted = status.passed.counted if status.passed else None
    for what, unit, last in (
        ("Names of upstream were last resolved", "cellar-resolver", status.resolved),
        ("Traffic was last counted", "cellar-traffic", counted),
        ("Metrics were last written", "cellar-metrics", status.measured),
    ):
        # On an appliance that is new, nothing is late yet.
        late = status.when - (status.configured if last is None else last)
        if late > _LATE:
            ago = "never" if last is None else f"{age(late)} ago"
            yield f"{what} {ago}; see `systemctl status {unit}.timer` and `journalctl -u {unit}`."


def _verifier(status: Status) -> Iterator[str]:
    verified = status.verified
    late = status.when - (verified.ended if verified else status.configured)
    if late > (status.verify_days + 1) * DAY:
        yield (
            f"The cache was not verified for {age(late)}; see `systemctl status "
            "cellar-verifier.timer`, and raise cellar_verify_rate if a run takes that long."
        )
    if verified and verified.last_removed and status.when - verified.last_removed < DAY:
        yield (
            f"The verifier removed something wrong {age(status.when - verified.last_removed)} ago; "
            "`journalctl -u cellar-verifier` names it, and if that comes again, replace the disk."
        )
