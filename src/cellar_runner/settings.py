"""What the operator has set, as role `runner` writes it: a JSON object."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellar_runner.certificates import check_authority, pem_blocks
from cellar_runner.files import read
from cellar_runner.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cellar_runner.host import Host

STATE_FOLDER = "/var/lib/cellar-runner"
SETTINGS = f"{STATE_FOLDER}/settings.json"
MODES = ("auto", "index", "proxy", "intercept")
FAILS = ("open", "closed")

_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?)+(?<!\.)")
# What may stand in NO_PROXY for every client: names, suffixes, addresses, networks.
_NO_PROXY = re.compile(r"[A-Za-z0-9.:/_*-]+")
_PORTS = range(1, 65536)
_NAMES = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What the operator has set.

    `address` is the appliance's, `server_name` its own name, which may be an address too; `names`
    are PyPI's index host and file host; `authorities` the CA certificates that the appliance's
    certificate may be signed by, PEM, none if it is publicly trusted; `targets` names what is to
    be told to use it, None for all that is found; `fail` whether jobs go directly to PyPI while the
    appliance is not well ("open"), or are left to fail ("closed"); `docker_users` names users whose
    images trust the appliance of themselves; `containerd` is whether the pods of a Kubernetes node
    get the payload.
    """

    mode: str
    address: str
    server_name: str
    names: tuple[str, str]
    https_port: int
    proxy_port: int
    no_proxy: tuple[str, ...]
    targets: tuple[str, ...] | None
    authorities: tuple[str, ...]
    metrics_file: Path
    fail: str = "open"
    docker_users: tuple[str, ...] = ()
    containerd: bool = False

    @property
    def index_url(self) -> str:
        """The URL of the index door's Simple API, with a slash at its end."""
        host = f"[{self.server_name}]" if ":" in self.server_name else self.server_name
        port = "" if self.https_port == 443 else f":{self.https_port}"  # noqa: PLR2004 # https
        return f"https://{host}{port}/simple/"

    @property
    def proxy_url(self) -> str:
        """The URL of the proxy door."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.proxy_port}"


def read_settings(host: Host) -> Settings:
    """
    Return the settings of this host.

    Raises:
        Refusal: there are none, or they are not what they must be.

    """
    path = host.path(SETTINGS)
    content = read(path)
    if content is None:
        raise Refusal(f"{path} is missing: run the playbook that installs cellar-runner")
    return parse_settings(content.decode(errors="replace"), str(path))


def parse_settings(text: str, where: str) -> Settings:
    """
    Return the settings of a JSON text; `where` begins the sentences about it.

    Raises:
        Refusal: they are not what they must be.

    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Refusal(f"{where} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Refusal(f"{where} is not a JSON object")
    for key in document:
        if key not in _READERS:
            raise Refusal(f"{where}: {key} is not a setting of cellar-runner")
    values = {}
    for key, reader in _READERS.items():
        if key not in document and key not in _DEFAULTS:
            raise Refusal(f"{where}: {key} is missing")
        try:
            values[key] = reader(document.get(key, _DEFAULTS.get(key)))
        except ValueError as error:
            raise Refusal(f"{where}: {key} {error}") from error
    return Settings(**values)


def _mode(value: object) -> str:
    if value not in MODES:
        raise ValueError(f"is not {', '.join(MODES[:-1])} or {MODES[-1]} ({value!r})")
    return str(value)


def _fail(value: object) -> str:
    if value not in FAILS:
        raise ValueError(f"is not {' or '.join(FAILS)} ({value!r})")
    return str(value)


def _address(value: object) -> str:
    try:
        return str(ip_address(_text(value)))
    except ValueError:
        raise ValueError(f"is not an IP address ({value!r})") from None


def _host_name(value: object) -> str:
    text = _text(value)
    try:
        return str(ip_address(text))
    except ValueError:
        if _NAME.fullmatch(text):
            return text
    raise ValueError(f"is not a host name in small letters ({value!r})")


def _names(value: object) -> tuple[str, str]:
    names = [_host_name(item) for item in _list(value)]
    if len(names) != _NAMES or names[0] == names[1]:
        raise ValueError("is not two host names, the index's and the files'")
    return names[0], names[1]


def _port(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value not in _PORTS:
        raise ValueError(f"is not a port from 1 to 65535 ({value!r})")
    return value


def _no_proxy(value: object) -> tuple[str, ...]:
    items = [_text(item) for item in _list(value)]
    for item in items:
        if not _NO_PROXY.fullmatch(item):
            raise ValueError(f"has an item that is no name, address or network ({item!r})")
    return tuple(items)


def _targets(value: object) -> tuple[str, ...] | None:
    if value == "auto":
        return None
    return tuple(_text(item) for item in _list(value))


def _users(value: object) -> tuple[str, ...]:
    return tuple(_text(item) for item in _list(value))


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is not true or false ({value!r})")  # noqa: TRY004 # one kind is reported
    return value


def _authorities(value: object) -> tuple[str, ...]:
    blocks = []
    for number, item in enumerate(_list(value), 1):
        found = pem_blocks(_text(item))
        if not found:
            raise ValueError(f"has no certificate in PEM (item {number})")
        for block in found:
            fault = check_authority(block)
            if fault:
                raise ValueError(f"has a certificate that {fault} (item {number})")
        blocks += [block for block in found if block not in blocks]
    return tuple(blocks)


def _path(value: object) -> Path:
    path = Path(_text(value))
    if not path.is_absolute():
        raise ValueError(f"is not an absolute path ({value!r})")
    return path


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"is not text ({value!r})")  # noqa: TRY004 # one kind is reported
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("is not a list")  # noqa: TRY004 # likewise
    return value


_READERS: Mapping[str, Callable[[object], Any]] = {
    "mode": _mode,
    "address": _address,
    "server_name": _host_name,
    "names": _names,
    "https_port": _port,
    "proxy_port": _port,
    "no_proxy": _no_proxy,
    "targets": _targets,
    "authorities": _authorities,
    "metrics_file": _path,
    "fail": _fail,
    "docker_users": _users,
    "containerd": _switch,
}
_DEFAULTS: Mapping[str, object] = {"docker_users": [], "containerd": False}
