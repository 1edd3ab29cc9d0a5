"""What is in the repository, and what must never be."""

from __future__ import annotations

import ipaddress
import re
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
DEFAULTS = "roles/settings/defaults/main.yml"

# RFC 2606, RFC 6761: names that are nobody's.
RESERVED = re.compile(
    r"(?:^|\.)(?:example|invalid|test|localhost|example\.(?:com|net|org))$", re.IGNORECASE
)
# The names of XML's namespaces look like addresses, and nobody asks there.
NAMESPACES = {"www.w3.org"}
URL = re.compile(r"https?://(?:[^\s/@\"'<>]*@)?(\[[0-9a-fA-F:.]+\]|[\w.-]+)", re.ASCII)


def files() -> list[str]:
    """Return what is tracked or would be: everything that git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found = [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
    assert DEFAULTS in found
    return sorted(set(found))


def is_prose(name: str) -> bool:
    """Return whether a file is for operators to read, or not of this project's making."""
    return name.startswith("docs/") or name.endswith(".md") or name == "LICENSE"


def test_pypis_host_names_stand_in_one_file_and_in_the_documentation() -> None:
    settings = yaml.safe_load((ROOT / DEFAULTS).read_text())
    hosts = [settings["cellar_pypi_index_host"], settings["cellar_pypi_files_host"]]
    assert all("." in host for host in hosts)
    code = [name for name in files() if not is_prose(name)]

    named = [n for n in code if any(h.encode() in (ROOT / n).read_bytes() for h in hosts)]
    assert named == [DEFAULTS]


def _is_nobodys(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        return "." not in host or host in NAMESPACES or bool(RESERVED.search(host))


def test_no_code_names_a_host_of_somebody() -> None:
    """A URL in code is one that somebody's machine may ask one day."""
    found = {
        (name, host)
        for name in files()
        if not is_prose(name)
        for host in URL.findall((ROOT / name).read_text(errors="replace"))
        if not _is_nobodys(host)
    }

    assert found == set()


def test_the_search_for_hosts_sees_one() -> None:
    # Put together here, so that this file does not name it either.
    scheme, host = "https:/", "registry.some-company.dev"

    assert URL.findall(f"ask {scheme}/user:pw@{host}:443/simple/") == [host]
    assert not _is_nobodys(host)
    assert not _is_nobodys("8.8.8.8")
    assert [
        h for h in ("index.example", "127.0.0.1", "[::1]", "rewriter") if not _is_nobodys(h)
    ] == []


def test_no_file_is_large() -> None:
    """Recordings and archives belong elsewhere; every clone has all of them for ever."""
    sizes = {name: (ROOT / name).stat().st_size for name in files()}

    assert {name: size for name, size in sizes.items() if size > 400_000} == {}


def test_no_key_and_no_vault_is_in_the_repository() -> None:
    secret = re.compile(
        rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}|[$]ANSIBLE_VAULT;"
    )

    assert [name for name in files() if secret.search((ROOT / name).read_bytes())] == []


def test_generated_files_are_ignored_by_git() -> None:
    folders = [".cellar/", ".venv/", "src/cellar/__pycache__/", ".pytest_cache/", ".mypy_cache/"]
    command = ["git", "check-ignore", *(f"{folder}file" for folder in folders)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.stdout.splitlines() == [f"{folder}file" for folder in folders]


def test_a_lint_rule_that_is_switched_off_has_its_reason_above_it() -> None:
    lines = (ROOT / ".ansible-lint").read_text().splitlines()
    settings = yaml.safe_load((ROOT / ".ansible-lint").read_text())
    off = [*settings.get("skip_list", []), *settings.get("warn_list", [])]

    assert (settings["profile"], settings["strict"]) == ("production", True)
    for rule in off:
        (number,) = (n for n, line in enumerate(lines) if line.strip() == f"- {rule}")
        assert re.fullmatch(r"\s*# .*\w.*\.", lines[number - 1]), rule


def test_a_lint_exception_in_a_file_has_its_reason_beside_or_above_it() -> None:
    without = []
    for name in files():
        if name.startswith(("roles/", "playbooks/", "molecule/")) and name.endswith(".yml"):
            lines = (ROOT / name).read_text().splitlines()
            for number, line in enumerate(lines):
                # The comment may stand above the whole task, whose name is the line before.
                above = [each.strip() for each in lines[max(0, number - 2) : number]]
                if "# noqa" in line and not any(each.startswith("# ") for each in above):
                    without.append(f"{name}:{number + 1}")

    assert without == []


def test_scripts_are_executable_and_shells_can_read_them() -> None:
    scripts = [
        name
        for name in files()
        if (ROOT / name).read_bytes().startswith(b"#!/bin/sh\n") and not name.endswith(".j2")
    ]
    assert {"scripts/lock", "roles/containers/files/build-image"} <= set(scripts)

    for name in scripts:
        done = subprocess.run(
            ["sh", "-n", ROOT / name], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), name
        assert (ROOT / name).stat().st_mode & 0o111, name
        body = [ln for ln in (ROOT / name).read_text().splitlines() if not ln.startswith("#")]
        assert body[0] == "set -eu", name
