"""What all pods of a Kubernetes node are made from, in a config.toml that others have written."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from cellar_runner import routing
from cellar_runner.refusal import Refusal
from unit.runner.conftest import install_settings, settings_of
from unit.runner.trees import snapshot, write

if TYPE_CHECKING:
    from cellar_runner.host import Host
    from unit.runner.conftest import Appliance

BUNDLE = "/etc/cellar-runner/ca-bundle.pem"
CONFIG = "/etc/containerd/config.toml"
SPEC = "/etc/containerd/cellar-runner.json"
RESTART = ("systemctl", "try-restart", "containerd.service")

# As `ctr oci spec` of containerd 1.6 prints it, with fewer mounts.
DEFAULT: dict[str, Any] = {
    "ociVersion": "1.0.2-dev",
    "process": {
        "user": {"uid": 0, "gid": 0},
        "cwd": "/",
        "capabilities": {"bounding": ["CAP_CHOWN"]},
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
        "noNewPrivileges": True,
        "apparmorProfile": "some",
    },
    "root": {"path": "rootfs"},
    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
    "linux": {"cgroupsPath": "/default", "seccomp": {}, "namespaces": [{"type": "pid"}]},
}

# As Debian's package has it.
DEBIAN = """\
version = 2

[plugins]
  [plugins."io.containerd.grpc.v1.cri"]
    [plugins."io.containerd.grpc.v1.cri".cni]
      bin_dir = "/usr/lib/cni"
      conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.internal.v1.opt"]
    path = "/var/lib/containerd"
"""
DEBIAN_AFTER = f"""{DEBIAN}
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
base_runtime_spec = "{SPEC}"
"""

# In parts as `containerd config default` writes it, and as others add to it.
NODE = """\
version = 2 # since 2021
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.corp.example/pause:3.9"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      base_runtime_spec = ""   # none
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = true
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
      base_runtime_spec = ""   # none
      runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata]
      runtime_type = "io.containerd.kata.v2"
[debug]
  level = "info"
"""
NODE_AFTER = NODE.replace('= ""   #', f'= "{SPEC}"   #').replace(
    '      runtime_type = "io.containerd.kata.v2"\n',
    f'      runtime_type = "io.containerd.kata.v2"\n      base_runtime_spec = "{SPEC}"\n',
)

V3 = """\
version = 3
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  base_runtime_spec = ''
  runtime_type = 'io.containerd.runc.v2'
"""


def ctr(host: Host, answer: str = json.dumps(DEFAULT)) -> None:
    """Let the host have a client of containerd that writes down that it was asked."""
    script = f'#!/bin/sh\necho "$@" >>{host.path("/asked")}\ncat <<"END"\n{answer}\nEND\n'
    write(host.path("/usr/bin/ctr"), script, 0o755)


@pytest.fixture
def node(host: Host) -> Host:
    """Return a host with containerd as Debian installs it."""
    write(host.path("/usr/bin/containerd"), "#!/bin/sh\n", 0o755)
    write(host.path(CONFIG), DEBIAN)
    ctr(host)
    return host


@pytest.fixture
def settings(appliance: Appliance) -> dict[str, Any]:
    return settings_of(appliance, mode="index", containerd=True)


def config(host: Host) -> str:
    return host.path(CONFIG).read_text()


def applied(host: Host, settings: dict[str, Any], **changes: Any) -> tuple[str, ...]:
    install_settings(host, {**settings, **changes})
    return routing.apply(host).notes


def test_nothing_of_containerds_is_touched_or_asked_unless_the_settings_say_so(
    node: Host, settings: dict[str, Any], commands: list[tuple[str, ...]]
) -> None:
    before = snapshot(node.path("/etc/containerd"))
    del settings["containerd"]

    applied(node, settings)

    assert snapshot(node.path("/etc/containerd")) == before
    assert not node.has("/asked")
    assert RESTART not in commands


def test_pods_get_the_payload_the_certificates_no_route_and_else_what_they_had(
    node: Host, settings: dict[str, Any]
) -> None:
    applied(node, settings)

    spec = json.loads(node.path(SPEC).read_text())
    assert sorted(spec["process"].pop("env")) == [
        f"CURL_CA_BUNDLE={BUNDLE}",
        f"PIP_CERT={BUNDLE}",
        f"REQUESTS_CA_BUNDLE={BUNDLE}",
        f"SSL_CERT_FILE={BUNDLE}",
    ]
    proc, *ours = spec.pop("mounts")
    assert proc == DEFAULT["mounts"][0]
    # Folders, since a mount of a file goes on to be the file that was there at its beginning.
    assert [(mount["source"], mount["destination"], mount["options"]) for mount in ours] == [
        ("/etc/cellar-runner", "/etc/cellar-runner", ["rbind", "rprivate", "ro"]),
        ("/etc/cellar-runner", "/etc/xdg/pip", ["rbind", "rprivate", "ro"]),
    ]
    assert "127.0.0.1" not in node.path(SPEC).read_text()
    # What containerd takes out of its own specification, and not out of one that it is given.
    assert spec == {
        "ociVersion": "1.0.2-dev",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "cwd": "/",
            "capabilities": {"bounding": ["CAP_CHOWN"]},
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs"},
        "linux": {"cgroupsPath": "/default", "namespaces": [{"type": "pid"}]},
    }


def test_pods_get_no_variables_where_the_certificate_is_publicly_trusted(
    node: Host, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "try_doors", lambda *_: None)
    applied(node, settings, authorities=[])

    assert json.loads(node.path(SPEC).read_text())["process"]["env"] == []


@pytest.mark.parametrize(
    ("base", "after"),
    [
        (DEBIAN, DEBIAN_AFTER),
        (NODE, NODE_AFTER),
        (V3, V3.replace("''", f'"{SPEC}"', 1)),
        (V3.replace("3", "4", 1), V3.replace("3", "4", 1).replace("''", f'"{SPEC}"', 1)),
        ("# nothing\n", None),
        (None, None),
    ],
    ids=["Debian", "node", "version 3", "version 4", "comment", "none"],
)
def test_every_runtime_gets_it_and_the_file_is_byte_for_byte_what_it_was_afterwards(
    node: Host,
    settings: dict[str, Any],
    commands: list[tuple[str, ...]],
    base: str | None,
    after: str | None,
) -> None:
    node.path(CONFIG).unlink()
    if base is not None:
        write(node.path(CONFIG), base)
    before = snapshot(node.path("/etc/containerd"))

    applied(node, settings)

    if after is not None:
        assert config(node) == after
    else:
        assert config(node).startswith(base or "version")
        made = tomllib.loads(config(node))
        (runtimes,) = (plugin["containerd"]["runtimes"] for plugin in made.pop("plugins").values())
        assert made == {"version": 2}
        assert runtimes == {
            "runc": {"runtime_type": "io.containerd.runc.v2", "base_runtime_spec": SPEC}
        }
    assert commands.count(RESTART) == 1
    applied(node, settings)
    assert commands.count(RESTART) == 1, "nothing has changed"
    routing.remove(node)
    assert snapshot(node.path("/etc/containerd")) == before
    assert commands.count(RESTART) == 2


def test_what_others_have_changed_meanwhile_stays_when_ours_goes(
    node: Host, settings: dict[str, Any]
) -> None:
    write(node.path(CONFIG), NODE)
    applied(node, settings)
    write(node.path(CONFIG), config(node).replace('"info"', '"debug"'))

    routing.remove(node)

    assert config(node) == NODE.replace('"info"', '"debug"')


def test_a_runtime_with_a_base_specification_keeps_it_and_that_is_said(
    node: Host, settings: dict[str, Any]
) -> None:
    runc, nvidia = NODE.split("runtimes.nvidia]")
    own = runc + "runtimes.nvidia]" + nvidia.replace('""', '"/etc/corp.json"', 1)
    write(node.path(CONFIG), own)

    (note,) = applied(node, settings)

    place = "plugins.io.containerd.grpc.v1.cri.containerd.runtimes.nvidia.base_runtime_spec"
    assert note.endswith(f"/config.toml sets {place} itself and gets nothing of ours")
    assert config(node).count('base_runtime_spec = "/etc/corp.json"') == 1
    assert config(node).count(f'base_runtime_spec = "{SPEC}"') == 2


CRI = 'plugins."io.containerd.grpc.v1.cri"'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[grpc]\n  uid = 0\n", "is of version 1, and versions 2, 3, 4 are known here"),
        ("version = 9\n", "is of version 9, and versions 2, 3, 4"),
        ('version = "2"\n', "is of version '2', and versions 2, 3, 4"),
        ("version = 2\n[grpc\n", ", line 2, is not TOML: "),
        ('version = 2\ndisabled_plugins = ["cri"]\n', "disables cri, by which pods are started"),
        (f"version = 2\n[{CRI}]\nenable_selinux = true\n", "sets enable_selinux, and pods could"),
        ('version = 2\nimports = ["more/*.toml"]\n', "more/gpu.toml has settings of pods, which"),
    ],
)
def test_a_file_of_which_no_good_can_come_is_refused_in_a_sentence_and_nothing_is_changed(
    node: Host, settings: dict[str, Any], text: str, sentence: str
) -> None:
    write(node.path(CONFIG), text)
    write(node.path("/etc/containerd/more/gpu.toml"), f"[{CRI}.containerd.runtimes.nvidia]\n")
    install_settings(node, settings)
    before = snapshot(node.path("/etc"))

    with pytest.raises(Refusal) as refused:
        routing.apply(node)

    assert str(refused.value).startswith(str(node.path("/etc/containerd")))
    assert sentence in str(refused.value)
    assert snapshot(node.path("/etc")) == before


def test_imported_files_are_no_matter_where_they_say_nothing_of_pods_or_replace_nothing(
    node: Host, settings: dict[str, Any]
) -> None:
    imports = 'imports = ["/etc/containerd/conf.d/*.toml"]\n'
    write(node.path("/etc/containerd/conf.d/log.toml"), '[debug]\nlevel = "warn"\n')
    write(node.path(CONFIG), imports + DEBIAN)
    applied(node, settings)
    assert config(node) == imports + DEBIAN_AFTER

    write(node.path("/etc/containerd/conf.d/gpu.toml"), f"[{CRI}.containerd.runtimes.nvidia]\n")
    write(node.path(CONFIG), imports + V3)
    applied(node, settings)
    assert SPEC in config(node)


@pytest.mark.parametrize("answer", [None, "", "[]", '{"process": {}}'])
def test_a_containerd_that_does_not_say_what_it_starts_from_is_refused(
    node: Host, settings: dict[str, Any], answer: str | None
) -> None:
    ctr(node, answer or "")
    if answer is None:
        node.path("/usr/bin/ctr").unlink()
    install_settings(node, settings)

    with pytest.raises(Refusal, match="what pods are made from"):
        routing.apply(node)


def test_the_guard_asks_containerd_nothing_and_leaves_it_alone(
    node: Host, settings: dict[str, Any], commands: list[tuple[str, ...]]
) -> None:
    applied(node, settings)
    assert "index-url" in node.path("/etc/cellar-runner/pip.conf").read_text()
    before = snapshot(node.path("/etc/containerd"))
    node.path("/asked").unlink()
    commands.clear()

    for routed in (False, True):
        outcome = routing.set_routed(node, routed=routed, why="a test")
        assert outcome.failures == ()
        said = node.path("/etc/cellar-runner/pip.conf").read_text()
        assert ("index-url" in said) == routed

    assert snapshot(node.path("/etc/containerd")) == before
    assert not node.has("/asked")
    assert RESTART not in commands


def test_another_containerd_is_seen_at_the_next_refresh(
    node: Host, settings: dict[str, Any], commands: list[tuple[str, ...]]
) -> None:
    applied(node, settings)
    commands.clear()
    ctr(node, json.dumps({**DEFAULT, "ociVersion": "1.2.1"}))

    routing.refresh(node)

    assert json.loads(node.path(SPEC).read_text())["ociVersion"] == "1.2.1"
    assert commands.count(RESTART) == 1


def test_containerd_has_forgotten_the_payload_before_it_goes(
    node: Host, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(node, settings)
    seen = []

    def run(command: Any) -> str:
        if command.arguments == RESTART:
            seen.append((config(node) == DEBIAN, node.has(SPEC), node.has(BUNDLE)))
        return ""

    monkeypatch.setattr("cellar_runner.routing._run", run)
    routing.remove(node)

    assert seen == [(True, False, True)]
    assert not node.has("/etc/cellar-runner")


def test_the_payload_stays_as_long_as_containerd_cannot_be_made_to_forget_it(
    node: Host, settings: dict[str, Any]
) -> None:
    applied(node, settings)
    changed = config(node)
    write(node.path(CONFIG), f"{changed}[")

    outcome = routing.remove(node)

    assert "config.toml, line" in "".join(outcome.failures)
    assert node.has(BUNDLE)
    write(node.path(CONFIG), changed)
    assert routing.remove(node).failures == ()
    assert config(node) == DEBIAN
    assert not node.has("/etc/cellar-runner")
    assert not node.has("/var/lib/cellar-runner")


def test_setting_it_to_false_takes_it_from_new_pods_and_leaves_the_old_ones_their_files(
    node: Host, settings: dict[str, Any], commands: list[tuple[str, ...]]
) -> None:
    applied(node, settings)
    commands.clear()

    applied(node, settings, containerd=False)

    assert config(node) == DEBIAN
    assert not node.has(SPEC)
    assert node.has(BUNDLE)
    assert commands.count(RESTART) == 1


def test_a_removal_is_refused_while_a_pod_would_miss_its_certificates(
    node: Host, settings: dict[str, Any]
) -> None:
    applied(node, settings)
    before = snapshot(node.path("/etc"))
    line = "1201 1180 0:52 /etc/cellar-runner /etc/xdg/pip ro,relatime master:1 - ext4 /dev/vda rw"
    others = "21 1 0:20 / /proc rw - proc proc rw\n22 1 0:21 /x /etc/xdg/pip rw - tmpfs t rw\n"
    write(node.path("/proc/4711/mountinfo"), f"{others}{line}\n")

    with pytest.raises(Refusal, match="process 4711"):
        routing.remove(node)

    assert snapshot(node.path("/etc")) == before
    write(node.path("/proc/4711/mountinfo"), others)
    routing.remove(node)
    assert not node.has("/etc/cellar-runner")
