"""The settings file: what is accepted, and how every problem is told."""

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cellar.settings import SettingsError, read_settings
from unit.cellar.support import FILE_RULE, PYPI, PYPI_ROUTE, SETTINGS, changed, settings, toml

ACME = {
    "name": "acme",
    "url": "https://packages.acme.example/simple/",
    "files": ["https://packages.acme.example/"],
    "ca_file": "/etc/cellar/indexes/acme-ca.pem",
    "credential": "acme",
    "missing_statuses": [403],
}
ACME_ROUTE = {"projects": ["acme", "acme-*"], "indexes": ["acme", "pypi"]}
ARRAYS: dict[str, list[dict[str, Any]]] = {
    "pools": [
        {"name": "pypi_files_host", "host": "files.example", "port": 443},
        {"name": "files_of_1", "host": "192.0.2.1", "port": 8443},
    ],
    "indexes": [PYPI, ACME],
    "routes": [ACME_ROUTE, PYPI_ROUTE],
    "file_zones": [{"name": "pinned", "max_size": 0}, {"name": "week", "max_size": 2**40}],
    "file_rules": [FILE_RULE, {**FILE_RULE, "name": "second", "answer": "allow"}],
}
SECTIONS = {name: table for name, table in SETTINGS.items() if name not in ARRAYS}


def problems(path: Path, text: str | bytes) -> list[str]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SettingsError) as caught:
        read_settings(path)
    return list(caught.value.problems)


def test_every_value_of_the_file_arrives(tmp_path: Path) -> None:
    found = settings(tmp_path)
    for table, values in SECTIONS.items():
        section = getattr(found, table)
        for key, value in values.items():
            expected = tuple(value) if isinstance(value, list) else value
            assert getattr(section, key) == expected, f"{table}.{key}"


def test_every_entry_of_the_arrays_arrives_in_order(tmp_path: Path) -> None:
    found = settings(tmp_path, **ARRAYS)
    for name, tables in ARRAYS.items():
        entries = getattr(found, name)
        assert len(entries) == len(tables)
        for entry, table in zip(entries, tables, strict=True):
            for key, value in table.items():
                expected = tuple(value) if isinstance(value, list) else value
                assert getattr(entry, key) == expected, f"{name}.{key}"


GOOD = [
    ("upstream", "connect_timeout", 1),
    ("upstream", "read_timeout", 600),
    ("pages", "max_age", 1),
    ("rewriter", "workers", 64),
    ("appliance", "address", "2001:db8::1"),
    ("appliance", "https_port", 8443),
    ("appliance", "server_names", ["a.example", "b.example", "localhost"]),
    ("appliance", "ca_file", ""),
    ("appliance", "min_free", 0),
    ("certificates", "renew_days", 824),
    ("certificates", "renews", False),
]


@pytest.mark.parametrize(("table", "key", "value"), GOOD)
def test_a_value_at_the_edge_is_accepted(
    tmp_path: Path, table: str, key: str, value: object
) -> None:
    found = settings(tmp_path, **{table: {key: value}})
    expected = tuple(value) if isinstance(value, list) else value
    assert getattr(getattr(found, table), key) == expected


BAD = [
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
    ("pages", "revision", ""),
    ("pages", "revision", "0123ABCD"),
    ("pages", "revision", "0123abcde"),
    ("rewriter", "workers", 0),
    ("rewriter", "workers", 65),
    ("rewriter", "engine_socket", ""),
    ("rewriter", "engine_socket", "internal.sock"),
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
    ("appliance", "units", []),
    ("appliance", "units", ["nginx"]),
    ("appliance", "units", ["--all.service"]),
    ("certificates", "renew_days", 0),
    ("certificates", "renews", "no"),
    ("metrics", "file", "metrics.txt"),
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


GOOD_ENTRIES = [
    ("indexes", "name", "a-1"),
    ("indexes", "name", "x" * 32),
    ("indexes", "url", "https://192.0.2.1:8443/a/simple/"),
    ("indexes", "files", ["https://a.example/", "https://b.example:8443/files/"]),
    ("indexes", "ca_file", ""),
    ("indexes", "credential", ""),
    ("indexes", "missing_statuses", [400, 499]),
    ("routes", "projects", ["*"]),
    ("routes", "projects", ["a*b", "*-plugin", "zope-*"]),
    ("file_rules", "answer", "refuse"),
    ("file_rules", "versions", ">=2,<3,!=2.5.*"),
    ("file_rules", "versions", "==1!2.0+local.1"),
    ("file_rules", "kinds", ["wheel", "sdist", "egg", "other"]),
    ("file_rules", "filenames", ["*-win_amd64.whl", "a[bc]?.zip"]),
    ("file_rules", "younger_than_days", 0),
    ("file_rules", "undated", "skip"),
    ("file_rules", "larger_than", 2**40),
    ("file_rules", "reason", "Ask security@acme.example."),
]


def arrays(array: str, **change: Any) -> dict[str, Any]:
    """Return good settings with one key changed in the entry that is not PyPI's own."""
    number = 1 if array == "indexes" else 0
    tables = copy.deepcopy(ARRAYS)
    tables[array][number].update(change)
    return changed(**tables)


@pytest.mark.parametrize(("array", "key", "value"), GOOD_ENTRIES)
def test_a_value_at_the_edge_of_an_entry_is_accepted(
    tmp_path: Path, array: str, key: str, value: object
) -> None:
    tables = arrays(array, **{key: value})
    if key == "name":
        tables["routes"][0]["indexes"] = [value]
    found = settings(tmp_path, **tables)
    expected = tuple(value) if isinstance(value, list) else value
    assert expected in [getattr(entry, key) for entry in getattr(found, array)]


BAD_ENTRIES = [
    ("indexes", "name", ""),
    ("indexes", "name", "Acme"),
    ("indexes", "name", "a--b"),
    ("indexes", "name", "../acme"),
    ("indexes", "name", "x" * 33),
    ("indexes", "url", "http://index.example/simple/"),
    ("indexes", "url", "https://index.example/simple"),
    ("indexes", "url", "https://user:secret@index.example/simple/"),
    ("indexes", "url", "https://index.example/simple/?a=b/"),
    ("indexes", "url", "https://index.example/simple/#/"),
    ("indexes", "url", "https://index.example:99999/simple/"),
    ("indexes", "url", "https://index .example/simple/"),
    ("indexes", "url", "https:///simple/"),
    ("indexes", "url", "https://[::1/simple/"),
    ("indexes", "url", 5),
    ("indexes", "files", ""),
    ("indexes", "files", []),
    ("indexes", "files", ["https://files.example"]),
    ("indexes", "ca_file", "acme.pem"),
    ("indexes", "credential", "../acme"),
    ("indexes", "missing_statuses", 403),
    ("indexes", "missing_statuses", [200]),
    ("indexes", "missing_statuses", [500]),
    ("indexes", "missing_statuses", [True]),
    ("routes", "projects", []),
    ("routes", "projects", ["Acme"]),
    ("routes", "projects", ["acme_*"]),
    ("routes", "projects", ["acme-"]),
    ("routes", "projects", ["acme[ab]"]),
    ("routes", "projects", "acme"),
    ("routes", "indexes", []),
    ("routes", "indexes", [5]),
    ("file_rules", "name", "Cool down"),
    ("file_rules", "answer", "deny"),
    ("file_zones", "name", "Pinned"),
    ("file_zones", "max_size", "20g"),
    ("file_rules", "answer", ["hide"]),
    ("file_rules", "projects", []),
    ("file_rules", "versions", "2.*"),
    ("file_rules", "versions", 2),
    ("file_rules", "kinds", ["bdist_wheel"]),
    ("file_rules", "filenames", [""]),
    ("file_rules", "filenames", ["a/b"]),
    ("file_rules", "filenames", ["a\n"]),
    ("file_rules", "younger_than_days", -1),
    ("file_rules", "younger_than_days", 1.5),
    ("file_rules", "undated", ""),
    ("file_rules", "larger_than", "500m"),
    ("file_rules", "larger_than", -1),
    ("file_rules", "reason", "Fragt die Käser."),
    ("file_rules", "reason", "a\r\nX-Injected: 1"),
    ("file_rules", "reason", "x" * 121),
]


@pytest.mark.parametrize(("array", "key", "value"), BAD_ENTRIES)
def test_a_bad_value_of_an_entry_is_named_with_its_place(
    tmp_path: Path, array: str, key: str, value: object
) -> None:
    path = tmp_path / "cellar.toml"
    number = 1 if array == "indexes" else 0
    (problem,) = problems(path, toml(arrays(array, **{key: value})))
    assert problem.startswith(f"{path}: {array}[{number}].{key} is ")
    assert "; it must be " in problem
    assert problem.endswith(".")
    assert "\n" not in problem


TOGETHER: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no index": ({"indexes": []}, ["indexes[0].name is missing; the first index must be pypi."]),
    "pypi not first": (
        {"indexes": [ACME, PYPI]},
        ["indexes[0].name is 'acme'; the first index must be pypi."],
    ),
    "an index twice": (
        {"indexes": [PYPI, ACME, PYPI]},
        ["indexes[2].name is 'pypi', as that of indexes[0]; rename one of them."],
    ),
    "a rule twice": (
        {"file_rules": [FILE_RULE, FILE_RULE]},
        ["file_rules[1].name is 'cooldown', as that of file_rules[0]; rename one of them."],
    ),
    "no route": (
        {"routes": []},
        ['routes must end with projects = ["*"], indexes = ["pypi"]; add that route.'],
    ),
    "a last route that is not everybody's": (
        {"routes": [PYPI_ROUTE, ACME_ROUTE]},
        ['routes must end with projects = ["*"], indexes = ["pypi"]; add that route.'],
    ),
    "a route to an unknown index": (
        {"indexes": [PYPI]},
        ["routes[0].indexes names acme, which is no index; add it or remove it."],
    ),
}


@pytest.mark.parametrize(("change", "said"), TOGETHER.values(), ids=TOGETHER.keys())
def test_what_cannot_be_true_together_is_told(
    tmp_path: Path, change: dict[str, Any], said: list[str]
) -> None:
    path = tmp_path / "cellar.toml"
    tables = changed(**{**ARRAYS, **change})
    assert problems(path, toml(tables)) == [f"{path}: {sentence}" for sentence in said]


@pytest.mark.parametrize("literal", ["nan", "inf", "-inf", "1979-05-27", "{ a = 1 }"])
def test_values_that_only_toml_can_say_are_refused_as_seconds(tmp_path: Path, literal: str) -> None:
    text = toml(SETTINGS).replace("read_timeout = 30.0", f"read_timeout = {literal}")
    assert tomllib.loads(text), "the test's own file is TOML"
    (problem,) = problems(tmp_path / "cellar.toml", text)
    assert "upstream.read_timeout is " in problem


@pytest.mark.parametrize(
    ("table", "key"), [(table, key) for table, values in SECTIONS.items() for key in values]
)
def test_every_key_is_required(tmp_path: Path, table: str, key: str) -> None:
    path = tmp_path / "cellar.toml"
    tables = copy.deepcopy(SETTINGS)
    del tables[table][key]
    (problem,) = problems(path, toml(tables))
    assert problem.startswith(f"{path}: {table}.{key} is missing; give it ")


@pytest.mark.parametrize(
    ("array", "key"), [(array, key) for array, tables in ARRAYS.items() for key in tables[0]]
)
def test_every_key_of_an_entry_is_required(tmp_path: Path, array: str, key: str) -> None:
    path = tmp_path / "cellar.toml"
    tables = changed(**copy.deepcopy(ARRAYS))
    del tables[array][0][key]
    (problem,) = problems(path, toml(tables))
    assert problem.startswith(f"{path}: {array}[0].{key} is missing; give it ")


@pytest.mark.parametrize("table", SECTIONS)
def test_a_missing_section_is_told_as_all_its_keys(tmp_path: Path, table: str) -> None:
    tables = {name: values for name, values in SETTINGS.items() if name != table}
    found = problems(tmp_path / "cellar.toml", toml(tables))
    assert len(found) == len(SECTIONS[table])
    assert all(f": {table}." in problem and " is missing; " in problem for problem in found)


def test_an_unknown_key_is_told_with_the_key_that_was_probably_meant(tmp_path: Path) -> None:
    path = tmp_path / "cellar.toml"
    tables: dict[str, Any] = changed(upstream={"user_agnet": "x"}, pages={"colour": "blue"})
    tables["upsteam"] = {"ca_file": "/x"}
    tables["file_rule"] = [FILE_RULE]
    tables["indexes"] = [{**PYPI, "uri": "x"}]
    assert problems(path, toml(tables)) == [
        f"{path}: upsteam is not a known section; did you mean upstream?",
        f"{path}: file_rule is not a known section; did you mean file_rules?",
        f"{path}: upstream.user_agnet is not a known key; did you mean upstream.user_agent?",
        f"{path}: pages.colour is not a known key; remove it.",
        f"{path}: indexes[0].uri is not a known key; did you mean indexes[0].url?",
    ]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    tables = changed(upstream={"user_agent": 1, "ca_file": ""}, appliance={"https_port": 0})
    tables["upstream"]["extra"] = 1
    del tables["pages"]["max_age"]
    tables["indexes"] = [PYPI, {**PYPI, "url": 1, "files": 1}]
    tables["routes"] = []
    assert len(problems(tmp_path / "cellar.toml", toml(tables))) == 8


def test_a_long_value_does_not_flood_the_sentence(tmp_path: Path) -> None:
    (problem,) = problems(
        tmp_path / "cellar.toml", toml(changed(appliance={"cache_dir": "x" * 10_000}))
    )
    assert len(problem) < 300 + len(str(tmp_path))


FILES: dict[str, tuple[bytes, str]] = {
    "no TOML": (b"[upstream\n", "is not valid TOML: "),
    "no text": (b"\xff\xfe", "is not UTF-8 text; "),
    "a value for a section": (b"upstream = 5\n", "upstream is 5; it must be a section"),
    "a list for a section": (b"[[upstream]]\n", "upstream is [{}]; it must be a section"),
}


@pytest.mark.parametrize(("content", "said"), FILES.values(), ids=FILES.keys())
def test_a_file_that_is_no_settings_file_is_told_in_one_sentence(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "cellar.toml"
    assert problems(path, content)[0].startswith(f"{path}: {said}")


@pytest.mark.parametrize("text", ["indexes = 5", "[indexes]", "indexes = [5]"])
def test_what_is_no_array_of_tables_is_told_in_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cellar.toml"
    tables = {name: content for name, content in SETTINGS.items() if name != "indexes"}
    # A key without a table has to come first.
    (problem,) = problems(path, f"{text}\n{toml(tables)}")
    assert problem.startswith(f"{path}: indexes is ")
    assert problem.endswith("; it must be tables, each written [[indexes]].")


def test_a_file_that_cannot_be_read_is_told_in_one_sentence(tmp_path: Path) -> None:
    for path, said in (
        (tmp_path / "missing.toml", "no such file or directory"),
        (tmp_path, "is a directory"),
    ):
        with pytest.raises(SettingsError) as caught:
            read_settings(path)
        (problem,) = caught.value.problems
        assert problem.startswith(f"{path}: cannot be read: {said}; ")
