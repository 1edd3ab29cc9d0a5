"""`cellar selftest` on an appliance that works, and what it prints."""

import json
import re
from dataclasses import replace

import pytest

from unit.cellar.appliance import CHECKS, SMALL, World, outcomes, path_of


def test_an_appliance_that_works_is_told_so_check_by_check(world: World) -> None:
    result = world.selftest()
    found = outcomes(result)
    assert list(found) == CHECKS
    assert {status for status, _ in found.values()} == {"ok"}, result.stdout
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "days left" in found["TLS of cellar.example"][1]
    assert re.fullmatch(r"\d+\.\d GB are free in /.*", found["disk"][1])
    assert "small-1.zip" in found["file, index door"][1], "the smallest file is enough"


def test_every_door_is_asked_at_the_appliances_address_under_its_own_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    assert world.selftest().exit_code == 0
    asked = {(request.header["host"], request.path) for request in world.appliance.requests}
    file = f"/packages/{path_of(SMALL, 'small-1.zip')}"
    assert asked == {
        ("cellar.example", "/healthz"),
        ("cellar.example", "/simple/an-example"),
        ("cellar.example", "/simple/an-example/"),
        ("cellar.example", file),
        ("localhost", "/simple/an-example/"),
        ("files.example", file),
    }


def test_every_request_says_who_asks(world: World) -> None:
    """By it the counter of traffic leaves them out."""
    assert world.selftest().exit_code == 0
    assert {each.header["user-agent"] for each in world.appliance.requests} == {"cellar-selftest"}


def test_without_interception_its_names_are_not_asked_for(world: World) -> None:
    world.changes["appliance"]["intercept"] = False
    world.names = ["cellar.example", "second.example"]
    result = world.selftest()
    assert result.exit_code == 0
    assert list(outcomes(result)) == [*CHECKS[:8], "disk"]


def test_an_object_that_is_being_refreshed_counts_as_cached(world: World) -> None:
    world.appliance.changed = lambda _, a: replace(a, header={"X-Cache": "UPDATING"})
    assert world.selftest().exit_code == 0


def test_json_output_says_the_same_as_the_lines(world: World) -> None:
    world.changes["appliance"]["cache_dir"] = "/nonexistent"
    result = world.selftest("--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["ok"] is False
    assert [check["check"] for check in found["checks"]] == CHECKS
    assert found["checks"][-1] == {
        "check": "disk",
        "status": "FAIL",
        "finding": "/nonexistent is not a directory",
        "remedy": "run the playbook again",
        "door": "",
        "numbers": {},
    }
    world.changes["appliance"] = {}
    assert json.loads(world.selftest("--json").stdout)["ok"] is True


def test_a_program_is_told_the_door_of_a_check_and_when_certificates_end(world: World) -> None:
    found = {each["check"]: each for each in json.loads(world.selftest("--json").stdout)["checks"]}
    doors = {name: check["door"] for name, check in found.items() if check["door"]}
    index = ["TLS of cellar.example", "TLS of second.example", "health check"]
    index += ["page, index door", "file, index door"]
    assert [name for name, door in doors.items() if door == "index"] == index
    assert [name for name, door in doors.items() if door == "intercept"] == CHECKS[8:12]
    ends = world.certificate_ends.timestamp()
    assert found["TLS of cellar.example"]["numbers"] == {"ends": ends}
    assert found["upstream"]["numbers"]["seconds"] > 0


def test_settings_that_cannot_be_used_are_told_and_nothing_is_asked(world: World) -> None:
    world.changes["appliance"]["https_port"] = 0
    result = world.selftest()
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "appliance.https_port is 0; it must be" in result.stderr
    assert world.appliance.requests == []
