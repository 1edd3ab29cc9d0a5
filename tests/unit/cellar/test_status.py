"""`cellar status`: how an appliance is, and what needs a hand, with what to do."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from cellar.status import Authority, ask_units, problems
from cellar.traffic.database import DATABASE
from unit.cellar.appliance import NAMES, World
from unit.cellar.servers import Answer
from unit.cellar.watched import DAY, Left
from unit.traffic.logs import answer, fetch, missed

MORE_THAN_A_SCREEN = 25
# What each of them leaves at its end.
TIMERS = ("resolver/addresses.json", "metrics/metrics", "verifier/summary.json")


@pytest.fixture
def left(world: World) -> Left:
    return Left(world)


def needing_a_hand(world: World) -> list[str]:
    """Return the sentences that the screen begins with, which have to be those of the JSON."""
    result = world.run("status")
    sentences, _, _ = result.stdout.partition("\n\n")
    found = json.loads(world.run("status", "--json").stdout)
    assert found["ok"] is (result.exit_code == 0)
    if result.exit_code == 0:
        assert sentences == "Nothing needs a hand."
        return []
    assert result.exit_code == 1, result.output
    assert len(found["problems"]) == len(sentences.splitlines())
    return sentences.splitlines()


@pytest.mark.usefixtures("left")
def test_of_an_appliance_that_is_well_nothing_needs_a_hand_and_all_is_on_one_screen(
    world: World,
) -> None:
    world.units = {"nginx.service": "active", "cellar-resolver.timer": "active"}

    result = world.run("status")

    lines = result.stdout.splitlines()
    assert (result.exit_code, lines[:2]) == (0, ["Nothing needs a hand.", ""]), result.output
    assert len(lines) < MORE_THAN_A_SCREEN
    rows = {line[:16].rstrip(): line[16:] for line in lines[2:] if line[:16].strip()}
    assert rows["index door"] == rows["intercept door"] == "works"
    assert rows["certificates"].startswith(f"{', '.join(NAMES)} 299 days left; the CA ")
    assert rows["upstream"].startswith("answered in ")
    assert rows["rewriter"] == "answered"
    assert rows["resolver"].startswith("all lead elsewhere; asked 6")
    assert rows["verifier"].endswith("seconds ago: 3 proven; 0 more due")
    assert rows["zones"].split() == ["files", "3", "records", "3.0", "MB"]
    assert " are free; 1 B must be" in rows["disk"]
    assert rows["units"] == "2 of 2 are well"


def test_a_zone_is_shown_with_the_share_of_its_budget(world: World, left: Left) -> None:
    left.counted(pages={"records": 1, "bytes": 2**29}, pinned={"records": 1234, "bytes": 0})

    lines = world.run("status").stdout.splitlines()

    (pages,) = (line for line in lines if "pages" in line)
    (pinned,) = (line for line in lines if "pinned" in line)
    assert pages.split()[1:] == [
        "pages",
        "1",
        "record",
        "536.9",
        "MB",
        "of",
        "2.1",
        "GB",
        "25.0",
        "%",
    ]
    assert pinned.split() == ["pinned", "1,234", "records", "0", "B"]


def test_traffic_is_that_of_the_last_hour_and_the_one_that_has_begun(
    world: World, left: Left
) -> None:
    hour = int(left.now) // 3600 * 3600
    left.traffic(
        60,
        *(answer(at=at, bytes=1000) for at in (hour, hour - 3600)),
        answer(at=hour - 3601, bytes=9000),
        missed(at=hour, bytes=3000),
        answer("/favicon.ico", at=hour, status=404, cache="", bytes=0),
        fetches=(fetch(at=hour, bytes="2500"), fetch(at=hour - 3601)),
    )

    (row,) = (each for each in world.run("status").stdout.splitlines() if "traffic" in each)

    since = datetime.fromtimestamp(hour - 3600, UTC)
    # With the one that was there before: three of four.
    assert row == (
        f"traffic         since {since:%H:%M} UTC 5 requests, 75.0 % from the cache, 5.7 kB; "
        "2.5 kB from upstream in 1 request"
    )


@pytest.mark.parametrize(("failed", "fetched"), [(10, 20), (50, 250)])
def test_a_few_failures_of_upstream_need_no_hand(
    world: World, left: Left, failed: int, fetched: int
) -> None:
    fetches = [fetch(at=int(left.now), status="502")] * failed
    fetches += [fetch(at=int(left.now))] * (fetched - failed)
    left.traffic(60, fetches=tuple(fetches))

    assert needing_a_hand(world) == []


Change = Callable[[World, Left], None]


def upstream_fails(_: World, left: Left) -> None:
    now = int(left.now)
    lines = [fetch(at=now, status="502")] * 8 + [fetch(at=now, status="-", bytes="-")] * 8
    left.traffic(60, fetches=(*lines, *[fetch(at=now)] * 60))


def stops(world: World, _: Left) -> None:
    world.units = {"nginx.service": "active", "cellar-resolver.timer": "inactive"}


def fails(world: World, _: Left) -> None:
    world.units = {"cellar-verifier.service": "failed"}


def rewriter_gone(world: World, _: Left) -> None:
    world.appliance.changed = lambda request, answer: (
        Answer(503) if request.path == "/simple/an-example" else answer
    )


def disk_full(world: World, _: Left) -> None:
    link = world.directory / "disk"
    link.symlink_to("full")
    world.changes["appliance"]["disk_link"] = str(link)


def ending_in(days: int, **certificates: object) -> Change:
    def change(world: World, _: Left) -> None:
        world.certificate_ends = datetime.now(UTC) + timedelta(days=days, minutes=1)
        world.changes["certificates"].update(certificates)

    return change


TROUBLES: dict[str, tuple[Change, str, str]] = {
    "a timer is stopped": (
        stops,
        "cellar-resolver.timer is not running",
        "run `systemctl enable --now cellar-resolver.timer`",
    ),
    "a unit has failed": (
        fails,
        "cellar-verifier.service has failed",
        "see `journalctl -u cellar-verifier.service`",
    ),
    "the rewriter is gone": (
        rewriter_gone,
        "rewriter: /simple/an-example is answered with status 503",
        "see `journalctl",
    ),
    "nothing is stored": (
        disk_full,
        "Nothing is stored, because the disk of the cache is full",
        "enlarge",
    ),
    "the certificate was not renewed": (
        ending_in(27),
        f"The certificate of {', '.join(NAMES)} ends in 27 days",
        "the appliance should have renewed it: see `journalctl -u cellar-certificate`",
    ),
    "the operator's certificate ends": (
        ending_in(29, renews=False),
        f"The certificate of {', '.join(NAMES)} ends in 29 days",
        "run the playbook again",
    ),
    "the resolver is late": (
        lambda _, left: left.written("resolver/addresses.json", 360),
        "Names of upstream were last resolved 6 minutes ago",
        "see `systemctl status cellar-resolver.timer`",
    ),
    "metrics are late": (
        lambda _, left: left.written("metrics/metrics", 2 * DAY),
        "Metrics were last written 2 days ago",
        "see `systemctl status cellar-metrics.timer`",
    ),
    "upstream fails more often than it should": (
        upstream_fails,
        "16 of 76 requests to upstream failed in the last two hours",
        "`/var/log/cellar/upstream.log` names hosts and addresses",
    ),
    "traffic is counted late": (
        lambda _, left: left.traffic(540),
        "Traffic was last counted 9 minutes ago",
        "see `systemctl status cellar-traffic.timer`",
    ),
    "the verifier does not run": (
        lambda _, left: left.verified(ago=3 * DAY),
        "The cache was not verified for 3 days",
        "see `systemctl status cellar-verifier.timer`",
    ),
    "the verifier found damage": (
        lambda _, left: left.verified(removed_total=4, last_removed=left.now - 7200),
        "The verifier removed something wrong 2 hours ago",
        "`journalctl -u cellar-verifier` names it",
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_needs_a_hand_is_the_first_line_with_what_to_do(
    world: World, left: Left, trouble: str
) -> None:
    change, problem, remedy = TROUBLES[trouble]
    change(world, left)

    (sentence,) = needing_a_hand(world)

    assert sentence.startswith(problem)
    assert f"; {remedy}" in sentence
    assert sentence.endswith(".")


def new(_: World, left: Left) -> None:
    for name in (*TIMERS, "verifier/zones.json", f"traffic/{DATABASE}"):
        left.path(name).unlink()


def half_written(_: World, left: Left) -> None:
    for name in ("verifier/summary.json", "verifier/zones.json"):
        left.path(name).write_text("{")


FINE: dict[str, Change] = {
    "a certificate that the appliance is about to renew": ending_in(29),
    "a certificate that its operator need not renew yet": ending_in(31, renews=False),
    "a resolver that is about to run": lambda _, left: left.written("resolver/addresses.json", 240),
    "a verifier that takes its time": lambda _, left: left.verified(ago=1.9 * DAY),
    "damage of long ago": lambda _, left: left.verified(
        removed_total=4, last_removed=left.now - 2 * DAY
    ),
    "systemd does not tell": lambda world, _: setattr(world, "units", None),
    "an appliance that is new": new,
    "what the verifier left is half-written": half_written,
}


@pytest.mark.parametrize("case", FINE)
def test_what_needs_no_hand_is_no_problem(world: World, left: Left, case: str) -> None:
    FINE[case](world, left)

    assert needing_a_hand(world) == []


def test_on_an_appliance_that_has_been_there_what_never_ran_needs_a_hand(
    world: World, left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*TIMERS, f"traffic/{DATABASE}"):
        left.path(name).unlink()
    settings = world.settings()
    os.utime(settings, (left.now - 3 * DAY, left.now - 3 * DAY))
    monkeypatch.setattr(world, "settings", lambda: settings)

    sentences = needing_a_hand(world)

    assert [sentence.partition(";")[0] for sentence in sentences] == [
        "Names of upstream were last resolved never",
        "Traffic was last counted never",
        "Metrics were last written never",
        "The cache was not verified for 3 days",
    ]


AUTHORITIES = [
    (3650, 91, None),
    (3650, 89, "89 days"),
    (3650, 1.5, "36 hours"),
    (30, 8, None),
    (30, 7, "7 days"),
]


@pytest.mark.usefixtures("left")
@pytest.mark.parametrize(("days", "ahead", "said"), AUTHORITIES)
def test_the_end_of_the_ca_is_told_in_time_for_every_client(
    world: World, days: float, ahead: float, said: str | None
) -> None:
    """Each of them has to trust another one by then."""
    status = world.status()
    ends = status.when + ahead * DAY + 1
    authority = Authority(ends - days * DAY, ends)

    found = problems(replace(status, authority=authority))

    assert [sentence.partition(";")[0] for sentence in found] == (
        [f"The CA that clients trust ends in {said}"] if said else []
    )


@pytest.mark.usefixtures("left")
def test_of_several_cas_the_one_that_ends_first_counts(world: World) -> None:
    """While clients change from one to another, they are given both."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "the old one")])
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=50)
    old = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=3650))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    new = world.ca_file.read_bytes()
    world.ca_file.write_bytes(new + old.public_bytes(Encoding.PEM))
    status = world.status()

    assert status.authority == Authority(
        (ends - timedelta(days=3650)).timestamp(), ends.timestamp()
    )
    assert [each.partition(" ends in ")[0] for each in problems(status)] == [
        "The CA that clients trust"
    ]


@pytest.mark.usefixtures("left")
def test_what_fails_for_one_reason_is_one_sentence(world: World) -> None:
    """A stopped nginx would else fill the screen."""
    world.changes["appliance"]["https_port"] = 1

    (sentence,) = needing_a_hand(world)

    names = [f"TLS of {name}" for name in NAMES]
    assert sentence.startswith(f"{', '.join(names)}: no TLS connection: ")
    lines = world.run("status").stdout.splitlines()
    assert [line.split()[-1] for line in lines if " door " in line] == ["FAILS", "FAILS"]
    assert any(line.startswith("certificates    the CA ") for line in lines)


@pytest.mark.usefixtures("left")
def test_a_door_that_only_upstream_keeps_from_being_tried_is_not_down(world: World) -> None:
    world.upstream = lambda _: Answer(500)

    result = world.run("status", "--json")

    doors = {door["name"]: door["up"] for door in json.loads(result.stdout)["doors"]}
    assert (result.exit_code, doors) == (1, {"index": True, "intercept": True})
    (row,) = (line for line in world.run("status").stdout.splitlines() if "index door" in line)
    assert row == "index door      answers; page and file could not be asked for"


def test_settings_that_cannot_be_used_are_told_and_nothing_is_asked(world: World) -> None:
    world.changes["appliance"]["https_port"] = 0
    result = world.run("status")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "appliance.https_port is 0; it must be" in result.stderr
    assert world.appliance.requests == []


SYSTEMCTL = """#!/bin/sh
printf '%s\\n' "$@" > {arguments}
printf 'Id=nginx.service\\nActiveState=active\\n\\n'
printf 'Id=cellar-resolver.timer\\nActiveState=inactive\\n\\n'
printf 'Id=cellar-verifier.service\\nActiveState=failed\\n\\n'
printf 'Id=cellar-resolver.service\\nActiveState=inactive\\n'
exit {status}
"""


@pytest.mark.parametrize("status", [0, 1])
def test_systemd_is_asked_for_the_units_that_must_be_active_and_ours_that_have_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    program, arguments = tmp_path / "systemctl", tmp_path / "arguments"
    program.write_text(SYSTEMCTL.format(arguments=arguments, status=status))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    found = ask_units(["nginx.service", "cellar-resolver.timer"])

    named = ["nginx.service", "cellar-resolver.timer", "cellar-*.service"]
    assert arguments.read_text().splitlines()[-3:] == named
    expected = {
        "nginx.service": "active",
        "cellar-resolver.timer": "inactive",
        "cellar-verifier.service": "failed",
    }
    assert found == (None if status else expected)


def test_without_systemd_nothing_is_known_of_units(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ask_units(["nginx.service"]) is None
