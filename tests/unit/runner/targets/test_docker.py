"""What Docker's clients are told, for the users that are listed."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cellar_runner.refusal import Refusal
from cellar_runner.targets.docker import Docker
from unit.runner.targets.support import PLAN, WITHDRAWN, apply, files_of, fill, remove, text
from unit.runner.trees import write

if TYPE_CHECKING:
    from cellar_runner.host import Host

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
