"""One settings surface: every view of a setting agrees, and wrong ones stop before any host."""

from __future__ import annotations

import itertools
import json
import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from cellar.provisioning import setting_problems
from cellar.provisioning.shapes import NEVER_EMPTY, SHAPES

ROOT = Path(__file__).resolve().parents[3]
ROLE = ROOT / "roles/settings"
DEFAULTS_FILE = ROLE / "defaults/main.yml"
DEFAULTS: dict[str, Any] = yaml.safe_load(DEFAULTS_FILE.read_text())
(SPECIFICATION,) = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())[
    "argument_specs"
].values()
OPTIONS: dict[str, dict[str, Any]] = SPECIFICATION["options"]
EXAMPLES = {
    group: (ROOT / f"inventory/example/group_vars/{group}.yml").read_text()
    for group in ("appliances", "runners")
}
EXAMPLE = "\n".join(text.removeprefix("---\n") for text in EXAMPLES.values())

# PyPI's host names may stand in the defaults and in the operator's documentation, nowhere else, so
# the other views do not repeat these defaults.
WITHOUT_COPY = {"cellar_pypi_index_host", "cellar_pypi_files_host"}
COPIED = {name: value for name, value in DEFAULTS.items() if name not in WITHOUT_COPY}

# Settings that are lists of entries, by name, and every option of any depth by its dotted name.
ENTRIES: dict[str, dict[str, dict[str, Any]]] = {
    name: option["options"] for name, option in OPTIONS.items() if "options" in option
}
NESTED = {f"{name}.{key}": o for name, keys in ENTRIES.items() for key, o in keys.items()}


def test_defaults_and_specification_have_the_same_settings_in_the_same_order() -> None:
    assert list(DEFAULTS), "no settings found"
    assert list(OPTIONS) == list(DEFAULTS)


def test_defaults_and_specification_have_the_same_values() -> None:
    assert {name: o["default"] for name, o in OPTIONS.items() if "default" in o} == COPIED


def test_every_setting_has_prose_in_the_defaults() -> None:
    lines = DEFAULTS_FILE.read_text().splitlines()
    # At least a sentence, directly above the variable and not the heading of a section.
    above = {
        line.partition(":")[0]: lines[number - 1]
        for number, line in enumerate(lines)
        if line.startswith("cellar_")
    }

    assert list(above) == list(DEFAULTS)
    assert [name for name, line in above.items() if not re.fullmatch(r"# .*\w.*\.", line)] == []


def test_every_setting_has_a_type_and_sentences_in_the_specification() -> None:
    lists = {"cellar_indexes", "cellar_routes", "cellar_file_rules", "cellar_file_zones"}
    assert set(ENTRIES) == lists
    for name, option in (OPTIONS | NESTED).items():
        assert option["type"] in {"bool", "int", "list", "path", "str"}, name
        if option["type"] == "list":
            elements = {"dict"} if name in ENTRIES else {"int", "path", "str"}
            assert option["elements"] in elements, name
        assert option["description"], name
        assert [line for line in option["description"] if not line.endswith(".")] == [], name


def test_a_key_of_an_entry_is_required_or_has_a_default_that_is_allowed() -> None:
    """But for the one default that depends on another key."""
    for name, option in NESTED.items():
        given = {"required", "default"} & set(option)
        assert len(given) == (0 if name == "cellar_indexes.files" else 1), name
        assert option.get("required", True) is True, name
        if name == "cellar_file_rules.projects":
            assert option["default"] == ["*"]
        elif option.get("default") not in (None, "", 0, []):
            assert option["default"] in option["choices"], name


def test_passwords_are_never_logged() -> None:
    hidden = {name for name, option in NESTED.items() if option.get("no_log") is True}

    assert hidden == {"cellar_indexes.username", "cellar_indexes.password"}


def test_every_setting_has_a_shape_unless_its_type_or_choices_say_all() -> None:
    free = {
        name
        for name, o in (OPTIONS | NESTED).items()
        if o["type"] != "bool" and "choices" not in o and "options" not in o
    }

    assert set(SHAPES) == free
    assert set(SHAPES) > NEVER_EMPTY


def _entry(lines: list[str], indent: str) -> dict[str, Any]:
    """Return the entry that begins the lines, which are comments with `indent` before it."""
    block = itertools.takewhile(lambda line: line.startswith(f"#{indent}"), lines)
    (entry,) = yaml.safe_load("\n".join(line.removeprefix(f"#{indent}") for line in block))
    assert isinstance(entry, dict)
    return entry


@pytest.mark.parametrize("name", ENTRIES)
def test_the_defaults_show_an_entry_with_every_key_and_explain_each(name: str) -> None:
    lines = DEFAULTS_FILE.read_text().splitlines()
    end = lines.index(f"{name}: []")
    start = end - next(n for n, line in enumerate(reversed(lines[:end])) if not line)
    prose = lines[start:end]
    begin = next(n for n, line in enumerate(prose) if line.startswith("#   - "))
    explained = [key for line in prose for key in re.findall(r"`(\w+)`", _term(line))]

    assert list(_entry(prose[begin:], "   ")) == list(ENTRIES[name])
    assert [key for key in explained if key in ENTRIES[name]] == list(ENTRIES[name])


def _term(line: str) -> str:
    """Return the line if it is a term that the lines after it explain, else nothing."""
    return line if re.fullmatch(r"# `\w+`(, `\w+`)*", line) else ""


def test_the_example_shows_entries_with_every_key_that_can_be_used_as_they_are() -> None:
    lines = EXAMPLE.splitlines()
    entries = {name: [_entry(lines[lines.index(f"# {name}: []") + 1 :], "   ")] for name in ENTRIES}
    values = DEFAULTS | entries | {"cellar_server_names": ["cellar.example"]}
    values["cellar_ca_common_name"] = "Cellar CA"
    # A zone is for a rule that names it.
    storing = {"name": "torch", "answer": "store", "zone": "pinned"}
    values["cellar_file_rules"] = [*values["cellar_file_rules"], storing]

    assert {name: list(entry) for name, (entry,) in entries.items()} == {
        name: list(keys) for name, keys in ENTRIES.items()
    }
    assert setting_problems(values, {}, OPTIONS, datetime.now(UTC)) == []
    required = {f"{n}.{key}" for n, keys in ENTRIES.items() for key in keys if _required(n, key)}
    assert required == {n for n, option in NESTED.items() if option.get("required")}


def _required(name: str, key: str) -> bool:
    """Tell whether the example says that `key` is required."""
    _, _, block = EXAMPLE.partition(f"# {name}: []\n")
    found = re.search(rf"^# +(- )?{key}: .*", block, re.MULTILINE)
    assert found
    return "# required" in found[0]


def test_the_example_shows_every_setting_once_commented_with_a_hint_and_its_default() -> None:
    lines = EXAMPLE.splitlines()
    shown = [(number, line) for number, line in enumerate(lines) if line.startswith("# cellar_")]
    names = [line[2:].partition(":")[0] for _, line in shown]

    assert sorted(names) == sorted(DEFAULTS)
    assert [line for line in lines if line and not line.startswith("#") and line != "---"] == []
    assert [lines[n - 1] for n, _ in shown if not re.fullmatch(r"# .*\.", lines[n - 1])] == []
    uncommented = yaml.safe_load("\n".join(line[2:] for _, line in shown))
    assert uncommented == COPIED | dict.fromkeys(WITHOUT_COPY)


def test_the_example_shows_a_setting_where_it_belongs() -> None:
    """The settings of CI hosts are for their group, and no other one of the product is."""
    names = re.findall(r"(?m)^# (cellar_\w+):", EXAMPLES["runners"])

    assert names == re.findall(r"(?m)^# (cellar_runner_\w+):", EXAMPLE)


def _expressions(path: Path) -> str:
    """Return what Ansible evaluates: expressions of a template, all of a YAML file."""
    text = path.read_text()
    if path.suffix == ".j2":
        return "\n".join(re.findall(r"\{\{.*?\}\}|\{%.*?%\}", text, re.DOTALL))
    return text


def _used(prefix: str) -> dict[str, set[str]]:
    """Return the names with `prefix` that roles and playbooks use, with the files that do."""
    filters = {path.stem for path in (ROOT / "plugins/filter").glob("cellar_*.yml")}
    # What these say about a setting is no use of it; the role's vars derive values for all roles.
    views = [ROLE / part for part in ("defaults", "meta", "tasks")]
    used: dict[str, set[str]] = {}
    for tree in ("roles", "playbooks"):
        for path in sorted((ROOT / tree).rglob("*")):
            if path.suffix not in {".j2", ".yml"} or not set(views).isdisjoint(path.parents):
                continue
            for name in re.findall(rf"(?<![\w.$/-]){prefix}[a-z0-9_]+", _expressions(path)):
                if name not in filters:
                    used.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    return used


def test_roles_and_playbooks_use_no_setting_that_does_not_exist() -> None:
    assert {name: files for name, files in _used("cellar_").items() if name not in DEFAULTS} == {}


def test_every_setting_does_something() -> None:
    assert sorted(set(DEFAULTS) - set(_used("cellar_"))) == []


def test_every_value_derived_from_settings_is_used_and_every_used_one_is_derived() -> None:
    derived = yaml.safe_load((ROLE / "vars/main.yml").read_text())
    here = str((ROLE / "vars/main.yml").relative_to(ROOT))
    outside = {name for name, files in _used("__cellar_").items() if files - {here}}
    # A value may also be there for the others.
    inside = set(re.findall(r"\b__cellar_[a-z0-9_]+", json.dumps(list(derived.values()))))

    assert sorted(derived) == sorted(outside | inside)


def test_pypis_host_names_stand_in_the_defaults_and_nowhere_else_in_the_code() -> None:
    hosts = [DEFAULTS[name] for name in sorted(WITHOUT_COPY)]
    assert all(hosts)
    trees = ("inventory", "molecule", "playbooks", "plugins", "roles", "scripts", "src", "tests")
    found = [
        str(path.relative_to(ROOT))
        for tree in trees
        for path in sorted((ROOT / tree).rglob("*"))
        if path.is_file() and path != DEFAULTS_FILE and path.suffix != ".pyc"
        if any(host.encode() in path.read_bytes() for host in hosts)
    ]
    assert found == []


# Running the role. The ssh client is a script that writes down that it was called, so that a
# connection attempt cannot go unseen, and that never reaches anything.


@dataclass(frozen=True)
class Run:
    returncode: int
    output: str
    connected: bool


def run_role(
    directory: Path,
    hosts: dict[str, dict[str, Any]],
    *arguments: str,
    connection: str = "ssh",
    role: str = "settings",
    entry: str = "main",
) -> Run:
    """Run an entry of the role at the begin of a play, with inventory variables per host."""
    directory.mkdir(exist_ok=True)
    config = ROOT / "ansible.cfg"
    if role != "settings":
        # The neighbour of a playbook is where Ansible looks for collections, and nothing of the
        # checkout's configuration applies.
        config = directory / "ansible.cfg"
        config.write_text("[defaults]\ncallback_result_format = yaml\n")
        namespace = directory / "collections/ansible_collections/cellar"
        namespace.mkdir(parents=True)
        (namespace / "pypi").symlink_to(ROOT)
    calls = directory / "ssh-was-called"
    ssh = directory / "ssh"
    ssh.write_text(f"#!/bin/sh\necho called >> {calls}\nexit 255\n")
    ssh.chmod(0o755)
    common = {
        "ansible_connection": connection,
        "ansible_ssh_executable": str(ssh),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    inventory = {"appliances": {"hosts": hosts, "vars": common}}
    (directory / "hosts.yml").write_text(yaml.safe_dump(inventory))
    play = {
        "name": "Appliance",
        "hosts": "appliances",
        "gather_facts": False,
        "any_errors_fatal": True,
        "tasks": [
            {
                "name": "Begin",
                "ansible.builtin.import_role": {"name": role, "tasks_from": entry},
                "tags": ["always"],
            }
        ],
    }
    (directory / "play.yml").write_text(yaml.safe_dump([play]))
    command = [sys.executable, "-m", "ansible", "playbook", "--inventory"]
    command += [str(directory / "hosts.yml"), *arguments, str(directory / "play.yml")]
    environment = {name: v for name, v in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment |= {
        "ANSIBLE_CONFIG": str(config),
        "ANSIBLE_HOME": str(directory / "home"),
        "ANSIBLE_NOCOLOR": "1",
    }
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Run(done.returncode, done.stdout + done.stderr, calls.exists())


def test_good_settings_reach_the_connection_attempt(tmp_path: Path) -> None:
    run = run_role(tmp_path, {"host.invalid": {}})

    assert run.connected, run.output
    assert "UNREACHABLE" in run.output
    assert run.returncode != 0


WRONG = {
    "cellar_server_names": ["*.example"],
    "cellar_server_addresses": ["{{ an_address_that_nobody_defined }}"],
    "cellar_http_prot": 8080,
    "cellar_intercept": "yes",
    "cellar_indexes": [
        {"name": "acme", "url": "http://packages.acme.example/", "pasword": "hunter2"},
        {"name": "beta", "url": "https://beta.example/simple/", "password": ["hunter2"]},
    ],
    "cellar_routes": [{"project": ["acme"], "indexes": ["acme"]}],
    "cellar_file_rules": [{"name": "cooldown", "answer": "deny", "versions": 2}],
    "cellar_cache_dir": "{{ a_disk_that_nobody_defined }}",
    "cellar_certificate_source": "provided",
    "cellar_ca_common_name": "{{ 'Cellar' | a_filter_that_nobody_wrote }}",
    "cellar_log_days": 0,
}
REPORT = [
    "cellar_http_prot: is not a setting of Cellar; did you mean cellar_http_port?",
    'cellar_server_names: is a wildcard ("*.example"); ',
    "cellar_server_addresses: cannot be evaluated: 'an_address_that_nobody_defined' is undefined; ",
    'cellar_https_port: is not a whole number ("8443"); ',
    'cellar_intercept: is not true or false ("yes"); ',
    "cellar_indexes[0].pasword: is not a key of cellar_indexes; did you mean password?",
    "cellar_indexes[1].password: is not text; ",
    'cellar_indexes[0].url: is not an https URL ("http://packages.acme.example/"); ',
    "cellar_routes[0].project: is not a key of cellar_routes; did you mean projects?",
    "cellar_routes[0].projects: is missing; ",
    "cellar_file_rules[0].answer: is not allow or hide or refuse or store or stream or redirect",
    "cellar_file_rules[0].versions: is not text (2); ",
    "cellar_cache_dir: cannot be evaluated: 'a_disk_that_nobody_defined' is undefined; ",
    "cellar_ca_common_name: cannot be evaluated: Syntax error in template: No filter named ",
    "cellar_certificate_file: is empty, and cellar_certificate_source is provided; ",
    "cellar_certificate_key_file: is empty, and cellar_certificate_source is provided; ",
    "cellar_log_days: is not between 1 and 3650 (0); ",
]


@pytest.mark.parametrize(
    ("role", "arguments"),
    [
        ("settings", []),
        ("settings", ["--check", "--tags", "nothing"]),
        ("cellar.pypi.settings", []),
    ],
)
def test_all_wrong_settings_are_listed_in_one_run_and_no_host_is_contacted(
    tmp_path: Path, role: str, arguments: list[str]
) -> None:
    extra = ["--extra-vars", "cellar_https_port=8443", *arguments]

    run = run_role(tmp_path, {"host.invalid": WRONG}, *extra, role=role)

    assert not run.connected, run.output
    assert run.returncode != 0
    assert "unreachable=0" in run.output
    _, _, message = run.output.partition("msg: |-\n")
    lines = [line.strip() for line in message.partition("\n\n")[0].splitlines()]
    assert len(lines) == len(REPORT), run.output
    for line, expected in zip(lines, REPORT, strict=True):
        assert line.startswith(expected), run.output
    assert "hunter2" not in run.output


@pytest.mark.parametrize("role", ["settings", "cellar.pypi.settings"])
def test_wrong_settings_of_a_ci_host_are_listed_in_one_run_and_no_host_is_contacted(
    tmp_path: Path, role: str
) -> None:
    """Those of an appliance do not matter there: a CI host has other names, for one."""
    settings = {"cellar_runner_mode": "both", "cellar_runner_no_proxi": [], "cellar_log_days": 0}

    run = run_role(tmp_path, {"ci_1": settings}, role=role, entry="runner")

    assert not run.connected, run.output
    assert run.returncode != 0
    _, _, message = run.output.partition("msg: |-\n")
    lines = [line.strip() for line in message.partition("\n\n")[0].splitlines()]
    assert [line.partition(";")[0].partition(" (")[0] for line in lines] == [
        "cellar_runner_no_proxi: is not a setting of Cellar",
        "cellar_runner_mode: is not auto or index or proxy or intercept",
        "cellar_runner_address: is empty",
        "cellar_runner_server_name: is not a DNS name",  # by the host's name, in this inventory
    ], run.output


def test_good_settings_of_a_ci_host_contact_nobody_by_themselves(tmp_path: Path) -> None:
    run = run_role(
        tmp_path,
        {
            "ci_1": {
                "cellar_runner_address": "192.0.2.1",
                "cellar_runner_server_name": "cellar.example",
                "cellar_runner_appliance": "",
            }
        },
        entry="runner",
    )

    assert (run.returncode, run.connected) == (0, False), run.output


def test_an_appliance_that_the_inventory_does_not_have_is_refused(tmp_path: Path) -> None:
    settings = {
        "cellar_runner_address": "192.0.2.1",
        "cellar_runner_appliance": "cellar.example",
    }

    run = run_role(tmp_path, {"ci_1": settings}, entry="runner")

    assert (run.returncode == 0, run.connected) == (False, False)
    assert "the inventory has no host cellar.example" in run.output


def test_one_host_with_wrong_settings_keeps_all_hosts_from_being_contacted(tmp_path: Path) -> None:
    run = run_role(tmp_path, {"a.invalid": {}, "b.invalid": {"cellar_log_days": 0}})

    assert not run.connected, run.output
    assert run.returncode != 0
    assert "cellar_log_days: is not between 1 and 3650 (0); " in run.output


@pytest.mark.parametrize("role", ["settings", "cellar.pypi.settings"])
def test_a_host_with_a_port_in_use_and_a_small_disk_is_told_both_and_not_changed(
    tmp_path: Path, role: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        settings = {
            "cellar_intercept": False,
            "cellar_https_port": port,
            "cellar_http_port": 0,
            "cellar_cache_dir": str(tmp_path / "cache/cellar"),
            "cellar_files_max_size": "99999999g",
        }

        run = run_role(
            tmp_path,
            {"here": {}},
            "--extra-vars",
            json.dumps(settings),
            connection="local",
            role=role,
        )

    assert run.returncode != 0
    assert re.search(rf"port {port} is held by \S+ \(process {os.getpid()}\)", run.output), (
        run.output
    )
    assert re.search(rf"the file system of {tmp_path} has [\d.]+ GiB; lower the sizes", run.output)
    assert "changed=0" in run.output
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("role", ["settings", "cellar.pypi.settings"])
def test_a_host_whose_clients_would_lose_their_ca_is_told_so_and_not_changed(
    tmp_path: Path, role: str
) -> None:
    authority = tmp_path / "ca/here"
    authority.mkdir(parents=True)
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-keyout", f"{authority}/ca.key", "-out", f"{authority}/ca.pem"]
    command += ["-subj", "/CN=Cellar CA of here"]
    command += ["-addext", "nameConstraints = critical, permitted;DNS:here"]
    subprocess.run(command, check=True, capture_output=True)
    settings = {
        "cellar_intercept": False,
        "cellar_ca_key_location": "controller",
        "cellar_ca_controller_dir": str(tmp_path / "ca"),
        "cellar_server_names": ["here", "there.example"],
    }

    refused, wanted = (
        run_role(
            tmp_path / name,
            {"here": {**settings, "cellar_ca_reissue": name == "wanted"}},
            connection="local",
            role=role,
        )
        for name in ("refused", "wanted")
    )

    assert refused.returncode != 0
    assert "that they trust: it does not permit there.example; undo" in refused.output
    assert "changed=0" in refused.output
    assert "cellar_ca_reissue" not in wanted.output
