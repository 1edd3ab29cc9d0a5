"""Entries in TOML files of others come and go, and nothing else in the file moves."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from cellar_runner.edits.entries import Append, Group, Put
from cellar_runner.edits.toml_keys import TomlKeys
from cellar_runner.refusal import Refusal
from unit.runner.trees import leaves

FILE = Path("/etc/gitlab-runner/config.toml")
ENVIRONMENT = Append(("environment",), ("SSL_CERT_FILE=/b.pem", "HTTPS_PROXY=http://c:1"), "=")
VOLUMES = Append(("docker", "volumes"), ("/p:/p:ro",))
CONTAINERS = Group(
    (ENVIRONMENT, VOLUMES), ("runners",), ((("executor",), ("docker",)),), known_by="token"
)
SHELLS = Group((ENVIRONMENT,), ("runners",), ((("executor",), ("shell",)),), known_by="token")
TOP = Group((Put(("worker", "oci", "binary"), "/w"), Put(("worker", "oci", "on"), value=True)))
EDIT = TomlKeys(FILE, (CONTAINERS, SHELLS, TOP))


def of(*groups: Group) -> TomlKeys:
    return TomlKeys(FILE, groups)


def changed(edit: TomlKeys, text: str) -> str:
    return edit.apply(text.encode()).decode()


def undone(edit: TomlKeys, text: str, base: str) -> str:
    content = edit.undo(text.encode(), base.encode())
    assert content is not None
    return content.decode()


def test_each_runner_gets_entries_and_comments_order_and_indents_of_others_stay() -> None:
    base = """\
concurrent = 4 # cores

[session_server]
  session_timeout = 1800

[[runners]]
  name = "one"
  executor = "docker"
  environment = [
    "A=b", # ours
    "C=d"  # last
  ]
  [runners.cache]
    MaxUploadedArchiveSize = 0
  [runners.docker]
    image = "python:3.12"
    volumes = ["/cache"] # keep

# the second
[[runners]]
  name = "two"
  executor = "shell" # hm
  [runners.cache]
"""
    edit = of(CONTAINERS, SHELLS)
    expected = """\
concurrent = 4 # cores

[session_server]
  session_timeout = 1800

[[runners]]
  name = "one"
  executor = "docker"
  environment = [
    "A=b", # ours
    "C=d",  # last
    "SSL_CERT_FILE=/b.pem",
    "HTTPS_PROXY=http://c:1"
  ]
  [runners.cache]
    MaxUploadedArchiveSize = 0
  [runners.docker]
    image = "python:3.12"
    volumes = ["/cache", "/p:/p:ro"] # keep

# the second
[[runners]]
  name = "two"
  executor = "shell" # hm
  environment = ["SSL_CERT_FILE=/b.pem", "HTTPS_PROXY=http://c:1"]
  [runners.cache]
"""
    assert changed(edit, base) == expected
    assert undone(edit, expected, base) == base


def test_a_runner_that_was_registered_meanwhile_stays_when_our_entries_go() -> None:
    base = '[[runners]]\n  token = "t1"\n  executor = "shell"\n'
    registered = '\n[[runners]]\n  token = "t2"\n  executor = "docker"\n  [runners.docker]\n'
    edit = of(CONTAINERS, SHELLS)
    assert undone(edit, changed(edit, base) + registered, base) == base + registered


def test_a_runner_that_was_removed_meanwhile_does_not_come_back() -> None:
    second = '[[runners]]\ntoken = "t2"\nexecutor = "shell"\n'
    base = '[[runners]]\ntoken = "t1"\nexecutor = "shell"\n\n' + second
    edit = of(SHELLS)
    now = changed(edit, base)
    first = now.index("[[runners]]", 1)
    assert undone(edit, now[first:], base) == second


def test_what_an_operator_had_set_to_the_same_value_himself_stays_his() -> None:
    base = '[[runners]]\ntoken = "t"\nexecutor = "shell"\nenvironment = ["SSL_CERT_FILE=/b.pem"]\n'
    edit = of(SHELLS)
    now = changed(edit, base) + "# a line of somebody else\n"
    assert undone(edit, now, base) == base + "# a line of somebody else\n"


@pytest.mark.parametrize(
    "runner",
    [
        'executor = "docker"\nenvironment = ["HTTPS_PROXY=http://corporate:8080"]\n[runners.docker]\n',
        'executor = "docker"\nenvironment = "A=b"\n[runners.docker]\n',
        'executor = "docker"\n[runners.docker]\nvolumes = "/cache"\n',
        'executor = "kubernetes"\n[runners.kubernetes]\n',
    ],
)
def test_a_runner_that_has_its_own_value_for_one_name_gets_no_entry_at_all(runner: str) -> None:
    base = f"[[runners]]\n{runner}"
    assert changed(of(CONTAINERS), base) == base


def test_a_key_that_others_have_set_keeps_their_value_and_keeps_its_group_out() -> None:
    base = '[worker.oci]\nbinary = "crun"\n'
    assert changed(of(TOP), base) == base


def test_a_file_that_did_not_exist_goes_again() -> None:
    edit = of(TOP)
    made = edit.apply(None)
    assert made == b'[worker.oci]\nbinary = "/w"\non = true\n'
    assert edit.undo(made, None) is None
    assert edit.undo(b"# mine\ndebug = true\n" + made, None) == b"# mine\ndebug = true\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a = 1\nb = [1,\n", "/etc/gitlab-runner/config.toml, line 2, is not TOML"),
        (b"a = 1\nb = = 2\n", "/etc/gitlab-runner/config.toml, line 2, is not TOML: Invalid value"),
        (b"a = 1\n\n# \xff\n", "/etc/gitlab-runner/config.toml, line 3, is not UTF-8."),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_name_and_line(
    content: bytes, sentence: str
) -> None:
    with pytest.raises(Refusal) as caught:
        EDIT.apply(content)
    assert str(caught.value).startswith(sentence)
    with pytest.raises(Refusal):
        EDIT.undo(content, b"")


def test_a_table_of_dotted_keys_is_refused_rather_than_broken() -> None:
    with pytest.raises(Refusal, match=r"config\.toml is written in a way"):
        of(TOP).apply(b"worker.oci.rootless = true\n")


# Texts as people write them.
_keys = st.sampled_from(["image", "environment", "executor", "x-y", '"quoted key"', "on", "token"])
_indents = st.sampled_from(["", "  ", "    ", "\t"])
_comments = st.sampled_from(["", " # a, b", "# ] [x]", "  # \"'"])
_texts = st.sampled_from(
    [
        '""',
        '"a"',
        "'it''s'"[:4] + "'",
        '"[x]"',
        '"a # b"',
        '"\\" , ]"',
        "'\\'",
        '"SSL_CERT_FILE=/o"',
    ]
)
_scalars = _texts | st.sampled_from(
    ["1", "-0.5e3", "true", "1979-05-27 07:32:00", '"""a\n# b ]"""', "'''\n''x'''", '"""q""""']
)


@st.composite
def _arrays(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    items = draw(st.lists(values, max_size=4))
    if draw(st.sampled_from(["one line", "lines"])) == "one line":
        text = ", ".join(items)
        return f"[{text}{draw(st.sampled_from(['', ','])) if items else ''}]"
    lines = [f"[{draw(_comments)}"]
    for number, item in enumerate(items):
        comma = "," if number < len(items) - 1 else draw(st.sampled_from(["", ","]))
        lines.append(f"{draw(_indents)}{item}{comma}{draw(_comments)}")
    return "\n".join([*lines, draw(_indents) + "]"])


@st.composite
def _statements(draw: st.DrawFn) -> str:
    value = draw(
        _scalars
        | _arrays(_scalars)
        | _arrays(_arrays(_texts))
        | st.just('{ image = "i", volumes = ["/a"] }')
        | st.just("{}")
    )
    key = draw(_keys)
    if key == "executor":
        value = draw(st.sampled_from(['"docker"', '"shell"', "'docker'"]))
    return f"{draw(_indents)}{key}{draw(st.sampled_from(['=', ' = ']))}{value}{draw(_comments)}"


@st.composite
def _documents(draw: st.DrawFn) -> str:
    lines = draw(st.lists(_statements() | st.sampled_from(["", "# comment"]), max_size=3))
    for header in draw(
        st.lists(
            st.sampled_from(
                [
                    "[[runners]]",
                    "[runners.docker]",
                    "[runners.cache]",
                    "[worker]",
                    "[worker.oci]",
                    "[a]",
                ]
            ),
            max_size=6,
        )
    ):
        lines.append(f"{draw(_indents)}{header}{draw(_comments)}")
        if header == "[runners.docker]" and draw(st.integers(0, 1)):
            lines.append(f"volumes = {draw(_arrays(_texts))}")
        lines += draw(st.lists(_statements() | st.sampled_from(["", "# comment"]), max_size=3))
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(condition=False)
    return text


def applied(text: str) -> bytes:
    try:
        return EDIT.apply(text.encode())
    except Refusal:
        return reject()  # nothing is changed then


@settings(deadline=None, max_examples=50)
@given(_documents())
def test_what_was_applied_and_undone_is_the_same_bytes(text: str) -> None:
    assert EDIT.undo(applied(text), text.encode()) == text.encode()


@settings(deadline=None, max_examples=50)
@given(_documents())
def test_nothing_that_others_wrote_is_lost(text: str) -> None:
    now = leaves(tomllib.loads(applied(text).decode()))
    for leaf in leaves(tomllib.loads(text)):
        assert leaf in now
        now.remove(leaf)


@settings(deadline=None, max_examples=50)
@given(_documents())
def test_applying_twice_is_applying_once(text: str) -> None:
    once = applied(text)
    assert EDIT.apply(once) == once


@settings(deadline=None, max_examples=50)
@given(_documents(), st.sampled_from(["\n# by hand\n", '\n[[zzz]]\nenvironment = ["A=b"]\n']))
def test_what_others_append_meanwhile_stays_and_only_our_entries_go(text: str, more: str) -> None:
    now = applied(text).decode()
    undone_text = undone(EDIT, now + more, text)
    assert tomllib.loads(undone_text) == tomllib.loads(text + more)
    assert undone_text.count("#") == (text + more).count("#")
