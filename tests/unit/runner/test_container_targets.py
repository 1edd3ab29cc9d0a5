"""What is written for engines of containers and CI systems, in files that others have filled."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cellar_runner import routing
from cellar_runner.converging import Part, converge
from cellar_runner.host import Host
from cellar_runner.journal import Store
from cellar_runner.plan import Mode, Plan
from cellar_runner.refusal import Refusal
from cellar_runner.targets.agents import Drone, Woodpecker
from cellar_runner.targets.buildkite import Buildkite
from cellar_runner.targets.docker import Docker
from cellar_runner.targets.github import GitHub
from cellar_runner.targets.gitlab import GitLab
from cellar_runner.targets.jenkins import Jenkins
from cellar_runner.targets.podman import Podman
from unit.runner.trees import snapshot, write

if TYPE_CHECKING:
    from pathlib import Path

    from cellar_runner.converging import Outcome
    from cellar_runner.targets.target import Target

BUNDLE = "/etc/cellar-runner/ca-bundle.pem"
TRUST = {"SSL_CERT_FILE": BUNDLE, "REQUESTS_CA_BUNDLE": BUNDLE}
PROXY = {
    "HTTPS_PROXY": "http://192.0.2.10:3128",
    "https_proxy": "http://192.0.2.10:3128",
    "NO_PROXY": "localhost,127.0.0.1",
    "no_proxy": "localhost,127.0.0.1",
}
PLAN = Plan(
    mode=Mode.PROXY,
    routed=True,
    address="192.0.2.10",
    names=("index.example", "files.example"),
    index_url="https://cellar.example/simple/",
    proxy_url="http://192.0.2.10:3128",
    no_proxy=("localhost", "127.0.0.1"),
    trust=TRUST,
    route=PROXY,
)
WITHDRAWN = replace(PLAN, routed=False, route={})
INTERCEPT = replace(PLAN, mode=Mode.INTERCEPT, route={})

CONTAINER_TARGETS = (Podman(), Docker(), GitLab(), GitHub(), Woodpecker(), Drone())
ALL = (*CONTAINER_TARGETS, Buildkite(), Jenkins())


def apply(host: Host, target: Target, plan: Plan) -> Outcome:
    store = Store(host.path("/var/lib/cellar-runner"))
    part = Part(target.name, target.edits(host, plan), target.reload(host))
    return converge(store, (part,), lambda _: "")


def remove(host: Host) -> None:
    converge(Store(host.path("/var/lib/cellar-runner")), (), lambda _: "")


def files_of(host: Host) -> object:
    """Return all files, folders and modes but our own state."""
    found = snapshot(host.root)
    return {path: what for path, what in found.items() if "var/lib/cellar-runner" not in path}


def text(host: Host, path: str) -> str:
    return host.path(path).read_text()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path / "host")
    write(made.path("/etc/hosts"), "127.0.0.1 localhost\n10.0.0.7 registry.corp\n")
    write(
        made.path("/etc/passwd"),
        "root:x:0:0:root:/root:/bin/bash\nci:x:1000:1000::/home/ci:/bin/sh\nbroken\n",
    )
    made.path("/var/lib").mkdir(parents=True)
    return made


GITLAB_CONFIG = """\
concurrent = 4
check_interval = 0
shutdown_timeout = 0

[session_server]
  session_timeout = 1800

[[runners]]
  name = "docker on this host"
  url = "https://gitlab.corp.example/"
  id = 11
  token = "glrt-one"
  executor = "docker"
  environment = ["DOCKER_DRIVER=overlay2"] # since 2023
  [runners.cache]
    MaxUploadedArchiveSize = 0
  [runners.docker]
    tls_verify = false
    image = "python:3.12"
    privileged = false
    volumes = ["/cache"]
    shm_size = 0

[[runners]]
  name = "shell"
  url = "https://gitlab.corp.example/"
  token = "glrt-two"
  executor = "shell"
  [runners.cache]
    MaxUploadedArchiveSize = 0

# Its own proxy.
[[runners]]
  name = "behind a proxy"
  token = "glrt-three"
  executor = "docker"
  environment = ["HTTPS_PROXY=http://proxy.corp.example:8080"]
  [runners.docker]
    image = "alpine"
    volumes = ["/cache"]

[[runners]]
  name = "in a cluster"
  token = "glrt-four"
  executor = "kubernetes"
  [runners.kubernetes]
    namespace = "ci"

[[runners]]
  name = "containers elsewhere"
  token = "glrt-five"
  executor = "docker"
  [runners.docker]
    host = "tcp://10.0.0.9:2376"
    image = "alpine"
"""

GITLAB_ENVIRONMENT = [
    f"SSL_CERT_FILE={BUNDLE}",
    f"REQUESTS_CA_BUNDLE={BUNDLE}",
    "HTTPS_PROXY=http://192.0.2.10:3128",
    "https_proxy=http://192.0.2.10:3128",
    "NO_PROXY=localhost,127.0.0.1,cellar.example,gitlab.corp.example",
    "no_proxy=localhost,127.0.0.1,cellar.example,gitlab.corp.example",
]
VOLUMES = [
    "/etc/cellar-runner:/etc/cellar-runner:ro",
    "/etc/cellar-runner/pip.conf:/etc/xdg/pip/pip.conf:ro",
]


def test_gitlab_runners_of_this_host_get_variables_and_payload_and_keep_all_else(
    host: Host,
) -> None:
    config = write(host.path("/etc/gitlab-runner/config.toml"), GITLAB_CONFIG, 0o600)
    before = files_of(host)
    apply(host, GitLab(), PLAN)
    quoted = ", ".join(f'"{item}"' for item in GITLAB_ENVIRONMENT)
    mounts = ", ".join(f'"{item}"' for item in VOLUMES)
    expected = GITLAB_CONFIG.replace(
        '["DOCKER_DRIVER=overlay2"]', f'["DOCKER_DRIVER=overlay2", {quoted}]', 1
    )
    expected = expected.replace('volumes = ["/cache"]', f'volumes = ["/cache", {mounts}]', 1)
    expected = expected.replace(
        '  executor = "shell"\n', f'  executor = "shell"\n  environment = [{quoted}]\n', 1
    )
    assert config.read_text() == expected
    assert config.stat().st_mode & 0o777 == 0o600
    remove(host)
    assert files_of(host) == before


def test_gitlab_runners_that_are_left_alone_are_named_with_the_reason(host: Host) -> None:
    config = write(host.path("/etc/gitlab-runner/config.toml"), GITLAB_CONFIG, 0o600)
    assert apply(host, GitLab(), PLAN).notes == (
        f"{config}, runners 'behind a proxy', sets HTTPS_PROXY itself and gets nothing of ours",
    )


def test_gitlab_runners_keep_trust_and_lose_routes_while_the_guard_has_withdrawn(
    host: Host,
) -> None:
    config = write(host.path("/etc/gitlab-runner/config.toml"), GITLAB_CONFIG, 0o600)
    apply(host, GitLab(), PLAN)
    apply(host, GitLab(), WITHDRAWN)
    runners = tomllib.loads(config.read_text())["runners"]
    assert runners[0]["environment"] == ["DOCKER_DRIVER=overlay2", *GITLAB_ENVIRONMENT[:2]]
    assert runners[0]["docker"]["volumes"] == ["/cache", *VOLUMES]
    assert runners[1]["environment"] == GITLAB_ENVIRONMENT[:2]
    assert "192.0.2.10" not in config.read_text()


def test_a_gitlab_runner_registered_while_we_are_there_is_kept_and_then_served_too(
    host: Host,
) -> None:
    config = write(host.path("/etc/gitlab-runner/config.toml"), GITLAB_CONFIG, 0o600)
    apply(host, GitLab(), PLAN)
    new = '\n[[runners]]\n  name = "new"\n  token = "glrt-six"\n  executor = "shell"\n'
    config.write_text(config.read_text() + new)
    apply(host, GitLab(), PLAN)
    assert tomllib.loads(config.read_text())["runners"][5]["environment"] == GITLAB_ENVIRONMENT
    remove(host)
    assert config.read_text() == GITLAB_CONFIG + new


def test_gitlab_containers_get_the_names_where_mode_is_intercept(host: Host) -> None:
    config = write(host.path("/etc/gitlab-runner/config.toml"), GITLAB_CONFIG, 0o600)
    apply(host, GitLab(), INTERCEPT)
    runners = tomllib.loads(config.read_text())["runners"]
    names = ["index.example:192.0.2.10", "files.example:192.0.2.10"]
    assert runners[0]["docker"]["extra_hosts"] == names
    assert runners[0]["environment"] == ["DOCKER_DRIVER=overlay2", *GITLAB_ENVIRONMENT[:2]]
    apply(host, GitLab(), replace(INTERCEPT, routed=False))
    assert "extra_hosts" not in config.read_text()


def test_gitlabs_config_that_is_no_toml_is_refused_with_its_line_and_stays(host: Host) -> None:
    config = write(host.path("/etc/gitlab-runner/config.toml"), "concurrent = 4\n[[runners]\n")
    with pytest.raises(Refusal, match=r"config\.toml, line 2, is not TOML"):
        apply(host, GitLab(), PLAN)
    assert config.read_text() == "concurrent = 4\n[[runners]\n"


PODMAN_FILES = {
    "/usr/bin/podman": "#!/bin/sh\n",
    "/usr/share/containers/containers.conf": "[containers]\n#env = []\n",
    "/usr/share/containers/mounts.conf": "# RHEL\n/usr/share/rhel/secrets:/run/secrets\n",
}


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the URLs whose host the host resolves."""
    known = {PLAN.index_url}
    monkeypatch.setattr("cellar_runner.targets.podman.resolves", known.__contains__)
    return known


def test_pip_in_image_builds_is_not_sent_to_a_name_that_nobody_resolves(
    host: Host, names: set[str]
) -> None:
    fill(host, PODMAN_FILES)
    names.clear()
    apply(host, Podman(), PLAN)
    assert text(host, "/etc/cellar-runner/build-pip.conf") == f"[global]\ncert = {BUNDLE}\n"


def fill(host: Host, files: dict[str, str]) -> None:
    for path, content in files.items():
        write(host.path(path), content, 0o755 if "/bin/" in path else 0o644)


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


DOCKER_CONFIG = """{
\t"auths": {
\t\t"registry.corp.example": {
\t\t\t"auth": "Y2k6c2VjcmV0"
\t\t}
\t},
\t"credsStore": "pass"
}"""


def test_docker_hands_proxies_to_nobody_who_is_not_listed(host: Host) -> None:
    fill(host, {"/usr/bin/docker": "", "/home/ci/.docker/config.json": DOCKER_CONFIG})
    assert Docker().found(host)
    assert list(Docker().edits(host, PLAN)) == []


def test_docker_hands_proxies_to_the_containers_of_listed_users_while_jobs_are_routed(
    host: Host,
) -> None:
    fill(host, {"/usr/bin/docker": "", "/home/ci/.docker/config.json": DOCKER_CONFIG})
    before = files_of(host)
    listed = replace(PLAN, docker_users=("ci",))
    apply(host, Docker(), listed)
    changed = text(host, "/home/ci/.docker/config.json")
    assert changed == DOCKER_CONFIG[:-2] + (
        ',\n\t"proxies": {\n\t\t"default": {\n'
        '\t\t\t"httpsProxy": "http://192.0.2.10:3128",\n'
        '\t\t\t"noProxy": "localhost,127.0.0.1,cellar.example"\n\t\t}\n\t}\n}'
    )
    apply(host, Docker(), replace(WITHDRAWN, docker_users=("ci",)))
    assert text(host, "/home/ci/.docker/config.json") == DOCKER_CONFIG
    apply(host, Docker(), listed)
    # `docker login` writes the file anew.
    anew = json.loads(text(host, "/home/ci/.docker/config.json"))
    anew["auths"]["other.example"] = {"auth": "eDp5"}
    write(host.path("/home/ci/.docker/config.json"), json.dumps(anew, indent="\t"))
    remove(host)
    del anew["proxies"]
    assert text(host, "/home/ci/.docker/config.json") == json.dumps(anew, indent="\t")
    write(host.path("/home/ci/.docker/config.json"), DOCKER_CONFIG)
    assert files_of(host) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_and_its_folder_that_a_user_did_not_have_are_his(host: Host) -> None:
    fill(host, {"/usr/bin/docker": ""})
    home = host.path("/home/ci")
    home.mkdir(parents=True)
    os.chown(home, 1000, 1001)
    apply(host, Docker(), replace(PLAN, docker_users=("ci",)))
    for made in (home / ".docker", home / ".docker/config.json"):
        assert (made.stat().st_uid, made.stat().st_gid) == (1000, 1001), made
    remove(host)
    assert list(home.iterdir()) == []


def test_a_listed_user_who_has_a_proxy_keeps_it_and_one_who_does_not_exist_is_refused(
    host: Host,
) -> None:
    own = '{"proxies": {"default": {"httpsProxy": "http://proxy.corp.example:8080"}}}\n'
    fill(host, {"/usr/bin/docker": "", "/home/ci/.docker/config.json": own})
    outcome = apply(host, Docker(), replace(PLAN, docker_users=("ci",)))
    assert text(host, "/home/ci/.docker/config.json") == own
    (note,) = outcome.notes
    assert note.endswith(
        "config.json sets proxies.default.httpsProxy itself and gets nothing of ours"
    )
    with pytest.raises(Refusal, match="cellar_runner_docker_users names bob"):
        apply(host, Docker(), replace(PLAN, docker_users=("bob",)))


def test_a_listed_user_who_was_deleted_does_not_keep_the_guard_from_withdrawing(host: Host) -> None:
    fill(host, {"/usr/bin/docker": ""})
    assert Docker().edits(host, replace(WITHDRAWN, docker_users=("bob",))) == ()


GITHUB_FOLDER = "/opt/ci/actions-runner"
GITHUB_FILES = {
    "/etc/systemd/system/actions.runner.corp-app.box.service": (
        f"[Service]\nExecStart={GITHUB_FOLDER}/runsvc.sh\nUser=ci\n"
        f"WorkingDirectory={GITHUB_FOLDER}\nKillMode=process\n"
    ),
    f"{GITHUB_FOLDER}/.runner": "{}",
    f"{GITHUB_FOLDER}/.env": "LANG=C.UTF-8\nACTIONS_RUNNER_HOOK_JOB_STARTED=/opt/hooks/mine.sh\n",
    "/home/ci/actions-runner-2/.runner": "{}",
}
HOOK = "/usr/local/lib/cellar-runner/github-job-started.sh"


def test_each_github_runner_gets_the_hook_and_the_one_before_is_called_by_it(host: Host) -> None:
    fill(host, GITHUB_FILES)
    before = files_of(host)
    apply(host, GitHub(), PLAN)
    assert text(host, f"{GITHUB_FOLDER}/.env") == (
        f"LANG=C.UTF-8\nACTIONS_RUNNER_HOOK_JOB_STARTED={HOOK}\n"
        "CELLAR_RUNNER_EARLIER_HOOK=/opt/hooks/mine.sh\n"
    )
    second = text(host, "/home/ci/actions-runner-2/.env")
    assert second == f"ACTIONS_RUNNER_HOOK_JOB_STARTED={HOOK}\n"
    assert host.path(HOOK).stat().st_mode & 0o777 == 0o755
    assert "PROXY" not in text(host, f"{GITHUB_FOLDER}/.env")
    remove(host)
    assert files_of(host) == before


def test_a_github_runners_service_starts_after_the_guard(host: Host) -> None:
    """A machine that lives for one job has no second one that would find the routes."""
    fill(host, GITHUB_FILES)
    apply(host, GitHub(), PLAN)
    folder = "/etc/systemd/system/actions.runner.corp-app.box.service.d"
    assert text(host, f"{folder}/50-cellar-runner.conf") == (
        "# Written by cellar-runner.\n[Unit]\nAfter=cellar-runner-guard.service\n"
    )
    assert [command.arguments for command in GitHub().reload(host)] == [
        ("systemctl", "daemon-reload")
    ]


def test_a_github_hook_set_meanwhile_stays_and_ours_goes(host: Host) -> None:
    fill(host, GITHUB_FILES)
    apply(host, GitHub(), PLAN)
    file = host.path(f"{GITHUB_FOLDER}/.env")
    file.write_text(file.read_text().replace(HOOK, "/opt/hooks/newer.sh") + "TZ=UTC\n")
    remove(host)
    assert file.read_text() == (
        "LANG=C.UTF-8\nACTIONS_RUNNER_HOOK_JOB_STARTED=/opt/hooks/newer.sh\nTZ=UTC\n"
    )


def started(host: Host, tmp_path: Path, **variables: str) -> tuple[str, int]:
    """Run the hook as the runner does; return what it added to $GITHUB_ENV, and its exit status."""
    apply(host, GitHub(), PLAN)
    script = text(host, HOOK).replace("/etc/cellar-runner", str(host.path("/etc/cellar-runner")))
    hook = write(tmp_path / "hook.sh", script)
    added = write(tmp_path / "github_env", "")
    environment = {
        "PATH": "/usr/bin:/bin",
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "GITHUB_ENV": str(added),
        **variables,
    }
    done = subprocess.run(
        ["bash", "-e", hook], env=environment, capture_output=True, text=True, check=False
    )
    return added.read_text(), done.returncode


@pytest.fixture
def payload(host: Host) -> Path:
    bundle = write(host.path(BUNDLE), "certificates\n")
    write(
        host.path("/etc/cellar-runner/environment"),
        f"SSL_CERT_FILE={bundle}\nHTTPS_PROXY=http://192.0.2.10:3128\n",
    )
    return bundle


def test_a_github_job_gets_all_variables_and_a_bundle_that_its_containers_see(
    host: Host, payload: Path, tmp_path: Path
) -> None:
    fill(host, GITHUB_FILES)
    copy = tmp_path / "temp" / "_github_home" / ".cellar-runner.pem"
    said, status = started(host, tmp_path)
    assert status == 0
    assert said == f"SSL_CERT_FILE={copy}\nHTTPS_PROXY=http://192.0.2.10:3128\n"
    assert copy.read_text() == payload.read_text()


@pytest.mark.parametrize("broken", ["bundle", "environment", "temp"])
def test_a_github_job_gets_nothing_and_goes_on_where_the_hook_cannot_do_all(
    host: Host, payload: Path, tmp_path: Path, broken: str
) -> None:
    fill(host, GITHUB_FILES)
    if broken == "bundle":
        payload.unlink()
    elif broken == "environment":
        host.path("/etc/cellar-runner/environment").unlink()
    else:
        write(tmp_path / "temp", "a file\n")
    assert started(host, tmp_path) == ("", 0)


def test_a_github_runner_with_a_proxy_of_its_own_keeps_it_and_gets_no_certificates(
    host: Host, payload: Path, tmp_path: Path
) -> None:
    fill(host, GITHUB_FILES)
    assert payload.exists()
    assert started(host, tmp_path, HTTPS_PROXY="http://proxy.corp.example:8080") == ("", 0)


def test_the_earlier_github_hook_runs_and_its_failure_fails_the_job_as_before(
    host: Host, payload: Path, tmp_path: Path
) -> None:
    fill(host, GITHUB_FILES)
    assert payload.exists()
    earlier = write(tmp_path / "mine.sh", 'echo A=b >>"$GITHUB_ENV"\nfalse\necho C=d\n')
    said, status = started(host, tmp_path, CELLAR_RUNNER_EARLIER_HOOK=str(earlier))
    assert said.endswith("HTTPS_PROXY=http://192.0.2.10:3128\nA=b\n")
    assert status == 1


def test_a_removal_is_refused_while_a_github_runner_would_fail_without_the_hook(
    host: Host,
) -> None:
    fill(host, GITHUB_FILES)
    apply(host, GitHub(), PLAN)
    write(host.path("/proc/4711/cmdline"), f"{GITHUB_FOLDER}/bin/Runner.Listener\0run\0")
    write(host.path("/proc/4711/environ"), f"ACTIONS_RUNNER_HOOK_JOB_STARTED={HOOK}\0")
    host.path("/run").mkdir()
    with pytest.raises(Refusal, match="restart its service when it is idle"):
        routing.remove(host)
    assert HOOK in text(host, f"{GITHUB_FOLDER}/.env")
    write(host.path("/proc/4711/environ"), "")
    routing.remove(host)
    assert HOOK not in text(host, f"{GITHUB_FOLDER}/.env")
    assert not host.has(HOOK)


def test_the_hook_is_not_taken_from_a_github_runner_that_would_miss_it(host: Host) -> None:
    fill(host, GITHUB_FILES)
    GitHub().release(host)  # nothing runs: nothing is said
    write(host.path("/proc/4711/cmdline"), f"{GITHUB_FOLDER}/bin/Runner.Listener\0run\0")
    write(host.path("/proc/4711/environ"), f"A=b\0ACTIONS_RUNNER_HOOK_JOB_STARTED={HOOK}\0")
    with pytest.raises(Refusal, match="process 4711"):
        GitHub().release(host)
    write(host.path("/proc/4711/environ"), "A=b\0")
    GitHub().release(host)


BUILDKITE_FILES = {
    "/etc/buildkite-agent/buildkite-agent.cfg": 'token="x"\nhooks-path="/etc/bk/hooks"\n',
    "/etc/bk/hooks/environment": "#!/usr/bin/env bash\nset -eu\nexport A=b\n",
}


def test_buildkites_hook_keeps_its_lines_and_then_sources_ours(host: Host) -> None:
    fill(host, BUILDKITE_FILES)
    host.path("/etc/bk/hooks/environment").chmod(0o755)
    before = files_of(host)
    apply(host, Buildkite(), PLAN)
    assert text(host, "/etc/bk/hooks/environment") == (
        "#!/usr/bin/env bash\nset -eu\nexport A=b\n# BEGIN cellar-runner\n"
        "[ ! -r /usr/local/lib/cellar-runner/variables.sh ] || "
        ". /usr/local/lib/cellar-runner/variables.sh\n# END cellar-runner\n"
    )
    remove(host)
    assert files_of(host) == before


def test_buildkite_gets_a_hook_where_it_had_none_and_none_is_left(host: Host) -> None:
    fill(host, {"/etc/buildkite-agent/buildkite-agent.cfg": "token=x\n# hooks-path=/x\n"})
    before = files_of(host)
    apply(host, Buildkite(), PLAN)
    hook = host.path("/etc/buildkite-agent/hooks/environment")
    assert hook.read_text().startswith("#!/bin/bash\n")
    assert hook.stat().st_mode & 0o777 == 0o755
    remove(host)
    assert files_of(host) == before


def test_a_hook_of_ours_that_others_have_added_to_stays_with_their_lines(host: Host) -> None:
    fill(host, {"/etc/buildkite-agent/buildkite-agent.cfg": "token=x\n"})
    hook = host.path("/etc/buildkite-agent/hooks/environment")
    for added, left in (("export A=b\n", "#!/bin/bash\nexport A=b\n"), ("\n", None)):
        apply(host, Buildkite(), PLAN)
        hook.write_text(hook.read_text().replace("# BEGIN", f"{added}# BEGIN"))
        remove(host)
        assert (hook.read_text() if hook.exists() else None) == left
        hook.unlink(missing_ok=True)


def test_buildkites_hook_in_another_language_stays(host: Host) -> None:
    hook = "#!/usr/bin/env python3\nprint()\n"
    fill(host, BUILDKITE_FILES | {"/etc/bk/hooks/environment": hook})
    outcome = apply(host, Buildkite(), PLAN)
    assert text(host, "/etc/bk/hooks/environment") == hook
    assert "is no shell script, and is left alone" in outcome.notes[0]


def test_buildkites_jobs_have_all_variables_or_none(host: Host, payload: Path) -> None:
    fill(host, BUILDKITE_FILES)
    apply(host, Buildkite(), PLAN)
    script = text(host, "/usr/local/lib/cellar-runner/variables.sh")
    script = script.replace("/etc/cellar-runner", str(host.path("/etc/cellar-runner")))
    write(host.path("/v.sh"), script)

    def seen(*assignments: str) -> str:
        shown = f"{' '.join(assignments)}\n. {host.path('/v.sh')}\n"
        shown += 'echo "${SSL_CERT_FILE-} ${HTTPS_PROXY-}"'
        done = subprocess.run(
            ["bash", "-euc", shown], env={}, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert seen() == f"{payload} http://192.0.2.10:3128\n"
    assert seen("HTTPS_PROXY=http://corp:1") == " http://corp:1\n"


def test_woodpeckers_agent_mounts_the_payload_beside_its_own_volumes(host: Host) -> None:
    file = "/etc/woodpecker/woodpecker-agent.env"
    own = 'WOODPECKER_SERVER=ci:9000\nWOODPECKER_BACKEND_DOCKER_VOLUMES="/data:/data"\n'
    fill(host, {file: own})
    before = files_of(host)
    apply(host, Woodpecker(), PLAN)
    assert text(host, file) == (
        "WOODPECKER_SERVER=ci:9000\n"
        f'WOODPECKER_BACKEND_DOCKER_VOLUMES="/data:/data,{",".join(VOLUMES)}"\n'
    )
    # A proxy that is read at the start of the agent would stay when the appliance is away.
    assert "192.0.2.10" not in text(host, file)
    write(host.path(file), text(host, file).replace("/data:/data", "/data:/data,/more:/more"))
    remove(host)
    assert text(host, file) == own.replace("/data:/data", "/data:/data,/more:/more")
    write(host.path(file), own)
    assert files_of(host) == before


DRONE_FILES = {
    "/etc/systemd/system/drone-runner-docker.service": (
        "[Service]\nEnvironmentFile=/etc/drone/runner.env\nExecStart=/usr/bin/drone-runner-docker\n"
    ),
    "/etc/drone/runner.env": "DRONE_RPC_HOST=drone.corp\nDRONE_RUNNER_ENVIRON=A:b\n",
}


def test_drones_steps_get_the_payload_and_the_certificates_and_no_proxy(host: Host) -> None:
    fill(host, DRONE_FILES)
    before = files_of(host)
    apply(host, Drone(), PLAN)
    assert text(host, "/etc/drone/runner.env") == (
        "DRONE_RPC_HOST=drone.corp\n"
        f"DRONE_RUNNER_ENVIRON=A:b,SSL_CERT_FILE:{BUNDLE},REQUESTS_CA_BUNDLE:{BUNDLE}\n"
        f"DRONE_RUNNER_VOLUMES={','.join(VOLUMES)}\n"
    )
    remove(host)
    assert files_of(host) == before


def test_drones_steps_with_other_certificates_keep_them(host: Host) -> None:
    own = "DRONE_RUNNER_ENVIRON=SSL_CERT_FILE:/etc/corp.pem\n"
    fill(host, DRONE_FILES | {"/etc/drone/runner.env": own})
    outcome = apply(host, Drone(), PLAN)
    assert text(host, "/etc/drone/runner.env").startswith(own)
    assert "REQUESTS_CA_BUNDLE" not in text(host, "/etc/drone/runner.env")
    assert "SSL_CERT_FILE in DRONE_RUNNER_ENVIRON" in outcome.notes[0]


def test_jenkins_services_get_certificates_by_a_drop_in_and_no_route(host: Host) -> None:
    fill(host, {"/usr/lib/systemd/system/jenkins.service": "[Service]\n"})
    before = files_of(host)
    apply(host, Jenkins(), PLAN)
    assert text(host, "/etc/systemd/system/jenkins.service.d/50-cellar-runner.conf") == (
        "# Written by cellar-runner.\n"
        "[Unit]\nAfter=cellar-runner-guard.service\n"
        "[Service]\n"
        f'Environment="SSL_CERT_FILE={BUNDLE}"\nEnvironment="REQUESTS_CA_BUNDLE={BUNDLE}"\n'
    )
    assert [command.arguments for command in Jenkins().reload(host)] == [
        ("systemctl", "daemon-reload")
    ]
    remove(host)
    assert files_of(host) == before


def test_nothing_is_found_on_a_host_that_has_nothing_of_it(host: Host) -> None:
    assert [target.name for target in ALL if target.found(host)] == []


def test_no_target_writes_a_route_while_the_guard_has_withdrawn(host: Host) -> None:
    fill(host, PODMAN_FILES | GITHUB_FILES | BUILDKITE_FILES | DRONE_FILES)
    fill(host, {"/etc/gitlab-runner/config.toml": GITLAB_CONFIG, "/usr/bin/docker": ""})
    fill(host, {"/etc/woodpecker/woodpecker-agent.env": "A=b\n"})
    fill(host, {"/usr/lib/systemd/system/jenkins.service": "[Service]\n"})
    for plan in (
        replace(WITHDRAWN, docker_users=("ci",)),
        replace(WITHDRAWN, mode=Mode.INTERCEPT),
        replace(WITHDRAWN, mode=Mode.INDEX),
    ):
        for target in ALL:
            assert target.found(host), target.name
            for edit in target.edits(host, plan):
                if edit.path.name in {"podman", "buildah"}:
                    continue  # names the proxy in order to take it out
                base = edit.path.read_bytes() if edit.path.exists() else None
                assert b"192.0.2.10" not in edit.apply(base), target.name
                assert b"cellar.example" not in edit.apply(base), target.name
