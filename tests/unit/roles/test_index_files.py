"""What the role `rewriter` writes for further indexes, tried on this machine in another folder."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

ROOT = Path(__file__).resolve().parents[3]
SECRET = "hunter2-{{ no }}"
VAULT_PASSWORD = "open sesame"


@dataclass
class Appliance:
    """Where the tasks run: folders in place of /etc/cellar and of /opt/cellar."""

    directory: Path

    @property
    def config(self) -> Path:
        return self.directory / "etc"

    def run(self, indexes: list[dict[str, Any]], *arguments: str) -> str:
        """Run the tasks on this machine, as the role has them, and return what Ansible says."""
        settings = {
            "cellar_indexes": indexes,
            "cellar_routes": [{"projects": [i["name"]], "indexes": [i["name"]]} for i in indexes],
        }
        variables = self.directory / "settings.yml"
        variables.write_text(yaml.dump(settings, Dumper=_Dumper))
        roles = ROOT / "roles"
        play = {
            "name": "Appliance",
            "hosts": "localhost",
            "gather_facts": False,
            "vars_files": [
                str(roles / "settings/defaults/main.yml"),
                str(roles / "settings/vars/main.yml"),
                str(roles / "rewriter/vars/main.yml"),
                str(variables),
            ],
            "vars": {
                "__cellar_config_dir": str(self.config),
                "__cellar_index_ca_dir": str(self.config / "indexes"),
                "__cellar_credentials_dir": str(self.config / "credentials"),
                "__rewriter_home": str(self.directory / "opt"),
                "__rewriter_release": str(self.directory / "opt/0123456789ab"),
            },
            "tasks": [
                {"import_role": {"name": "settings", "tasks_from": "check.yml"}},
                *(
                    {"include_tasks": str(roles / f"rewriter/tasks/{name}.yml")}
                    for name in ("indexes", "prune")
                ),
            ],
            "handlers": [
                {"name": name, "ansible.builtin.debug": {}}
                for name in ("Restart the rewriter", "Upstream's authorities changed")
            ],
        }
        path = self.directory / "play.yml"
        path.write_text(yaml.safe_dump([play]))
        command = [sys.executable, "-m", "ansible", "playbook", "--inventory", "localhost,"]
        command += ["--connection", "local", "--diff", "-vvv", *arguments, str(path)]
        command += ["--extra-vars", f"ansible_python_interpreter={sys.executable}"]
        # Extra variables win over the files of the role, as the play's own do not.
        for name, value in play["vars"].items():  # type: ignore[attr-defined] # it is a mapping
            command += ["--extra-vars", f"{name}={value}"]
        environment = {name: v for name, v in os.environ.items() if not name.startswith("ANSIBLE_")}
        environment |= {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.directory / "home"),
            "ANSIBLE_NOCOLOR": "1",
        }
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def files(self) -> dict[str, int]:
        """Return the mode of everything below the configuration folder."""
        return {
            str(path.relative_to(self.config)): stat.S_IMODE(path.stat().st_mode)
            for path in sorted(self.config.rglob("*"))
        }


class _Dumper(yaml.SafeDumper):
    """Writes what Ansible reads."""


class Vaulted(str):
    """A text as `ansible-vault encrypt_string` writes it."""

    __slots__ = ()


class Unsafe(str):
    """A text that is no template, whatever it looks like."""

    __slots__ = ()


_Dumper.add_representer(
    Vaulted, lambda dumper, text: dumper.represent_scalar("!vault", str(text), style="|")
)
_Dumper.add_representer(
    Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"')
)


@pytest.fixture
def appliance(tmp_path: Path) -> Appliance:
    for name in ("etc/public", "opt/0123456789ab"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc/public/ca.pem").touch()
    (tmp_path / "acme.pem").write_bytes(trustme.CA().cert_pem.bytes())
    return Appliance(tmp_path)


def index(appliance: Appliance, **changes: Any) -> dict[str, Any]:
    return {
        "name": "acme",
        "url": "https://packages.acme.example/simple/",
        "username": "ci",
        "password": Unsafe(SECRET),
        "ca_file": str(appliance.directory / "acme.pem"),
        **changes,
    }


OTHERS = {"public": 0o755, "public/ca.pem": 0o644}
ALL = {
    **OTHERS,
    "credentials": 0o700,
    "credentials/acme": 0o600,
    "indexes": 0o755,
    "indexes/acme-ca.pem": 0o644,
}


def handled(output: str) -> set[str]:
    return set(re.findall(r"^RUNNING HANDLER \[(.*?)\]", output, re.MULTILINE))


def changes(output: str) -> int:
    (count,) = re.findall(r"changed=(\d+)", output)
    return int(count)


def test_credentials_and_bundles_come_change_and_go(appliance: Appliance) -> None:
    """A second run changes nothing, and nothing stays that is not needed."""
    other = {"name": "beta", "url": "https://beta.example/simple/"}
    credential = appliance.config / "credentials/acme"

    output = appliance.run([index(appliance), other])
    assert appliance.files() == ALL
    assert credential.read_bytes() == f"ci:{SECRET}".encode()
    bundle = appliance.directory / "acme.pem"
    installed = appliance.config / "indexes/acme-ca.pem"
    assert installed.read_bytes() == bundle.read_bytes()
    assert handled(output) == {"Restart the rewriter", "Upstream's authorities changed"}
    assert SECRET not in output
    assert "the output has been hidden" in output

    output = appliance.run([index(appliance), other])
    assert (changes(output), handled(output)) == (0, set())

    output = appliance.run([index(appliance, password="new-secret"), other])
    assert credential.read_bytes() == b"ci:new-secret"
    assert handled(output) == {"Restart the rewriter"}
    assert "new-secret" not in output
    assert SECRET not in output

    bundle.write_bytes(trustme.CA().cert_pem.bytes())
    output = appliance.run([index(appliance, username="", password=""), other])
    assert installed.read_bytes() == bundle.read_bytes()
    assert handled(output) == {"Upstream's authorities changed"}
    assert appliance.files() == {
        **OTHERS,
        "indexes": 0o755,
        "indexes/acme-ca.pem": 0o644,
    }

    appliance.run([index(appliance, name="acme-2", ca_file="")])
    appliance.run([index(appliance, name="acme-3", ca_file="")])
    assert appliance.files() == {
        **OTHERS,
        "credentials": 0o700,
        "credentials/acme-3": 0o600,
    }

    appliance.run([other])
    assert appliance.files() == OTHERS


def test_a_password_can_be_encrypted_where_it_stands(appliance: Appliance) -> None:
    key = appliance.directory / "vault-password"
    key.write_text(VAULT_PASSWORD)
    command = [sys.executable, "-m", "ansible", "vault", "encrypt_string"]
    done = subprocess.run(
        [*command, "--vault-password-file", key, SECRET],
        env={**os.environ, "ANSIBLE_HOME": str(appliance.directory / "home")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    text = done.stdout.removeprefix("!vault |")
    encrypted = "".join(f"{line.strip()}\n" for line in text.splitlines() if line.strip())

    output = appliance.run(
        [index(appliance, password=Vaulted(encrypted))], "--vault-password-file", str(key)
    )

    assert (appliance.config / "credentials/acme").read_bytes() == f"ci:{SECRET}".encode()
    assert SECRET not in output
