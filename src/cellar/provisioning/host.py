"""What the host must be before the first change: the system, its ports and its disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from cellar.provisioning.problem import Problem
from cellar.provisioning.shapes import size_in_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_DISTRIBUTION = "Debian"
_RELEASES = ("12", "13")
_PROXY_PROGRAM = "squid"
# Who of ours holds the port that a setting names.
_OWN_PROGRAMS = {
    "cellar_https_port": "nginx",
    "cellar_http_port": "nginx",
    "cellar_proxy_port": _PROXY_PROGRAM,
}
_SIZES = ("cellar_files_max_size", "cellar_metadata_max_size", "cellar_pages_max_size")
# The appliance's own zones that no setting bounds: lists, lengths, verdicts, renewals.
_OWN_ZONES = 2304 * 2**20
_UNITS = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))
_DF_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class FileSystem:
    """The file system below `path`; sizes in bytes."""

    path: str
    total: int
    available: int


def path_and_parents(path: str) -> list[str]:
    """Return an absolute path and all its parents, the longest first."""
    pure = PurePosixPath(path)
    return [str(pure), *map(str, pure.parents)]


def parse_df(lines: Sequence[str]) -> FileSystem:
    """
    Return the file system of the longest path in the output of df.

    `lines` is what `df --block-size=1 --output=size,avail,file PATH...` prints for the paths that
    exist, with its heading. Raises ValueError when no path is listed.
    """
    found = [
        FileSystem(path=columns[2], total=int(columns[0]), available=int(columns[1]))
        for columns in (line.split(maxsplit=2) for line in lines[1:])
        if len(columns) == _DF_COLUMNS
    ]
    if not found:
        raise ValueError("df listed no file system")
    return max(found, key=lambda system: len(system.path))


def host_problems(
    facts: Mapping[str, Any],
    listening: Mapping[str, Any],
    df_lines: Sequence[str],
    settings: Mapping[str, Any],
) -> list[Problem]:
    """
    Return everything for which the host cannot become an appliance; an empty list means it can.

    `facts` are Ansible's facts of the subsets distribution, service_mgr and user. `listening` is
    what community.general.listen_ports_facts returned, be it an error. `df_lines` as for
    `parse_df`, which also says what is raised. `settings` are the checked settings, and under
    `has_proxy` whether the host has a proxy door already.
    """
    return [
        *_system(facts),
        *_ports(listening, settings),
        *_space(parse_df(df_lines), settings),
    ]


def _system(facts: Mapping[str, Any]) -> Iterator[Problem]:
    distribution = facts.get("distribution")
    release = facts.get("distribution_major_version")
    if distribution != _DISTRIBUTION or release not in _RELEASES:
        yield Problem(
            "operating system",
            f"is {distribution} {facts.get('distribution_version')}, "
            f"not {_DISTRIBUTION} {' or '.join(_RELEASES)}",
            "install one of these",
        )
    if facts.get("service_mgr") != "systemd":
        yield Problem(
            "service manager",
            f"is {facts.get('service_mgr')}, not systemd",
            "boot the host with systemd as its first process",
        )
    if facts.get("effective_user_id") != 0:
        yield Problem(
            "user",
            f"{facts.get('user_id')} is not root",
            "run the playbook with --become, or connect as root",
        )


def _ports(listening: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Problem]:
    if "ansible_facts" not in listening:
        yield Problem(
            "ports",
            f"cannot be examined ({listening.get('msg', 'no answer')})",
            "install the package iproute2 on the host, which has ss",
        )
        return
    sockets = listening["ansible_facts"].get("tcp_listen", [])
    for variable, own_program in _OWN_PROGRAMS.items():
        if variable == "cellar_proxy_port" and not settings["cellar_proxy"]:
            continue
        port = settings[variable]
        programs = {
            (socket["name"] or "an unknown program", socket["pid"])
            for socket in sockets
            if socket["port"] == port and socket["name"] != own_program
        }
        for program, pid in sorted(programs):
            yield Problem(
                variable,
                f"port {port} is held by {program} (process {pid})",
                "stop and disable that program, or choose another port",
            )
    strangers = {socket["pid"] for socket in sockets if socket["name"] == _PROXY_PROGRAM}
    if settings["cellar_proxy"] and strangers and not settings["has_proxy"]:
        yield Problem(
            "cellar_proxy",
            f"this host has a squid of its own already (process {min(strangers)}), whose place the "
            "proxy door would take",
            "stop and disable that one, or set cellar_proxy to false",
        )


def _space(system: FileSystem, settings: Mapping[str, Any]) -> Iterator[Problem]:
    zones = [zone["max_size"] for zone in settings["cellar_file_zones"] if zone.get("max_size")]
    sizes = [*(settings[name] for name in _SIZES), *zones]
    wanted = sum(map(size_in_bytes, sizes)) + _OWN_ZONES
    if wanted > system.total:
        yield Problem(
            " + ".join([*_SIZES, *(["cellar_file_zones"] if zones else [])]),
            f"the cache may grow to {_human(wanted)}, and the file system of {system.path} "
            f"has {_human(system.total)}",
            "lower the sizes, or give cellar_cache_dir a larger file system",
        )
    free = size_in_bytes(settings["cellar_cache_min_free"])
    if free > system.available:
        yield Problem(
            "cellar_cache_min_free",
            f"{_human(free)} must be free, and the file system of {system.path} "
            f"has {_human(system.available)} left",
            "make room, or give cellar_cache_dir a larger file system",
        )


def _human(size: int) -> str:
    for unit, factor in _UNITS:
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
