"""From settings to what is written: the plan, and the parts of it that targets take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellar_runner import payload, trust_store
from cellar_runner.converging import Part
from cellar_runner.plan import BUNDLE, Mode, Plan
from cellar_runner.refusal import Refusal
from cellar_runner.targets.every import TARGETS

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from cellar_runner.host import Host
    from cellar_runner.settings import Settings
    from cellar_runner.targets.target import Target

PAYLOAD_PART = "payload"

# What tools verify certificates with (reference: curl, pip, requests, OpenSSL and uv).
_TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")


def make_plan(settings: Settings, mode: Mode, *, routed: bool) -> Plan:
    """Return what targets are to write."""
    return Plan(
        mode=mode,
        routed=routed,
        address=settings.address,
        names=settings.names,
        index_url=settings.index_url,
        proxy_url=settings.proxy_url,
        no_proxy=settings.no_proxy,
        trust=dict.fromkeys(_TRUST, BUNDLE) if settings.authorities else {},
        route=_route(settings, mode) if routed else {},
        authorities=settings.authorities,
        docker_users=settings.docker_users,
        containerd=settings.containerd,
    )


def _route(settings: Settings, mode: Mode) -> dict[str, str]:
    if mode is Mode.PROXY:
        no_proxy = ",".join(settings.no_proxy)
        # Some programs read the small letters alone, some the capitals.
        return {
            "HTTPS_PROXY": settings.proxy_url,
            "https_proxy": settings.proxy_url,
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
        }
    if mode is Mode.INDEX:
        # Without its slash: pipenv would ask for /simple//name.
        url = settings.index_url.rstrip("/")
        return {"PDM_PYPI_URL": url, "PIPENV_PYPI_MIRROR": url}
    return {}


def chosen_targets(host: Host, settings: Settings) -> list[Target]:
    """
    Return the targets that are on this host, of those that were chosen.

    Raises:
        Refusal: one that was chosen by name does not exist, or is not on this host.

    """
    if settings.targets is None:
        return [target for target in TARGETS if target.found(host)]
    known = {target.name: target for target in TARGETS}
    for name in settings.targets:
        if name not in known:
            raise Refusal(
                f"cellar_runner_targets names {name}, which is none of {', '.join(known)}"
            )
        if not known[name].found(host):
            raise Refusal(f"cellar_runner_targets names {name}, which is not on this host")
    return [target for target in TARGETS if target.name in settings.targets]


def make_parts(
    host: Host, settings: Settings, plan: Plan, *, without: Container[str] = ()
) -> Sequence[Part]:
    """
    Return all that is wanted on this host; what is trusted comes before what needs it.

    Targets whose names are in `without` are not asked.

    Raises:
        Refusal: a target cannot be chosen, or cannot be what it is to be.

    """
    parts = [
        Part(PAYLOAD_PART, payload.edits(host, plan)),
        Part("trust store", trust_store.edits(host, plan), trust_store.commands(host)),
    ]
    parts += [
        Part(target.name, target.edits(host, plan), target.reload(host))
        for target in chosen_targets(host, settings)
        if target.name not in without
    ]
    return parts
