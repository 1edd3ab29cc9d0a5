"""What holds for all that is written for engines of containers and CI systems."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cellar_runner.plan import Mode
from cellar_runner.targets.agents import Drone, Woodpecker
from cellar_runner.targets.buildkite import Buildkite
from cellar_runner.targets.docker import Docker
from cellar_runner.targets.github import GitHub
from cellar_runner.targets.gitlab import GitLab
from cellar_runner.targets.jenkins import Jenkins
from cellar_runner.targets.podman import Podman
from unit.runner.targets.support import (
    BUILDKITE_FILES,
    DRONE_FILES,
    GITHUB_FILES,
    GITLAB_CONFIG,
    PODMAN_FILES,
    WITHDRAWN,
    fill,
)

if TYPE_CHECKING:
    from cellar_runner.host import Host

CONTAINER_TARGETS = (Podman(), Docker(), GitLab(), GitHub(), Woodpecker(), Drone())
ALL = (*CONTAINER_TARGETS, Buildkite(), Jenkins())


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
