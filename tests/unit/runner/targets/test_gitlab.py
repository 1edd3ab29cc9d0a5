"""What GitLab's runners are told, in files that others have filled."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cellar_runner.refusal import Refusal
from cellar_runner.targets.gitlab import GitLab
from unit.runner.targets.support import (
    BUNDLE,
    GITLAB_CONFIG,
    INTERCEPT,
    PLAN,
    VOLUMES,
    WITHDRAWN,
    apply,
    files_of,
    remove,
)
from unit.runner.trees import write

if TYPE_CHECKING:
    from cellar_runner.host import Host

GITLAB_ENVIRONMENT = [
    f"SSL_CERT_FILE={BUNDLE}",
    f"REQUESTS_CA_BUNDLE={BUNDLE}",
    "HTTPS_PROXY=http://192.0.2.10:3128",
    "https_proxy=http://192.0.2.10:3128",
    "NO_PROXY=localhost,127.0.0.1,cellar.example,gitlab.corp.example",
    "no_proxy=localhost,127.0.0.1,cellar.example,gitlab.corp.example",
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
