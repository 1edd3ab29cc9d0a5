"""Entries in JSON files of others come and go, and nothing else in the file moves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellar_runner.edits.entries import Append, Group, Put
from cellar_runner.edits.json_keys import JsonKeys
from cellar_runner.edits.stored import decode, encode
from cellar_runner.refusal import Refusal
from unit.runner.trees import leaves

FILE = Path("/home/ci/.docker/config.json")
PROXIES = Group(
    (
        Put(("proxies", "default", "httpsProxy"), "http://192.0.2.10:3128"),
        Put(("proxies", "default", "noProxy"), "localhost"),
    )
)
LIST = Group((Append(("dns",), ("192.0.2.10",)),))
EDIT = JsonKeys(FILE, (PROXIES, LIST))


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ('{"dns":["8.8.8.8"]}', '{"dns":["8.8.8.8", "192.0.2.10"]}'),
        (
            '{\n  "dns": [\n    "8.8.8.8"\n  ]\n}\n',
            '{\n  "dns": [\n    "8.8.8.8",\n    "192.0.2.10"\n  ]\n}\n',
        ),
        ('{\r\n\t"a": 1\r\n}', '{\r\n\t"a": 1,\r\n\t"dns": [\r\n\t\t"192.0.2.10"\r\n\t]\r\n}'),
        ('{"a": 1}', '{"a": 1, "dns": ["192.0.2.10"]}'),
        ('{"dns": []}\n', '{"dns": ["192.0.2.10"]}\n'),
        ('{ "dns" : [ "192.0.2.10" ] }', '{ "dns" : [ "192.0.2.10" ] }'),
        ("{}", '{\n    "dns": [\n        "192.0.2.10"\n    ]\n}'),
    ],
)
def test_a_list_gets_its_item_in_the_style_of_the_file(base: str, expected: str) -> None:
    edit = JsonKeys(FILE, (LIST,))
    assert edit.apply(base.encode()).decode() == expected
    assert edit.undo(expected.encode(), base.encode()) == base.encode()


def test_a_key_of_somebody_else_keeps_its_value_and_keeps_the_whole_group_out() -> None:
    base = b'{"proxies": {"default": {"noProxy": "corp"}}}'
    assert JsonKeys(FILE, (PROXIES,)).apply(base) == base


def test_a_value_that_was_there_already_stays_when_ours_go() -> None:
    edit = JsonKeys(FILE, (PROXIES,))
    base = b'{"proxies": {"default": {"noProxy": "localhost"}}}'
    now = edit.apply(base).replace(b"{", b'{"new": 1, ', 1)
    left = edit.undo(now, base)
    assert left is not None
    assert json.loads(left) == {"new": 1, "proxies": {"default": {"noProxy": "localhost"}}}


def test_a_value_that_somebody_has_changed_since_stays_when_ours_go() -> None:
    edit = JsonKeys(FILE, (PROXIES,))
    now = edit.apply(b"{}").replace(b"3128", b"8080")
    left = edit.undo(now, b"{}")
    assert left is not None
    assert json.loads(left) == {"proxies": {"default": {"httpsProxy": "http://192.0.2.10:8080"}}}


def test_a_file_that_did_not_exist_goes_again_unless_somebody_has_written_to_it() -> None:
    made = EDIT.apply(None)
    assert made.endswith(b"}\n")
    assert EDIT.undo(made, None) is None
    left = EDIT.undo(made.replace(b"{", b'{"auths": {},', 1), None)
    assert left is not None
    assert json.loads(left) == {"auths": {}}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{\n"a": 1,\n}', "config.json, line 3, is not JSON"),
        (b'{"a": 1}\n{"b": 2}', "config.json, line 2, is not JSON: Extra data"),
        (b'{"a":\n"\xff"}', "config.json, line 2, is not UTF-8."),
        (b"[1]", "config.json holds no JSON object."),
        (b'{"a": {"b": 1, "b": 2}}', "config.json has the key 'b' twice in one object."),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_name_and_line(
    content: bytes, sentence: str
) -> None:
    with pytest.raises(Refusal) as caught:
        EDIT.apply(content)
    assert f"/home/ci/.docker/{sentence}" in str(caught.value)
    with pytest.raises(Refusal):
        EDIT.undo(content, b"{}")


def test_the_journal_can_keep_such_an_edit() -> None:
    document = json.loads(json.dumps(encode(EDIT, lambda _: "")))
    assert decode(document, lambda _: b"") == EDIT


_strings = st.text(st.sampled_from('ab"\\,:[]{}é \n#'), max_size=5)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | _strings,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_strings | st.just("default"), inner, max_size=3)
    ),
    max_leaves=8,
)
_lists = st.lists(st.sampled_from(["192.0.2.10", "8.8.8.8"]), max_size=3)
_documents = st.dictionaries(
    _strings | st.just("proxies"), _values, max_size=3
) | st.fixed_dictionaries({}, optional={"dns": _lists, "proxies": st.just({}), "x": _values})


@st.composite
def _texts(draw: st.DrawFn) -> str:
    text = json.dumps(
        draw(_documents),
        indent=draw(st.sampled_from([None, 0, 1, 2, 4, "\t"])),
        separators=draw(st.sampled_from([None, (",", ":"), (" , ", " : ")])),
        ensure_ascii=draw(st.booleans()),
    )
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"]))) + draw(
        st.sampled_from(["", "\n", " \n\n"])
    )


OURS = [
    (("proxies", "default", "httpsProxy"), "'http://192.0.2.10:3128'"),
    (("proxies", "default", "noProxy"), "'localhost'"),
    (("dns", "[]"), "'192.0.2.10'"),
]


@settings(deadline=None)
@given(_texts())
def test_nothing_that_others_wrote_is_lost(text: str) -> None:
    now = leaves(json.loads(EDIT.apply(text.encode())))
    for leaf in leaves(json.loads(text)):
        assert leaf in now
        now.remove(leaf)
    assert all(leaf in OURS for leaf in now)


@settings(deadline=None)
@given(_texts())
def test_applying_twice_is_applying_once(text: str) -> None:
    once = EDIT.apply(text.encode())
    assert EDIT.apply(once) == once
    assert EDIT.undo(once, text.encode()) == text.encode()


@settings(deadline=None)
@given(_texts(), st.sampled_from([b" ", b"\n"]))
def test_only_our_entries_go_from_a_file_that_somebody_has_written_to(
    text: str, space: bytes
) -> None:
    left = EDIT.undo(EDIT.apply(text.encode()) + space, text.encode())
    assert left is not None
    assert json.loads(left) == json.loads(text)
