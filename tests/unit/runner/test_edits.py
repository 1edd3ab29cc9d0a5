"""Edits of text files: what is added is there, what is taken out leaves everything else."""

from __future__ import annotations

import configparser
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar_runner.edits.block import Block
from cellar_runner.edits.env_lines import EnvLines
from cellar_runner.edits.environment_block import EnvironmentBlock
from cellar_runner.edits.hosts_block import HostsBlock
from cellar_runner.edits.ini_keys import IniKeys
from cellar_runner.edits.stored import decode, encode
from cellar_runner.edits.whole import Whole
from cellar_runner.refusal import Refusal

PATH = Path("/etc/thing")

TEXTS = st.text(st.sampled_from("ab=:[]#; \t\n\rA_1'\"é"), max_size=60)
NAMES = st.text(st.sampled_from("ABC"), min_size=1, max_size=2)
VALUES = st.text(st.sampled_from("xyz/:.0"), min_size=1, max_size=5)
ENV = st.dictionaries(NAMES, VALUES, min_size=1, max_size=3)
INI_LINES = st.sampled_from(
    [
        *("[global]", "[install]", "# a comment", "", "timeout = 5", "index-url = https://x/"),
        *("index_url: https://x/", "cert=/a/b", "extra =", "  https://continued/", "INDEX_URL = y"),
        *(" timeout = 6", "  cert = c", " [other]", "\t", " # indented"),
    ]
)


def _readable(lines: list[str]) -> bool:
    try:
        configparser.RawConfigParser().read_string("\n".join(lines))
    except configparser.Error:
        return False
    return True


INI = st.builds(
    "\n".join,
    st.lists(INI_LINES, max_size=8).filter(_readable),
) | st.just("[global]")
KEYS = st.dictionaries(
    st.sampled_from(["index-url", "cert", "proxy", "timeout"]), VALUES, min_size=1, max_size=3
)


def undone(edit: Any, base: str | None) -> bytes | None:
    """Return what is left of a file after an edit was applied, changed by nobody, and undone."""
    before = None if base is None else base.encode()
    result: bytes | None = edit.undo(edit.apply(before), before)
    return result


@given(TEXTS | st.none(), st.lists(VALUES, max_size=3))
def test_a_block_goes_without_a_trace(base: str | None, lines: list[str]) -> None:
    expected = None if base is None else base.encode()
    assert undone(Block(PATH, tuple(lines)), base) == expected


@given(TEXTS | st.none(), ENV)
def test_assignments_go_without_a_trace(base: str | None, values: dict[str, str]) -> None:
    expected = None if base is None else base.encode()
    assert undone(EnvLines(PATH, values), base) == expected


@given(INI | st.none(), KEYS)
def test_keys_go_without_a_trace(base: str | None, values: dict[str, str]) -> None:
    expected = None if base is None else base.encode()
    assert undone(IniKeys(PATH, "global", values), base) == expected


@given(INI, KEYS)
def test_keys_are_read_as_they_were_meant_and_others_as_before(
    base: str, values: dict[str, str]
) -> None:
    before, after = configparser.RawConfigParser(), configparser.RawConfigParser()
    before.read_string(base)

    after.read_string(IniKeys(PATH, "global", values).apply(base.encode()).decode())

    assert {key: after.get("global", key) for key in values} == values
    for section in before.sections():
        for key, value in before.items(section):
            if section != "global" or key.replace("_", "-") not in values:
                assert after.get(section, key) == value
    assert set(after.sections()) == {*before.sections(), "global"}


@given(TEXTS, TEXTS, st.lists(VALUES, max_size=3))
def test_a_block_goes_and_what_others_wrote_around_it_stays(
    above: str, below: str, lines: list[str]
) -> None:
    edit = Block(PATH, tuple(lines))
    above = above + "\n" if above and not above.endswith("\n") else above
    changed = edit.apply(above.encode()) + below.encode()

    left = edit.undo(changed, above.encode())

    assert (left or b"").rstrip(b"\n") == (above + below).encode().rstrip(b"\n")


@given(TEXTS, st.lists(VALUES, max_size=3))
def test_a_block_is_there_once_however_often_it_is_applied(base: str, lines: list[str]) -> None:
    edit = Block(PATH, tuple(lines))
    once = edit.apply(base.encode())

    assert edit.apply(once) == once


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (None, "[global]\nindex-url = https://c/\ncert = /b\n"),
        ("", "[global]\nindex-url = https://c/\ncert = /b\n"),
        ("[install]\na = 1\n", "[install]\na = 1\n\n[global]\nindex-url = https://c/\ncert = /b\n"),
        (
            "; mine\n[global]\n # in\nIndex-Url : old\n more\na=5\n[other]\ncert=x\n",
            "; mine\n[global]\n # in\nindex-url = https://c/\na=5\ncert = /b\n[other]\ncert=x\n",
        ),
    ],
    ids=["none", "empty", "other section", "comments and continued lines"],
)
def test_keys_of_pip_conf(base: str | None, expected: str) -> None:
    edit = IniKeys(PATH, "global", {"index-url": "https://c/", "cert": "/b"})

    assert edit.apply(base.encode() if base is not None else None).decode() == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"index-url = x\n", "no section"),
        (b"[global]\na = 1\na = 2\n", "already exists"),
        (b"[global]\n\xff\n", r"not text in UTF-8 \(byte 9\)"),
    ],
)
def test_a_file_that_pip_cannot_read_is_refused(content: bytes, reason: str) -> None:
    edit = IniKeys(PATH, "global", {"a": "1"})

    for act in (edit.apply, lambda current: edit.undo(current, None)):
        with pytest.raises(Refusal, match=f"^/etc/thing .*{reason}"):
            act(content)


def test_a_value_that_others_have_changed_stays() -> None:
    keys = IniKeys(PATH, "global", {"index-url": "https://c/"})
    lines = EnvLines(PATH, {"A": "1"})

    assert keys.undo(b"[global]\nindex-url = https://theirs/\n", None) == (
        b"[global]\nindex-url = https://theirs/\n"
    )
    assert lines.undo(b"A=2\n", b"A=0\n") == b"A=2\n"


def test_a_value_that_was_replaced_comes_back_among_what_others_added() -> None:
    keys = IniKeys(PATH, "global", {"index-url": "https://c/"})
    base = b"[global]\nindex-url = https://old/\n"

    assert keys.undo(keys.apply(base) + b"[more]\n", base) == base + b"[more]\n"
    assert EnvLines(PATH, {"A": "1"}).undo(b"B=1\nA=1\n", b"A=0\n") == b"B=1\nA=0\n"


@pytest.mark.parametrize(
    "line",
    ["HTTPS_PROXY=http://corporate.example:8080", "export REQUESTS_CA_BUNDLE='/etc/theirs.pem'"],
)
def test_variables_of_the_operator_keep_all_of_ours_out(line: str) -> None:
    """A proxy without the certificates that it needs would break every job."""
    edit = EnvironmentBlock(PATH, {"HTTPS_PROXY": "http://c", "REQUESTS_CA_BUNDLE": "/b"})

    note = edit.note(f"{line}\n".encode())

    name = line.removeprefix("export ").partition("=")[0]
    assert note == f"/etc/thing sets {name} otherwise, so it gets none of the variables"
    assert edit.note(b"PATH=/bin\nHTTPS_PROXY=http://c\n") == ""


def test_environment_names_what_is_ours() -> None:
    edit = EnvironmentBlock(PATH, {"A": "1", "B": "2"})

    assert edit.apply(b"PATH=/bin\n").decode() == (
        "PATH=/bin\n# BEGIN cellar-runner\nA=1\nB=2\n"
        'CELLAR_RUNNER_VARIABLES="A B"\n# END cellar-runner\n'
    )


def test_an_address_that_somebody_else_gave_is_refused() -> None:
    """The first line of a name wins, and ours is the last one."""
    edit = HostsBlock(PATH, "192.0.2.1", ("index.example", "files.example"))
    base = b"127.0.0.1 localhost\n# 10.0.0.1 index.example\n192.0.2.9 index.example.org\n"

    assert edit.apply(base).decode().splitlines()[-2] == "192.0.2.1 index.example files.example"
    with pytest.raises(Refusal, match=r"an address for Files\.example already \(10\.0\.0\.9\)"):
        edit.apply(base + b"10.0.0.9 other Files.example # theirs\n")


@pytest.mark.parametrize(
    "edit",
    [
        Whole(PATH, b"\x00\xff", 0o600),
        Block(PATH, ("a", "b")),
        EnvLines(PATH, {"A": "1"}),
        IniKeys(PATH, "global", {"b": "2", "a": "1"}, yielding=True),
        HostsBlock(PATH, "192.0.2.1", ("x",)),
        EnvironmentBlock(PATH, {"A": "1"}),
    ],
    ids=lambda edit: type(edit).__name__,
)
def test_an_edit_survives_in_the_journal(edit: Any) -> None:
    kept: dict[str, bytes] = {}

    def keep(content: bytes) -> str:
        kept[str(len(kept))] = content
        return str(len(kept) - 1)

    document = json.loads(json.dumps(encode(edit, keep)))

    assert decode(document, kept.__getitem__) == edit


def test_an_edit_of_another_version_is_refused_by_name() -> None:
    for name in ("gone.Gone", "block.Gone"):
        with pytest.raises(Refusal, match=f"{name}.* does not know"):
            decode({"edit": name, "fields": {}}, lambda _: b"")
