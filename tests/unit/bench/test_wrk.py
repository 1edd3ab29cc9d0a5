"""The load generator's command lines are bounded, and what it prints is read right."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import wrk

HEADERS = {"Host": "cellar.example", "Accept-Encoding": "gzip"}


def test_a_loop_ends_by_itself_and_sends_the_headers() -> None:
    command = wrk.loop_command("https://127.0.0.1/x", HEADERS, connections=8, seconds=5)

    assert command[0] == "wrk"
    assert {"--threads=1", "--connections=8", "--duration=5s"} <= set(command)
    assert command[-5:] == [
        "--header",
        "Host: cellar.example",
        "--header",
        "Accept-Encoding: gzip",
        "https://127.0.0.1/x",
    ]


def test_asking_once_lasts_for_the_whole_plan() -> None:
    plan = wrk.Plan(begin=4.0, interval=0.005, wait=6.0)
    command = wrk.once_command("https://127.0.0.1", {}, Path("/x"), count=1000, plan=plan)

    assert {"--connections=1000", "--duration=15s"} <= set(command)
    assert command[-5:] == ["https://127.0.0.1", "--", "4.000", "5", "/x"]


def test_what_a_loop_says_is_read() -> None:
    line = (
        '{"answers":4045,"bytes":1511216045,"microseconds":4047884,"refused":1,"broken":2,'
        '"median":7408,"slowest":28119}'
    )
    output = f"Running 4s test @ https://127.0.0.1/\nRequests/sec: 999.29\n{line}\n"

    assert wrk.read_loop(output) == wrk.Loop(
        answers=4045,
        bytes=1511216045,
        seconds=4.047884,
        refused=1,
        broken=2,
        median=0.007408,
        slowest=0.028119,
    )


def test_what_asking_once_says_is_read_and_who_got_no_page_is_an_error() -> None:
    output = (
        '{"asked":10,"broken":1,"median":1000,"slowest":2000,"milliseconds_asking":50,'
        '"milliseconds":60,"statuses":{"200":7,"503":2},"caches":{"MISS":7,"-":2}}'
    )
    done = wrk.read_once(output)

    assert (done.errors, done.caches) == (3, {"MISS": 7, "-": 2})
    assert (done.asking, done.lasted, done.slowest) == (0.05, 0.06, 0.002)


def test_a_generator_that_broke_off_is_an_error_with_its_own_words() -> None:
    with pytest.raises(ValueError, match="unable to connect to 127\\.0\\.0\\.1:443"):
        wrk.read_loop("unable to connect to 127.0.0.1:443 Connection refused\n")


def test_the_scripts_are_where_the_commands_say() -> None:
    for command in (
        wrk.loop_command("https://127.0.0.1/", {}, connections=1, seconds=1),
        wrk.once_command("https://127.0.0.1", {}, Path("/x"), count=1, plan=wrk.Plan()),
    ):
        (script,) = (word for word in command if word.startswith("--script="))
        assert Path(script.removeprefix("--script=")).is_file()
