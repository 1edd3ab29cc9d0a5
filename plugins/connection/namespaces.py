"""A connection to a container on this machine by its namespaces, for trials and tests of Cellar."""

from __future__ import annotations

import subprocess
from typing import Any

from ansible.errors import (  # type: ignore[import-untyped] # ships no types
    AnsibleConnectionFailure,
)
from ansible_collections.community.docker.plugins.connection import (  # type: ignore[import-untyped] # likewise
    nsenter,
)

DOCUMENTATION = r"""
name: namespaces
short_description: Run tasks in a container that Podman has started as root on this machine
description:
  - Enters the namespaces of the container's first process.
    P(community.docker.nsenter#connection) does so too, for another purpose.
  - That takes 3 ms where C(podman exec) takes 220, and can pipeline.
  - A task finds what C(podman exec) would give it, and nothing of the controller's environment.
options:
  remote_addr:
    description: Name of the container.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
extends_documentation_fragment:
  - connection_pipelining
"""

_ENVIRONMENT = (
    "HOME=/root",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
)


class Connection(nsenter.Connection):  # type: ignore[misc] # see above
    """Enters a container by its name; see DOCUMENTATION."""

    transport = "namespaces"
    _connected: bool
    has_pipelining = True

    def _connect(self) -> Connection:
        """
        Find the container's first process.

        Raises:
            AnsibleConnectionFailure: there is no such container, or it does not run.

        """
        if not self._connected:
            name = self.get_option("remote_addr")
            inspect = ["podman", "inspect", "--format={{.State.Pid}}", name]
            done = subprocess.run(inspect, capture_output=True, text=True, check=False)  # noqa: S603 # ours
            if done.returncode != 0 or done.stdout.strip() == "0":
                said = done.stderr.strip() or "it does not run"
                raise AnsibleConnectionFailure(f"Container {name} cannot be entered: {said}")
            self._nsenter_pid = int(done.stdout)
            self._connected = True
        return self

    def exec_command(self, cmd: Any, in_data: Any = None, sudoable: bool = True) -> Any:  # noqa: FBT001, FBT002 # Ansible's
        """Run a command, a shell's line or a list of words, in the container."""
        clean = ("env", "-i", *_ENVIRONMENT)
        inside = f"{' '.join(clean)} {cmd}" if isinstance(cmd, str) else [*clean, *cmd]
        return super().exec_command(inside, in_data=in_data, sudoable=sudoable)
