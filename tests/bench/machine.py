"""A container under measurement: commands and files in it, its processes, its network."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bench.counters import processes_beside
from failure import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """A container on this machine, by its name and its address there."""

    name: str
    address: str

    def run(self, *command: str, given: str | None = None) -> str:
        """
        Run a command inside, `given` on its standard input, and return its output.

        Raises:
            Failure: it failed.

        """
        done = subprocess.run(
            ["podman", "exec", "--interactive", self.name, *command],
            input=given or "",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Failure(f"{self.name}: {' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def read(self, path: str) -> str:
        """Return the text of a file inside."""
        return self.run("cat", path)

    def write(self, path: str, text: str) -> None:
        """Write a file inside, and the folders above it."""
        self.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1"', "sh", path, given=text)

    def write_bytes(self, path: str, content: bytes) -> None:
        """Write a file of any bytes inside, and the folders above it."""
        self.write(f"{path}.hex", content.hex())
        code = "import sys; open(sys.argv[2], 'wb').write(bytes.fromhex(open(sys.argv[1]).read()))"
        self.run("python3", "-c", code, f"{path}.hex", path)

    def copy(self, content: Path, path: str) -> None:
        """
        Copy a file of this machine, of any size, to a path inside.

        Raises:
            subprocess.CalledProcessError: it cannot be had, or does not fit.

        """
        command = ["podman", "cp", str(content), f"{self.name}:{path}"]
        subprocess.run(command, capture_output=True, check=True)

    def processes(self, unit: str = "") -> list[int]:
        """Return the numbers of its processes, or of those of one systemd unit, outside of it."""
        found = processes_beside(self._first_process)
        return [process.pid for process in found if not unit or f"/{unit}\n" in process.group]

    def inside_its_network(self, command: Sequence[str]) -> list[str]:
        """
        Return `command` run on this machine, but in the network of the container.

        So what is measured is asked at a loopback address: no bridge, and no other machine, can
        ever be in the way of a load.
        """
        return ["nsenter", f"--net=/proc/{self._first_process}/ns/net", *command]

    @cached_property
    def _first_process(self) -> int:
        done = subprocess.run(
            ["podman", "inspect", "--format={{.State.Pid}}", self.name],
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.stdout.strip().isdigit():
            raise Failure(f"the container {self.name} is not there: {done.stderr.strip()}")
        return int(done.stdout)
