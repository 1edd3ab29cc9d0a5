"""The end of a run says whether the appliance works, changes nothing and stops nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
import yaml

ROOT = Path(__file__).resolve().parents[3]

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs the role here, with a stand-in for `cellar selftest`."""

    def play(
        said: str,
        status: int = 0,
        *,
        before: str = "",
        reissue: bool = False,
        rotation: str = "none",
    ) -> str:
        program = tmp_path / "cellar"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\nexit {status}\n")
        program.chmod(0o755)
        tasks = yaml.safe_load((ROOT / "roles/outcome/tasks/main.yml").read_text())
        (selftest,) = (t for t in tasks if t["name"] == "Run the self-test")
        selftest["ansible.builtin.command"]["argv"][0] = str(program)
        variables = {
            "__cellar_public_dir": str(tmp_path),
            "__cellar_offered_ca": before,
            "cellar_ca_reissue": reissue,
            "cellar_ca_rotation": rotation,
            **yaml.safe_load((ROOT / "roles/outcome/vars/main.yml").read_text()),
        }
        book = {"hosts": "localhost", "gather_facts": False, "any_errors_fatal": True}
        book |= {"vars": variables, "tasks": tasks}
        (tmp_path / "play.yml").write_text(yaml.safe_dump([book]))
        environment = {n: v for n, v in os.environ.items() if not n.startswith("ANSIBLE_")}
        environment |= {"ANSIBLE_HOME": str(tmp_path / "home"), "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "ansible", "playbook", str(tmp_path / "play.yml")],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "changed=0" in done.stdout
        return done.stdout

    return play


def test_the_lines_of_the_self_test_are_shown(run: Run) -> None:
    output = run("ok    disk: 80.5 GB are free in /var/cache/cellar")

    assert "ok    disk: 80.5 GB are free" in output
    assert "ignored=0" in output
    assert "self-test failed" not in output


def test_a_self_test_that_fails_is_said_and_counted_and_does_not_fail_the_run(run: Run) -> None:
    output = run("FAIL  upstream: no answer; look at it\nskip  page: needs upstream", 1)

    assert "The self-test failed: upstream: no answer; look at it. To test again" in output
    assert "ignored=1" in output
    assert "failed=0" in output


def fingerprint(authority: trustme.CA, tmp_path: Path) -> str:
    """Return what operators compare, as OpenSSL writes it."""
    authority.cert_pem.write_to_path(tmp_path / "one.pem")
    command = ["openssl", "x509", "-in", str(tmp_path / "one.pem"), "-noout", "-fingerprint"]
    said = subprocess.run([*command, "-sha256"], capture_output=True, text=True, check=True)
    return said.stdout.strip().partition("=")[2]


@pytest.mark.parametrize(("reissue", "advice"), [(True, "every client trust"), (False, "go on")])
def test_a_ca_certificate_that_changed_is_shown_by_both_fingerprints(
    run: Run,
    tmp_path: Path,
    reissue: bool,  # noqa: FBT001 a parameter of the test
    advice: str,
) -> None:
    old, new = trustme.CA(), trustme.CA()
    new.cert_pem.write_to_path(tmp_path / "ca.pem")

    output = " ".join(run("", before=old.cert_pem.bytes().decode(), reissue=reissue).split())

    assert fingerprint(old, tmp_path) in output
    assert fingerprint(new, tmp_path) in output
    assert advice in output


def test_a_ca_certificate_that_did_not_change_is_not_worth_a_word(run: Run, tmp_path: Path) -> None:
    authority = trustme.CA().cert_pem
    authority.write_to_path(tmp_path / "ca.pem")

    assert "fingerprint" not in run("", before=authority.bytes().decode())


@pytest.mark.parametrize(
    ("rotation", "advice"),
    [("prepare", "then run with cellar_ca_rotation=switch"), ("switch", "cellar_ca_rotation=none")],
)
def test_a_step_of_a_rotation_says_which_certificates_are_offered_and_what_comes_next(
    run: Run, tmp_path: Path, rotation: str, advice: str
) -> None:
    first, second = trustme.CA(), trustme.CA()
    (tmp_path / "ca.pem").write_bytes(first.cert_pem.bytes() + second.cert_pem.bytes())

    output = run("", before=first.cert_pem.bytes().decode(), rotation=rotation)
    output = " ".join(output.split())

    both = f"{fingerprint(first, tmp_path)} and {fingerprint(second, tmp_path)}"
    assert f"offered two CA certificates, {both} (SHA-256)" in output
    assert advice in output
    assert "issued anew" not in output
