"""Templates of the roles, rendered by Ansible's own engine as its template action does it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.parsing.dataloader import (  # type: ignore[import-untyped] # Ansible ships no types
    DataLoader,
)
from ansible.plugins.loader import init_plugin_loader  # type: ignore[import-untyped] # likewise
from ansible.template import (  # type: ignore[import-untyped] # likewise
    Templar,
    generate_ansible_template_vars,
    trust_as_template,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]

# What a play finds out before it renders; a test's own variables replace it.
FACTS: Mapping[str, Any] = {
    "inventory_hostname": "cellar.example",
    "__nginx_if_inet6": {"stat": {"exists": True}},
    "__nginx_build": {"stderr": "nginx version: nginx/1.22.1"},
    "__rewriter_digest": "0123456789ab",
    "__containers_nofile": 1024,
    "__containers_nproc": 4096,
}


def variable_files(role: str) -> list[Path]:
    """Return the files that a template of `role` takes its variables from, weakest first."""
    files = [
        ROOT / "roles" / name / kind / "main.yml"
        for name in ("settings", role)
        for kind in ("defaults", "vars")
    ]
    return [path for path in dict.fromkeys(files) if path.exists()]


def templates() -> list[tuple[str, str]]:
    """Return role and name of every template that a role installs."""
    found = sorted((ROOT / "roles").glob("*/templates/*.j2"))
    return [(path.parts[-3], path.name) for path in found]


def render(role: str, template: str, **variables: Any) -> str:
    """
    Return what the template action would write, byte for byte.

    `variables` win over the roles' own defaults and vars, as extra variables do. Undefined ones and
    every other mistake of a template raise Ansible's AnsibleError.
    """
    return render_text(role, (_folder(role) / template).read_text(), **variables)


def render_text(role: str, text: str, **variables: Any) -> str:
    """Return `text` rendered as if it were a template of `role`; see `render`."""
    load_plugins()
    loader = DataLoader()
    loader.set_basedir(str(ROOT))
    known: dict[str, Any] = dict(FACTS)
    for path in variable_files(role):
        known |= loader.load_from_file(str(path), trusted_as_template=True) or {}
    metadata = generate_ansible_template_vars(str(_folder(role)))
    known |= {"role_path": str(_folder(role).parent), **metadata, **variables}
    templar = Templar(loader=loader, variables=known).copy_with_new_env(
        searchpath=[str(_folder(role))], available_variables=known
    )
    # The action's own defaults; a template's `#jinja2:` line is obeyed by the engine itself.
    settings = {"trim_blocks": True, "lstrip_blocks": False, "newline_sequence": "\n"}
    return str(
        templar.template(trust_as_template(text), escape_backslashes=False, overrides=settings)
    )


def _folder(role: str) -> Path:
    return ROOT / "roles" / role / "templates"


@cache
def load_plugins() -> None:
    """Let Ansible find its plugins; it can be told so once in a process."""
    init_plugin_loader()
