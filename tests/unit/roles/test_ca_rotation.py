"""A new CA takes the place of the old one, and no client fails on any day of it."""

from __future__ import annotations

import grp
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import yaml

from support.rendering import ROOT, variable_files

if TYPE_CHECKING:
    from pathlib import Path

OLD_NAME, NEW_NAME = "cellar.example", "cache.example"


@dataclass(frozen=True)
class Appliance:
    """The role's tasks for an own CA, run here in folders of the test's own."""

    root: Path

    @property
    def offered(self) -> str:
        """What clients may fetch."""
        return (self.root / "public/ca.pem").read_text()

    def run(self, rotation: str, *names: str) -> None:
        tasks = ["settings/tasks/authority.yml", "certificates/tasks/own_ca.yml"]
        tasks += ["certificates/tasks/fingerprint.yml"]
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "vars_files": [str(path) for path in variable_files("certificates")],
            "tasks": [
                {"ansible.builtin.import_tasks": str(ROOT / "roles" / path)} for path in tasks
            ],
            "handlers": [
                {"name": "Server certificate changed", "ansible.builtin.meta": "noop"},
            ],
        }
        (self.root / "play.yml").write_text(yaml.safe_dump([play]))
        for folder in ("public", "tls"):
            (self.root / folder).mkdir(exist_ok=True)
        variables = {
            "cellar_ca_rotation": rotation,
            "cellar_ca_common_name": "Cellar CA",
            "cellar_server_names": list(names),
            "cellar_intercept": False,
            "__cellar_ca_host": "localhost",
            "__cellar_ca_dir": str(self.root / "ca"),
            "__cellar_public_dir": str(self.root / "public"),
            "__cellar_certificate": str(self.root / "tls/server.pem"),
            "__cellar_certificate_key": str(self.root / "tls/server.key"),
            "__cellar_engine_user": grp.getgrgid(os.getgid()).gr_name,
        }
        environment = {n: v for n, v in os.environ.items() if not n.startswith("ANSIBLE_")}
        environment |= {
            "ANSIBLE_HOME": str(self.root / "home"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        }
        command = [sys.executable, "-m", "ansible", "playbook", "--connection", "local"]
        command += ["--extra-vars", json.dumps(variables), str(self.root / "play.yml")]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def is_trusted(self, bundle: str, name: str) -> bool:
        """Tell whether a client that trusts `bundle` takes the appliance for the host `name`."""
        trusted = self.root / "bundle.pem"
        trusted.write_text(bundle)
        command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver"]
        command += ["-verify_hostname", name, "-CAfile", str(trusted)]
        command += ["-no-CApath", "-no-CAstore", str(self.root / "tls/server.pem")]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def appliance(tmp_path: Path) -> Appliance:
    return Appliance(tmp_path)


def test_no_client_fails_while_a_new_ca_takes_the_place_of_the_old_one(
    appliance: Appliance,
) -> None:
    appliance.run("none", OLD_NAME)
    old = appliance.offered
    assert appliance.is_trusted(old, OLD_NAME)

    appliance.run("prepare", OLD_NAME, NEW_NAME)
    both = appliance.offered
    assert (both.startswith(old), both.count("BEGIN CERTIFICATE")) == (True, 2)
    assert appliance.is_trusted(old, OLD_NAME), "those who heard of nothing go on"
    assert appliance.is_trusted(both, OLD_NAME)
    fingerprints = (appliance.root / "public/ca.pem.sha256").read_text().splitlines()
    assert len(set(fingerprints)) == 2

    appliance.run("prepare", OLD_NAME, NEW_NAME)
    assert appliance.offered == both, "a second run prepares no third one"

    appliance.run("switch", OLD_NAME, NEW_NAME)
    new = both.removeprefix(old)
    assert appliance.is_trusted(both, OLD_NAME)
    assert appliance.is_trusted(both, NEW_NAME)
    assert appliance.is_trusted(new, NEW_NAME)
    assert not appliance.is_trusted(old, OLD_NAME), "the old one signs no more"
    assert appliance.offered == new + old

    appliance.run("switch", OLD_NAME, NEW_NAME)
    assert appliance.offered == new + old, "a second run switches nothing back"
    assert appliance.is_trusted(new, NEW_NAME)

    appliance.run("none", OLD_NAME, NEW_NAME)
    assert appliance.offered == new
    assert appliance.is_trusted(new, NEW_NAME)
    assert sorted(path.name for path in (appliance.root / "ca").iterdir()) == ["ca.key", "ca.pem"]


def test_a_ca_that_was_prepared_can_be_taken_back(appliance: Appliance) -> None:
    appliance.run("none", OLD_NAME)
    old = appliance.offered
    appliance.run("prepare", OLD_NAME)

    appliance.run("none", OLD_NAME)

    assert appliance.offered == old
    assert appliance.is_trusted(old, OLD_NAME)
    assert sorted(path.name for path in (appliance.root / "ca").iterdir()) == ["ca.key", "ca.pem"]


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_switch_that_was_interrupted_is_finished_whatever_the_next_run_is_told(
    appliance: Appliance, moved: int
) -> None:
    """The old CA is kept already, and `moved` of the new one's two files are in their place."""
    appliance.run("none", OLD_NAME)
    old = appliance.offered
    appliance.run("prepare", OLD_NAME)
    new = appliance.offered.removeprefix(old)
    authority = appliance.root / "ca"
    (authority / "previous").mkdir(mode=0o700)
    for name in ("ca.key", "ca.pem"):
        shutil.copy2(authority / name, authority / "previous" / name)
    for name in ("ca.key", "ca.pem")[:moved]:
        (authority / "next" / name).rename(authority / name)

    appliance.run("none", OLD_NAME)

    assert appliance.offered == new
    assert appliance.is_trusted(new, OLD_NAME)
