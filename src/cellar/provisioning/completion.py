"""
The settings of indexes, routes, file rules and zones with everything that they leave unsaid.

What the roles `rewriter` and `nginx` render comes from here, so that both mean the same.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from cellar.index.views import REVISION
from cellar.provisioning.numbers import at_most
from cellar.provisioning.proxy_destinations import proxy_clients, proxy_destinations
from cellar.provisioning.shapes import HTTPS_PORT, size_in_bytes, split_url
from cellar.settings import PYPI, STORAGE_ANSWERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cellar.provisioning.specification import Options

    Entry = dict[str, Any]

# Files that stand beside others, such as metadata (PEP 658), are stored up to this size.
_METADATA_LIMIT = 16 * 2**20


def origin(url: str) -> str:
    """Return the host of an https URL, with its port unless that is the scheme's own."""
    host, port, _ = split_url(url)
    return host if port == HTTPS_PORT else f"{host}:{port}"


def index_files(index: Mapping[str, Any]) -> list[str]:
    """Return the prefixes of an index's file URLs: all of its own host, unless it says other."""
    files: list[str] = index.get("files") or [f"https://{origin(index['url'])}/"]
    return files


def completed_settings(
    values: Mapping[str, Any], options: Options, upstream_ca: str, index_ca_dir: str
) -> dict[str, Any]:
    """
    Return the indexes, routes, file rules, zones and proxy destinations of an appliance, complete.

    `values` holds the settings, checked; `options` is the role's argument specification, which has
    the defaults of their entries. `upstream_ca` is the bundle on the appliance that verifies
    indexes without a CA of their own; a CA of an index's own is in the directory `index_ca_dir`
    there. The keys are those of the variables `__cellar_*` of the role `settings`.
    """
    pypi = {
        "name": PYPI,
        "url": f"https://{values['cellar_pypi_index_host']}/simple/",
        "files": [f"https://{values['cellar_pypi_files_host']}/packages/"],
    }
    indexes = [
        _completed_index(index, upstream_ca, index_ca_dir)
        for index in _with_defaults("cellar_indexes", [pypi, *values["cellar_indexes"]], options)
    ]
    routes = [
        *_with_defaults("cellar_routes", values["cellar_routes"], options),
        {"projects": ["*"], "indexes": [PYPI]},
    ]
    rules = [
        {**rule, "larger_than": _bytes(rule["larger_than"])}
        for rule in _with_defaults("cellar_file_rules", values["cellar_file_rules"], options)
    ]
    origins = _file_origins(indexes)
    zones = _with_defaults("cellar_file_zones", values["cellar_file_zones"], options)
    size_limit = _bytes(values["cellar_file_size_limit"])
    storage = [rule for rule in rules if rule["answer"] in STORAGE_ANSWERS]
    limits = {size_limit, *(rule["larger_than"] for rule in storage)} - {0}
    sizes = [[zone["name"], _bytes(zone["max_size"])] for zone in zones]
    sizes.append(["", _bytes(values["cellar_files_max_size"])])
    budgets = {size for _, size in sizes} - {0}
    enforces = any(rule["answer"] == "refuse" for rule in rules)
    files = [size_limit, values["cellar_file_over_limit"]]
    revision = _revision(indexes, routes, rules, files)
    return {
        "indexes": indexes,
        "routes": routes,
        "file_rules": rules,
        "file_origins": origins,
        "pools": [
            *(
                {"name": name, "host": values[f"cellar_{name}"], "port": HTTPS_PORT}
                for name in ("pypi_index_host", "pypi_files_host")
            ),
            *(
                {"name": f"files_of_{number}", "host": entry["host"], "port": entry["port"]}
                for number, entry in enumerate(origins, start=1)
            ),
        ],
        "pages_revision": revision,
        "oracle_revision": _digest([revision, sizes]),
        "enforces": enforces,
        "file_zones": zones,
        "file_size_limit": size_limit,
        "file_limits": [
            {"bytes": limit, "pattern": at_most(limit)}
            for limit in sorted({*limits, *budgets, _METADATA_LIMIT})
        ],
        "least_file_limit": str(min({*limits, *budgets})),
        "checks_files": enforces or bool(limits) or bool(storage),
        "proxy_clients": proxy_clients(values["cellar_proxy_networks"]),
        "proxy_destinations": proxy_destinations(
            values["cellar_proxy_others"],
            values["cellar_proxy_allowed"],
            values["cellar_server_addresses"],
        ),
    }


def _bytes(size: str) -> int:
    return size_in_bytes(size) if size else 0


def _with_defaults(
    name: str, entries: Iterable[Mapping[str, Any]], options: Options
) -> list[Entry]:
    defaults = {
        key: option["default"]
        for key, option in options[name]["options"].items()
        if "default" in option
    }
    return [{**defaults, **entry} for entry in entries]


def _completed_index(index: Entry, upstream_ca: str, index_ca_dir: str) -> Entry:
    user = f"{index['username']}:{index['password']}" if index["username"] else ""
    # RFC 7617, section 2.
    basic = f"Basic {b64encode(user.encode()).decode('ascii')}" if user else ""
    return {
        **index,
        "files": index_files(index),
        "ca_path": f"{index_ca_dir}/{index['name']}-ca.pem" if index["ca_file"] else upstream_ca,
        "authorization": basic,
    }


def _file_origins(indexes: Sequence[Entry]) -> list[Entry]:
    """Return the hosts that files of further indexes come from, in order, each once."""
    origins: dict[str, Entry] = {}
    for index in indexes[1:]:
        for url in index["files"]:
            host, port, _ = split_url(url)
            origins.setdefault(
                origin(url),
                {
                    "origin": origin(url),
                    "host": host,
                    "port": port,
                    "ca_path": index["ca_path"],
                    "authorization": index["authorization"],
                },
            )
    return list(origins.values())


def _revision(
    indexes: Sequence[Entry], routes: Sequence[Entry], rules: Sequence[Entry], files: Sequence[Any]
) -> str:
    """Return 8 hexadecimal digits that differ when the same upstream pages give other pages."""
    # Neither who asks upstream nor where the controller keeps a file changes what upstream says.
    kept = ("name", "url", "files", "missing_statuses")
    said = [REVISION, [{key: index[key] for key in kept} for index in indexes], routes]
    # No client is sent to an index that wants a credential; which one makes no difference.
    said += [rules, files, [bool(index["username"]) for index in indexes]]
    return _digest(said)


def _digest(said: object) -> str:
    text = json.dumps(said, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
