"""What the other tests of this folder render is what Ansible would install."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from support.rendering import FACTS, ROOT, render, templates, variable_files

if TYPE_CHECKING:
    from pathlib import Path

# Makes nginx.conf take every other branch than the defaults do.
CHANGED = {
    "cellar_server_names": ["cache.ci.example", "cellar.example"],
    "cellar_server_addresses": ["192.0.2.10", "2001:db8::10"],
    "cellar_https_port": 8443,
    "cellar_http_port": 0,
    "cellar_intercept": False,
    "cellar_certificate_source": "provided",
    "cellar_upstream_contact": "ci@cellar.example",
    "__nginx_build": {"stderr": "nginx version: nginx/1.26.3"},
}
CASES: list[tuple[str, str, dict[str, Any]]] = [
    *((role, template, {}) for role, template in templates()),
    ("nginx", "nginx.conf.j2", CHANGED),
]


def _render_by_ansible(directory: Path) -> list[str]:
    """Run the template module on this machine for every case."""
    facts = {name: value for name, value in FACTS.items() if name.startswith("__")}
    roles = dict.fromkeys(role for role, _ in templates())
    tasks = [
        {
            "name": f"Render {role}/{template}",
            "ansible.builtin.template": {
                "src": str(ROOT / "roles" / role / "templates" / template),
                "dest": str(directory / f"case{number}"),
                "mode": "0600",
            },
            "vars": {"role_path": str(ROOT / "roles" / role), **facts, **settings},
        }
        for number, (role, template, settings) in enumerate(CASES)
    ]
    play = {
        "name": "Render",
        "hosts": FACTS["inventory_hostname"],
        "gather_facts": False,
        "vars_files": [str(p) for p in dict.fromkeys(f for r in roles for f in variable_files(r))],
        "tasks": tasks,
    }
    playbook = directory / "play.yml"
    playbook.write_text(yaml.safe_dump([play]))
    command = [sys.executable, "-m", "ansible", "playbook", "--connection", "local"]
    command += ["--inventory", f"{FACTS['inventory_hostname']},", str(playbook)]
    environment = {name: v for name, v in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment |= {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_HOME": str(directory / "home"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [(directory / f"case{number}").read_bytes().decode() for number in range(len(CASES))]


def test_rendering_here_and_by_the_template_module_gives_the_same_bytes(tmp_path: Path) -> None:
    here = [render(role, template, **settings) for role, template, settings in CASES]

    assert here[CASES.index(("nginx", "nginx.conf.j2", {}))] != here[-1], "CHANGED changes nothing"
    assert here == _render_by_ansible(tmp_path)


@pytest.mark.parametrize(("role", "template"), templates())
def test_an_installed_file_is_tidy(role: str, template: str) -> None:
    """Whoever opens it on the appliance is told that it is not theirs, and finds it readable."""
    text = render(role, template)
    lines = text.splitlines()

    assert "Ansible managed" in "\n".join(lines[:4])
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert [line for line in lines if line != line.rstrip()] == []
    assert "\n\n\n" not in text
    assert [line for line in lines if "{{" in line or "{%" in line] == []
