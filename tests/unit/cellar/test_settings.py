"""The settings file: what is accepted, and how every problem is told."""

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cellar.settings import SettingsError, read_settings
from unit.cellar.support import SETTINGS, changed, settings, toml


def problems(path: Path, text: str | bytes) -> list[str]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SettingsError) as caught:
        read_settings(path)
    return list(caught.value.problems)


def test_every_value_of_the_file_arrives(tmp_path: Path) -> None:
    found = settings(tmp_path)
    for table, values in SETTINGS.items():
        section = getattr(found, table)
        for key, value in values.items():
            expected = tuple(value) if isinstance(value, list) else value
            assert getattr(section, key) == expected, f"{table}.{key}"


GOOD = [
    ("upstream", "index_url", "https://192.0.2.1:8443/a/simple/"),
    ("upstream", "connect_timeout", 1),
    ("upstream", "read_timeout", 600),
    ("pages", "max_age", 1),
    ("rewriter", "workers", 64),
    ("appliance", "address", "2001:db8::1"),
    ("appliance", "https_port", 8443),
    ("appliance", "server_names", ["a.example", "b.example", "localhost"]),
    ("appliance", "ca_file", ""),
    ("appliance", "min_free", 0),
]


@pytest.mark.parametrize(("table", "key", "value"), GOOD)
def test_a_value_at_the_edge_is_accepted(
    tmp_path: Path, table: str, key: str, value: object
) -> None:
    found = settings(tmp_path, **{table: {key: value}})
    expected = tuple(value) if isinstance(value, list) else value
    assert getattr(getattr(found, table), key) == expected


BAD = [
    ("upstream", "index_url", "http://index.example/simple/"),
    ("upstream", "index_url", "https://index.example/simple"),
    ("upstream", "index_url", "https://user:secret@index.example/simple/"),
    ("upstream", "index_url", "https://index.example/simple/?a=b/"),
    ("upstream", "index_url", "https://index.example/simple/#/"),
    ("upstream", "index_url", "https://index.example:99999/simple/"),
    ("upstream", "index_url", "https://index .example/simple/"),
    ("upstream", "index_url", "https:///simple/"),
    ("upstream", "index_url", "https://[::1/simple/"),
    ("upstream", "index_url", 5),
    ("upstream", "files_url", ""),
    ("upstream", "ca_file", ""),
    ("upstream", "ca_file", "upstream-ca.pem"),
    ("upstream", "ca_file", False),
    ("upstream", "user_agent", ""),
    ("upstream", "user_agent", "cellar\r\nX-Injected: 1"),
    ("upstream", "user_agent", "käse"),
    ("upstream", "connect_timeout", 0),
    ("upstream", "connect_timeout", -1.5),
    ("upstream", "connect_timeout", True),
    ("upstream", "connect_timeout", "5"),
    ("upstream", "read_timeout", 601),
    ("upstream", "page_size_limit", 0),
    ("upstream", "page_size_limit", 1.5),
    ("pages", "max_age", 0),
    ("pages", "max_age", 601),
    ("pages", "max_age", True),
    ("rewriter", "workers", 0),
    ("rewriter", "workers", 65),
    ("appliance", "address", "cellar.example"),
    ("appliance", "address", "127.0.0.256"),
    ("appliance", "address", 127),
    ("appliance", "https_port", 0),
    ("appliance", "https_port", 65536),
    ("appliance", "server_names", []),
    ("appliance", "server_names", "cellar.example"),
    ("appliance", "server_names", ["cellar.example", ""]),
    ("appliance", "server_names", ["Cellar.example"]),
    ("appliance", "server_names", ["-cellar.example"]),
    ("appliance", "server_names", [f"{'a' * 64}.example"]),
    ("appliance", "server_names", [".".join(["abc"] * 64)]),
    ("appliance", "server_names", [1]),
    ("appliance", "intercept", 1),
    ("appliance", "intercept", "true"),
    ("appliance", "ca_file", "ca.pem"),
    ("appliance", "cache_dir", ""),
    ("appliance", "min_free", -1),
    ("appliance", "min_free", "2g"),
    ("appliance", "selftest_project", "An_Example"),
    ("appliance", "selftest_project", "../secret"),
    ("appliance", "selftest_project", 6),
]


@pytest.mark.parametrize(("table", "key", "value"), BAD)
def test_a_bad_value_is_named_with_its_file_its_key_and_the_remedy(
    tmp_path: Path, table: str, key: str, value: object
) -> None:
    path = tmp_path / "cellar.toml"
    (problem,) = problems(path, toml(changed(**{table: {key: value}})))
    assert problem.startswith(f"{path}: {table}.{key} is ")
    assert "; it must be " in problem
    assert problem.endswith(".")
    assert "\n" not in problem


@pytest.mark.parametrize("literal", ["nan", "inf", "-inf", "1979-05-27", "{ a = 1 }"])
def test_values_that_only_toml_can_say_are_refused_as_seconds(tmp_path: Path, literal: str) -> None:
    text = toml(SETTINGS).replace("read_timeout = 30.0", f"read_timeout = {literal}")
    assert tomllib.loads(text), "the test's own file is TOML"
    (problem,) = problems(tmp_path / "cellar.toml", text)
    assert "upstream.read_timeout is " in problem


@pytest.mark.parametrize(
    ("table", "key"), [(table, key) for table, values in SETTINGS.items() for key in values]
)
def test_every_key_is_required(tmp_path: Path, table: str, key: str) -> None:
    path = tmp_path / "cellar.toml"
    tables = copy.deepcopy(SETTINGS)
    del tables[table][key]
    (problem,) = problems(path, toml(tables))
    assert problem.startswith(f"{path}: {table}.{key} is missing; give it ")


@pytest.mark.parametrize("table", SETTINGS)
def test_a_missing_section_is_told_as_all_its_keys(tmp_path: Path, table: str) -> None:
    tables = {name: values for name, values in SETTINGS.items() if name != table}
    found = problems(tmp_path / "cellar.toml", toml(tables))
    assert len(found) == len(SETTINGS[table])
    assert all(f": {table}." in problem and " is missing; " in problem for problem in found)


def test_an_unknown_key_is_told_with_the_key_that_was_probably_meant(tmp_path: Path) -> None:
    path = tmp_path / "cellar.toml"
    tables: dict[str, Any] = changed(upstream={"index_ur1": "x"}, pages={"colour": "blue"})
    tables["upsteam"] = {"ca_file": "/x"}
    assert problems(path, toml(tables)) == [
        f"{path}: upsteam is not a known section; did you mean upstream?",
        f"{path}: upstream.index_ur1 is not a known key; did you mean upstream.index_url?",
        f"{path}: pages.colour is not a known key; remove it.",
    ]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    tables = changed(upstream={"index_url": 1, "ca_file": ""}, appliance={"https_port": 0})
    tables["upstream"]["extra"] = 1
    del tables["pages"]["max_age"]
    assert len(problems(tmp_path / "cellar.toml", toml(tables))) == 5


def test_a_long_value_does_not_flood_the_sentence(tmp_path: Path) -> None:
    (problem,) = problems(
        tmp_path / "cellar.toml", toml(changed(appliance={"cache_dir": "x" * 10_000}))
    )
    assert len(problem) < 300 + len(str(tmp_path))


FILES: dict[str, tuple[bytes, str]] = {
    "no TOML": (b"[upstream\n", "is not valid TOML: "),
    "no text": (b"\xff\xfe", "is not UTF-8 text; "),
    "a value for a section": (b"upstream = 5\n", "upstream is 5; it must be a section"),
}


@pytest.mark.parametrize(("content", "said"), FILES.values(), ids=FILES.keys())
def test_a_file_that_is_no_settings_file_is_told_in_one_sentence(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "cellar.toml"
    assert problems(path, content)[0].startswith(f"{path}: {said}")


def test_a_file_that_cannot_be_read_is_told_in_one_sentence(tmp_path: Path) -> None:
    for path, said in (
        (tmp_path / "missing.toml", "no such file or directory"),
        (tmp_path, "is a directory"),
    ):
        with pytest.raises(SettingsError) as caught:
            read_settings(path)
        (problem,) = caught.value.problems
        assert problem.startswith(f"{path}: cannot be read: {said}; ")
