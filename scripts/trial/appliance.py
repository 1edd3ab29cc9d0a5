"""The appliance of a trial: a container on this machine, converged by the production playbook."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shlex
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from demonstration import Demonstration
from failure import Failure
from playbook import run_playbook

if TYPE_CHECKING:
    from screen import Screen

_ROOT = Path(__file__).resolve().parents[2]
_INVENTORY = "inventory/local"
_HOST = "cellar-local"
_NOTES = "/etc/cellar-trial.json"

# What a converged appliance is made of: when none of this changed, there is nothing to converge.
_SOURCES = ["inventory/local", "playbooks", "plugins", "requirements/appliance.txt", "roles", "src"]


# What a shell needs to use the appliance.
_ENV = """\
# Source this file: `. .cellar/env`. Written by `make up`.
export CELLAR_INDEX_URL={index_url}
# This machine's own roots and the appliance's CA.
export CELLAR_CA_BUNDLE={ca_bundle}
# This machine's hosts file, with PyPI's two names leading to the appliance.
export CELLAR_HOSTS={hosts}

# Runs a command that trusts the appliance, whatever this machine's own settings are.
cellar_trust() {{
    env SSL_CERT_FILE="$CELLAR_CA_BUNDLE" REQUESTS_CA_BUNDLE="$CELLAR_CA_BUNDLE" \\
        CURL_CA_BUNDLE="$CELLAR_CA_BUNDLE" PIP_CERT="$CELLAR_CA_BUNDLE" \\
        PIP_CONFIG_FILE=/dev/null "$@"
}}

# Runs a command for which PyPI's two names lead to the appliance; for nothing else they do.
cellar_intercept() {{
    cellar_trust unshare --mount \\
        sh -c 'mount --bind "$CELLAR_HOSTS" /etc/hosts && exec "$@"' sh "$@"
}}
"""


class Trial:
    """The container, and the files below `.cellar` that tell a shell how to use it."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._work = _ROOT / ".cellar"
        self.env = self._work / "env"
        self.ca_bundle = self._work / "ca-bundle.pem"
        self.hosts = self._work / "hosts"
        settings = yaml.safe_load((_ROOT / _INVENTORY / "group_vars/appliances.yml").read_text())
        self.address: str = settings["cellar_server_addresses"][0]
        self.index_url = f"https://{self.address}/simple/"

    def is_current(self) -> bool:
        """Whether the appliance runs and was converged here, from the sources as they are now."""
        ours = self._running() and self._owner() == str(_ROOT)
        return ours and self._notes().get("sources") == self._sources()

    def converge(self) -> None:
        """
        Make the container and converge it; a new one that fails is removed again.

        Raises:
            Failure: a task failed.

        """
        before = self._identity()
        sources = self._sources()
        owner = self._owner()
        if owner not in {"", str(_ROOT)}:
            self._screen.say(f"Taking over {_HOST} of {owner}.")
        notes = self._notes()
        self._write_notes(notes | {"sources": ""})
        try:
            run_playbook(
                _INVENTORY, "playbooks/containers/create.yml", self._work / "up.log", self._screen
            )
            self._say_trust()
            run_playbook(_INVENTORY, "playbooks/appliance.yml", self._work / "up.log", self._screen)
        except (Failure, KeyboardInterrupt):
            if self._identity() != before:
                self.remove()
            raise
        # A new container has nothing to show yet.
        kept = notes if self._identity() == before else {}
        self._write_notes(kept | {"sources": sources})

    def require_ours(self) -> None:
        """
        Refuse to go on with the container of another checkout.

        Raises:
            Failure: it is another's, and that one is still there.

        """
        owner = self._owner()
        if owner not in {"", str(_ROOT)} and Path(owner).is_dir():
            raise Failure(
                f"{_HOST} is the appliance of {owner}: run `make down` there, or `make up` here to "
                "take it over first"
            )

    def remove(self) -> None:
        """Remove the container, its network and the files that led to it; the base image stays."""
        if self._identity():
            run_playbook(
                _INVENTORY,
                "playbooks/containers/destroy.yml",
                self._work / "down.log",
                self._screen,
            )
        for path in (self.env, self.ca_bundle, self.hosts):
            path.unlink(missing_ok=True)

    def selftest(self) -> None:
        """
        Run `cellar selftest` on the appliance and show it.

        Raises:
            Failure: a check failed.

        """
        result = self._podman("exec", _HOST, "cellar", "selftest")
        self._screen.say(result.stdout.rstrip())
        if result.returncode != 0:
            reason = result.stderr.strip() or "see the lines above"
            raise Failure(f"the appliance does not pass its own test: {reason}")

    def demonstration(self) -> Demonstration | None:
        """Return the demonstration of this container, if there was one."""
        known = self._notes().get("demonstration")
        return Demonstration.from_json(known) if known else None

    def keep(self, demonstration: Demonstration) -> Demonstration:
        """Keep a demonstration for the next `make up`, when all will be in the cache already."""
        self._write_notes(self._notes() | {"demonstration": demonstration.to_json()})
        return demonstration

    def log(self, name: str) -> list[dict[str, Any]]:
        """Return one of the appliance's logs ("access", "upstream"), one dictionary a line."""
        log = self._podman("exec", _HOST, "cat", f"/var/log/cellar/{name}.log").stdout
        return [json.loads(line) for line in log.splitlines()]

    def empty_cache(self) -> None:
        """Remove everything that the appliance has cached."""
        zones = [f"/var/cache/cellar/{zone}/*" for zone in ("pages", "metadata", "files")]
        steps = ["systemctl stop nginx", f"rm -rf {' '.join(zones)}", "systemctl start nginx"]
        self._podman("exec", _HOST, "sh", "-c", " && ".join(steps))

    def intercepted(self, command: list[str]) -> list[str]:
        """Return `command` run where PyPI's two names lead to the appliance, and only there."""
        override = f"mount --bind {shlex.quote(str(self.hosts))} /etc/hosts"
        return ["unshare", "--mount", "sh", "-c", f'{override} && exec "$@"', "sh", *command]

    def write_env(self) -> None:
        """Write `.cellar/env` and the files that it names."""
        ca = self._podman("exec", _HOST, "cat", "/etc/cellar/public/ca.pem").stdout
        roots = Path(self._system_bundle()).read_text()
        self.ca_bundle.write_text(f"{roots.rstrip()}\n{ca}")
        override = "".join(f"{self.address} {name}\n" for name in self._pypi_names())
        self.hosts.write_text(f"{Path('/etc/hosts').read_text().rstrip()}\n{override}")
        self.env.write_text(
            _ENV.format(
                index_url=shlex.quote(self.index_url),
                ca_bundle=shlex.quote(str(self.ca_bundle)),
                hosts=shlex.quote(str(self.hosts)),
            )
        )

    @staticmethod
    def _system_bundle() -> str:
        return os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")

    def _pypi_names(self) -> list[str]:
        defaults = yaml.safe_load((_ROOT / "roles/settings/defaults/main.yml").read_text())
        return [defaults["cellar_pypi_index_host"], defaults["cellar_pypi_files_host"]]

    def _say_trust(self) -> None:
        self._screen.say(
            "The appliance will trust upstream by this machine's own bundle, "
            f"{self._system_bundle()}."
        )

    # What is known of the container is in it: the next `make up` may be another checkout's, and
    # Podman's labels cannot change. playbooks/containers/create.yml writes whose it is.
    def _owner(self) -> str:
        return self._read("/etc/cellar-checkout").strip()

    def _notes(self) -> dict[str, str]:
        notes: dict[str, str] = json.loads(self._read(_NOTES) or "{}")
        return notes

    def _write_notes(self, notes: dict[str, str]) -> None:
        self._podman(
            "exec", _HOST, "sh", "-c", f'printf %s "$1" > {_NOTES}', "sh", json.dumps(notes)
        )

    def _read(self, path: str) -> str:
        """Return a file of the container, which may be stopped; empty if it is not there."""
        result = self._podman("cp", f"{_HOST}:{path}", "-")
        if result.returncode != 0:
            return ""
        with tarfile.open(fileobj=io.BytesIO(result.stdout.encode())) as archive:
            file = archive.extractfile(archive.getmembers()[0])
            return file.read().decode() if file else ""

    def _identity(self) -> str:
        return self._podman("container", "inspect", _HOST, "--format", "{{.Id}}").stdout.strip()

    def _running(self) -> bool:
        return (
            self._podman(
                "container", "inspect", _HOST, "--format", "{{.State.Running}}"
            ).stdout.strip()
            == "true"
        )

    @staticmethod
    def _podman(*arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                ["podman", *arguments], capture_output=True, text=True, check=False
            )
        except FileNotFoundError:  # not installed yet: there is no container either
            return subprocess.CompletedProcess(
                arguments, returncode=127, stdout="", stderr="podman is not installed"
            )

    @staticmethod
    def _sources() -> str:
        digest = hashlib.sha256()
        for source in _SOURCES:
            place = _ROOT / source
            files = sorted(place.rglob("*")) if place.is_dir() else [place]
            for file in files:
                if file.is_file() and "__pycache__" not in file.parts:
                    digest.update(f"{file.relative_to(_ROOT)}\0".encode())
                    digest.update(file.read_bytes())
        return digest.hexdigest()
