"""What Podman and Buildah are told, and what image builds are not."""

from __future__ import annotations

import subprocess
import tomllib
from typing import TYPE_CHECKING

import pytest

from cellar_runner.refusal import Refusal
from cellar_runner.targets.podman import Podman
from unit.runner.targets.support import (
    BUNDLE,
    INTERCEPT,
    PLAN,
    PODMAN_FILES,
    WITHDRAWN,
    apply,
    files_of,
    fill,
    remove,
    text,
)
from unit.runner.trees import write

if TYPE_CHECKING:
    from cellar_runner.host import Host


def test_pip_in_image_builds_is_not_sent_to_a_name_that_nobody_resolves(
    host: Host, names: set[str]
) -> None:
    fill(host, PODMAN_FILES)
    names.clear()
    apply(host, Podman(), PLAN)
    assert text(host, "/etc/cellar-runner/build-pip.conf") == f"[global]\ncert = {BUNDLE}\n"


def test_podman_gives_containers_variables_and_the_payload_and_keeps_the_vendors_mounts(
    host: Host,
) -> None:
    fill(host, PODMAN_FILES)
    before = files_of(host)
    apply(host, Podman(), PLAN)
    settings = tomllib.loads(text(host, "/etc/containers/containers.conf.d/50-cellar-runner.conf"))
    no_proxy = "localhost,127.0.0.1,cellar.example"
    assert settings == {
        "containers": {
            # What is in /etc/containers/mounts.conf for builds, job containers do not see.
            "volumes": ["/etc/cellar-runner/pip.conf:/etc/xdg/pip/pip.conf:ro"],
            "env": [
                f"SSL_CERT_FILE={BUNDLE}",
                f"REQUESTS_CA_BUNDLE={BUNDLE}",
                "HTTPS_PROXY=http://192.0.2.10:3128",
                "https_proxy=http://192.0.2.10:3128",
                f"NO_PROXY={no_proxy}",
                f"no_proxy={no_proxy}",
            ],
        }
    }
    assert [
        line for line in text(host, "/etc/containers/mounts.conf").splitlines() if line[0] == "/"
    ] == [
        "/usr/share/rhel/secrets:/run/secrets",
        "/etc/cellar-runner:/etc/cellar-runner",
        "/etc/cellar-runner/build-pip.conf:/etc/xdg/pip/pip.conf",
    ]
    assert text(host, "/etc/cellar-runner/build-pip.conf") == (
        f"[global]\nindex-url = https://cellar.example/simple/\ncert = {BUNDLE}\n"
    )
    apply(host, Podman(), WITHDRAWN)
    assert "192.0.2.10" not in text(host, "/etc/containers/containers.conf.d/50-cellar-runner.conf")
    assert text(host, "/etc/cellar-runner/build-pip.conf") == f"[global]\ncert = {BUNDLE}\n"
    remove(host)
    assert files_of(host) == before


def test_podmans_lists_that_others_have_set_are_repeated_since_ours_replace_them(
    host: Host,
) -> None:
    own = {
        "/etc/containers/containers.conf": (
            '[containers]\nenv = ["LANG=C.UTF-8"]\nvolumes = ["/data:/data"]\n'
        ),
        "/etc/containers/containers.conf.d/10-more.conf": (
            '[containers]\nenv = ["TZ=UTC", {append = true}]\n'
        ),
        "/etc/containers/containers.conf.d/90-late.conf": '[containers]\nenv = ["LATE=1"]\n',
        "/etc/containers/mounts.conf": "/opt/licences:/opt/licences\n",
    }
    fill(host, PODMAN_FILES | own)
    before = files_of(host)
    apply(host, Podman(), PLAN)
    settings = tomllib.loads(text(host, "/etc/containers/containers.conf.d/50-cellar-runner.conf"))
    assert settings["containers"]["env"][:3] == [
        "LANG=C.UTF-8",
        "TZ=UTC",
        f"SSL_CERT_FILE={BUNDLE}",
    ]
    assert settings["containers"]["volumes"] == [
        "/data:/data",
        "/etc/cellar-runner/pip.conf:/etc/xdg/pip/pip.conf:ro",
    ]
    mounts = text(host, "/etc/containers/mounts.conf")
    assert mounts.startswith("/opt/licences:/opt/licences\n")
    assert "rhel" not in mounts
    remove(host)
    assert files_of(host) == before


def test_podman_gets_no_variable_where_one_of_them_has_another_value(host: Host) -> None:
    other = '[containers]\nenv = ["SSL_CERT_FILE=/etc/corp.pem"]\n'
    fill(host, PODMAN_FILES | {"/etc/containers/containers.conf": other})
    apply(host, Podman(), PLAN)
    settings = text(host, "/etc/containers/containers.conf.d/50-cellar-runner.conf")
    assert list(tomllib.loads(settings)["containers"]) == ["volumes"]


def test_users_whose_own_mounts_replace_the_hosts_get_the_payload_there(host: Host) -> None:
    fill(host, PODMAN_FILES | {"/home/ci/.config/containers/mounts.conf": "/data:/data\n"})
    before = files_of(host)
    apply(host, Podman(), PLAN)
    mounts = text(host, "/home/ci/.config/containers/mounts.conf")
    assert mounts.startswith("/data:/data\n")
    assert "\n/etc/cellar-runner:/etc/cellar-runner\n" in mounts
    remove(host)
    assert files_of(host) == before


def test_image_builds_do_not_get_a_proxy_that_leads_to_the_appliance(host: Host) -> None:
    fill(host, PODMAN_FILES)
    apply(host, Podman(), PLAN)
    wrapper = host.path("/usr/local/bin/podman")
    assert wrapper.stat().st_mode & 0o777 == 0o755
    names = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "http_proxy")
    shown = ":".join(f"${name}" for name in names)
    show = write(host.path("/show"), f'#!/bin/sh\necho "$1:{shown}"\n')
    show.chmod(0o755)
    script = write(
        host.path("/wrapper"), wrapper.read_text().replace("/usr/bin/podman", str(show)), 0o755
    )
    ours, theirs = "http://192.0.2.10:3128", "http://proxy.corp.example:8080"
    for value, seen in ((ours, ":::"), (theirs, f"{theirs}:{theirs}:corp:corp")):
        environment = {"HTTPS_PROXY": value, "https_proxy": value, "http_proxy": theirs}
        environment |= {"NO_PROXY": "corp", "no_proxy": "corp"}
        said = subprocess.run(
            [script, "build"], env=environment, capture_output=True, text=True, check=True
        )
        assert said.stdout == f"build:{seen}:{theirs}\n"
        assert said.stderr == ""


def test_a_podman_of_somebody_else_before_the_real_one_stays(host: Host) -> None:
    fill(host, PODMAN_FILES | {"/usr/local/bin/podman": "#!/bin/sh\n# mine\n"})
    apply(host, Podman(), PLAN)
    assert text(host, "/usr/local/bin/podman") == "#!/bin/sh\n# mine\n"


def test_image_builds_do_not_get_the_names_of_mode_intercept(host: Host) -> None:
    fill(host, PODMAN_FILES)
    mine = text(host, "/etc/hosts")
    block = "# BEGIN cellar-runner\n192.0.2.10 index.example files.example\n# END cellar-runner\n"
    write(host.path("/etc/hosts"), mine + block)
    apply(host, Podman(), INTERCEPT)
    assert text(host, "/etc/cellar-runner/hosts") == mine
    settings = tomllib.loads(text(host, "/etc/containers/containers.conf.d/50-cellar-runner.conf"))
    assert settings["containers"]["base_hosts_file"] == "/etc/cellar-runner/hosts"
    assert not host.has("/usr/local/bin/podman")


def test_settings_of_containers_that_are_no_toml_are_refused(host: Host) -> None:
    fill(host, PODMAN_FILES | {"/etc/containers/containers.conf": "[containers\n"})
    with pytest.raises(Refusal, match=r"/etc/containers/containers\.conf is not TOML"):
        apply(host, Podman(), PLAN)
