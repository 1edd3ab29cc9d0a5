"""A host that cannot become an appliance is told so, with all reasons, before it is changed."""

from __future__ import annotations

from typing import Any

import pytest

from cellar.provisioning.host import host_problems, parse_df, path_and_parents

GIB = 2**30

FACTS: dict[str, Any] = {
    "distribution": "Debian",
    "distribution_version": "12.11",
    "distribution_major_version": "12",
    "service_mgr": "systemd",
    "effective_user_id": 0,
    "user_id": "root",
}
SETTINGS: dict[str, Any] = {
    "cellar_https_port": 443,
    "cellar_http_port": 80,
    "cellar_proxy": False,
    "cellar_proxy_port": 3128,
    "has_proxy": False,
    "cellar_file_zones": [],
    "cellar_files_max_size": "40g",
    "cellar_metadata_max_size": "1g",
    "cellar_pages_max_size": "2g",
    "cellar_cache_min_free": "2g",
}


def listener(port: int, name: str, pid: int = 7, address: str = "0.0.0.0") -> dict[str, Any]:
    return {"port": port, "name": name, "pid": pid, "address": address, "protocol": "tcp"}


def problems(
    facts: dict[str, Any] | None = None,
    listeners: list[dict[str, Any]] | None = None,
    settings: dict[str, Any] | None = None,
    total: int = 46 * GIB,
    available: int = 2 * GIB,
) -> list[str]:
    found = host_problems(
        {**FACTS, **(facts or {})},
        {"ansible_facts": {"tcp_listen": listeners or []}},
        ["1B-blocks Avail File", f"{total} {available} /var"],
        {**SETTINGS, **(settings or {})},
    )
    return [str(problem) for problem in found]


@pytest.mark.parametrize("release", ["12", "13"])
def test_a_debian_host_with_just_enough_room_is_accepted(release: str) -> None:
    assert problems({"distribution_major_version": release}) == []


def test_our_own_program_may_hold_the_ports_already() -> None:
    assert problems(listeners=[listener(443, "nginx"), listener(80, "nginx")]) == []


def test_other_ports_are_nobodys_business() -> None:
    assert problems(listeners=[listener(22, "sshd"), listener(4430, "x")]) == []
    assert problems(listeners=[listener(80, "x")], settings={"cellar_http_port": 0}) == []


PROXY = {"cellar_proxy": True}


def test_our_own_squid_may_hold_the_proxy_doors_port_already() -> None:
    settings = {**PROXY, "has_proxy": True}

    assert problems(listeners=[listener(3128, "squid")], settings=settings) == []


def test_a_squid_of_somebody_elses_is_nobodys_business_without_a_proxy_door() -> None:
    assert problems(listeners=[listener(3128, "squid"), listener(3128, "x")]) == []


@pytest.mark.parametrize("port", [3128, 8080])
def test_a_squid_of_somebody_elses_is_not_taken_over(port: int) -> None:
    lines = problems(listeners=[listener(port, "squid", 812)], settings=PROXY)

    assert len(lines) == 1, lines
    assert lines[0].startswith("cellar_proxy: this host has a squid of its own already")
    assert "(process 812)" in lines[0]


REASONS: list[tuple[dict[str, Any], str]] = [
    (
        {"facts": {"distribution_major_version": "11", "distribution_version": "11.9"}},
        "operating system: is Debian 11.9, not Debian 12 or 13; ",
    ),
    (
        {"facts": {"distribution": "Ubuntu", "distribution_version": "24.04"}},
        "operating system: is Ubuntu 24.04, not Debian 12 or 13; ",
    ),
    ({"facts": {"service_mgr": "docker-init"}}, "service manager: is docker-init, not systemd; "),
    (
        {"facts": {"effective_user_id": 1000, "user_id": "deploy"}},
        "user: deploy is not root; run the playbook with --become",
    ),
    (
        {"listeners": [listener(443, "apache2", 812)]},
        "cellar_https_port: port 443 is held by apache2 (process 812); ",
    ),
    (
        {"listeners": [listener(80, "caddy", address="::"), listener(80, "caddy")]},
        "cellar_http_port: port 80 is held by caddy (process 7); ",
    ),
    (
        {"listeners": [listener(80, "")]},
        "cellar_http_port: port 80 is held by an unknown program (process 7); ",
    ),
    (
        {"listeners": [listener(3128, "tinyproxy")], "settings": PROXY},
        "cellar_proxy_port: port 3128 is held by tinyproxy (process 7); ",
    ),
    (
        {"listeners": [listener(3128, "nginx")], "settings": {**PROXY, "has_proxy": True}},
        "cellar_proxy_port: port 3128 is held by nginx (process 7); ",
    ),
    (
        {"listeners": [listener(443, "squid")], "settings": {**PROXY, "has_proxy": True}},
        "cellar_https_port: port 443 is held by squid (process 7); ",
    ),
    (
        {"total": 43 * GIB - 1},
        "the cache may grow to 45.2 GiB, and the file system of /var has 43.0 GiB; ",
    ),
    (
        {"available": 2 * GIB - 1},
        "cellar_cache_min_free: 2.0 GiB must be free, and the file system of /var has 2.0 GiB left",
    ),
    ({"available": 0}, "the file system of /var has 0 bytes left; make room"),
]


@pytest.mark.parametrize(("state", "phrase"), REASONS)
def test_a_host_that_cannot_serve_is_refused_with_the_reason_alone(
    state: dict[str, Any], phrase: str
) -> None:
    lines = problems(**state)

    assert len(lines) == 1, lines
    assert phrase in lines[0]


def test_all_reasons_are_listed_at_once() -> None:
    state = {key: value for change, _ in REASONS for key, value in change.items()}
    state["facts"] = {key: v for change, _ in REASONS for key, v in change.get("facts", {}).items()}
    state["listeners"] = [listener(443, "apache2"), listener(80, "caddy")]

    assert [line.partition(":")[0] for line in problems(**state)] == [
        "operating system",
        "service manager",
        "user",
        "cellar_https_port",
        "cellar_http_port",
        "cellar_files_max_size + cellar_metadata_max_size + cellar_pages_max_size",
        "cellar_cache_min_free",
    ]


def test_a_host_without_ss_is_told_what_to_install() -> None:
    (problem,) = host_problems(
        FACTS,
        {"msg": "Unable to find any of the supported commands"},
        ["1B-blocks Avail File", f"{99 * GIB} {99 * GIB} /"],
        SETTINGS,
    )

    assert str(problem) == (
        "ports: cannot be examined (Unable to find any of the supported commands); "
        "install the package iproute2 on the host, which has ss"
    )


def test_the_nearest_existing_directory_counts() -> None:
    system = parse_df(["   1B-blocks       Avail File", "100 10 /", "200 20 /var/my cache"])

    assert (system.path, system.total, system.available) == ("/var/my cache", 200, 20)


@pytest.mark.parametrize("lines", [[], ["1B-blocks Avail File"]])
def test_no_answer_about_the_disk_is_an_error(lines: list[str]) -> None:
    with pytest.raises(ValueError, match="df listed no file system"):
        parse_df(lines)


def test_a_path_has_all_its_parents() -> None:
    assert path_and_parents("/var/cache/cellar") == ["/var/cache/cellar", "/var/cache", "/var", "/"]
