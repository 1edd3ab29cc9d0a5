"""
Whether jobs are led to the appliance: the state, and the only door to change it.

Applying, the guard and removing all go through here, one at a time.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from cellar_runner import trust_store
from cellar_runner.choosing import choose_mode
from cellar_runner.converging import Outcome, converge, preview
from cellar_runner.doors import Unreachable, try_doors
from cellar_runner.files import read
from cellar_runner.files import replace as replace_file
from cellar_runner.guard import memory
from cellar_runner.journal import Store
from cellar_runner.plan import BUNDLE, Mode
from cellar_runner.planning import PAYLOAD_PART, make_parts, make_plan
from cellar_runner.refusal import Refusal
from cellar_runner.settings import STATE_FOLDER, read_settings
from cellar_runner.targets.every import TARGETS
from cellar_runner.targets.target import Constant, Holding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from cellar_runner.converging import Part
    from cellar_runner.host import Host
    from cellar_runner.settings import Settings
    from cellar_runner.targets.target import Command

STATE = f"{STATE_FOLDER}/state.json"
LOCK = "/run/cellar-runner.lock"
_SYSTEMD = "/run/systemd/system"
_COMMAND_SECONDS = 120
_CONSTANT = frozenset(target.name for target in TARGETS if isinstance(target, Constant))


@dataclass(frozen=True, slots=True)
class State:
    """
    What is known between two runs.

    `since` is in seconds since 1970, of when `routed` last changed, and `why` says for what reason.
    `mode_why` is the reason for the mode. `paused` is the operator's hand. `guard` is the guard's
    own memory.
    """

    routed: bool
    since: float
    why: str
    mode: Mode
    mode_why: str
    paused: bool = False
    guard: Mapping[str, Any] = field(default_factory=dict)


def read_state(host: Host) -> State | None:
    """Return the state; None where the program is not installed, or what is written is damaged."""
    content = read(host.path(STATE))
    try:
        document = json.loads(content or b"")
        known = {each.name for each in fields(State)}
        values = {key: value for key, value in document.items() if key in known}
        return State(**{**values, "mode": Mode(values["mode"])})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def write_state(host: Host, state: State) -> None:
    """Write the state in one step."""
    replace_file(host.path(STATE), json.dumps(asdict(state), indent=1).encode(), 0o600)


@contextmanager
def locked(host: Host) -> Iterator[None]:
    """Wait until no other run changes the host, and let none begin before the end."""
    path = host.path(LOCK)
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # `remove` removes it at its end: who has waited for that one has to take the new one.
            if path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino:
                yield
                return
        finally:
            os.close(descriptor)


def check(host: Host, settings: Settings) -> tuple[Mode, str, Outcome]:
    """
    Return the mode, the reason for it and what `apply` would do; nothing is changed.

    Raises:
        Refusal: it cannot be done.

    """
    _require_systemd(host)
    mode, why, routed, _ = _decide(host, settings)
    outcome = preview(_store(host), _parts(host, settings, mode, routed=routed))
    return mode, why, outcome


def apply(host: Host) -> Outcome:
    """
    Make the host what the settings say.

    On a host that was not one of ours before, jobs are led to the appliance from now on; later it
    is the guard that decides, and this leaves it as it is.

    Raises:
        Refusal: it cannot be done, and nothing was changed.

    """
    _require_systemd(host)
    with locked(host):
        settings = read_settings(host)
        mode, why, routed, before = _decide(host, settings)
        outcome = _converge(host, settings, mode, routed=routed, lenient=False)
        state = before or State(routed, time.time(), "cellar-runner was installed", mode, why)
        _write_if_changed(host, replace(state, mode=mode, mode_why=why))
        return outcome


def set_routed(host: Host, routed: bool, why: str, *, paused: bool | None = None) -> Outcome:  # noqa: FBT001
    """
    Lead jobs to the appliance or past it; files that cannot be changed are among the failures.

    `paused`, if given, is written down in the same step.

    Raises:
        Refusal: there are no settings, or the program is not installed.

    """
    with locked(host):
        state = _installed(host)
        settings = read_settings(host)
        outcome = _converge(host, settings, state.mode, routed=routed, lenient=True, keep=_CONSTANT)
        since = state.since if state.routed == routed else time.time()
        reason = state.why if state.routed == routed and paused is None else why
        held = state.paused if paused is None else paused
        _write_if_changed(host, replace(state, routed=routed, since=since, why=reason, paused=held))
        return outcome


def refresh(host: Host) -> Outcome:
    """
    Write what depends on the system anew, such as the bundle; routes stay as they are.

    Raises:
        Refusal: there are no settings, or the program is not installed.

    """
    with locked(host):
        state = _installed(host)
        settings = read_settings(host)
        return _converge(host, settings, state.mode, routed=state.routed, lenient=True)


def remove(host: Host) -> Outcome:
    """
    Make the host what it was, and forget all that was known of it.

    Where a file cannot be undone the rest is, and the journal stays for another run. The payload
    goes last, and stays as long as something is there that cannot be without it.

    Raises:
        Refusal: the journal cannot be read, or a job would fail without our files.

    """
    with locked(host):
        for target in TARGETS:
            if isinstance(target, Holding):
                target.release(host)
        store = _store(host)
        outcome = converge(store, (), _run, lenient=True, keep={PAYLOAD_PART})
        left = {name for entry in store.load().entries.values() for name in entry.targets}
        if not left & _CONSTANT:
            outcome = _together(outcome, converge(store, (), _run, lenient=True))
        if store.load().empty:
            metrics = _metrics_file(host)
            if metrics is not None:
                metrics.unlink(missing_ok=True)
            shutil.rmtree(host.path(STATE_FOLDER), ignore_errors=True)
            shutil.rmtree(host.path(memory.FOLDER), ignore_errors=True)
        host.path(LOCK).unlink(missing_ok=True)
        return outcome


def _decide(host: Host, settings: Settings) -> tuple[Mode, str, bool, State | None]:
    """Return mode, reason, whether jobs are routed, and the state before."""
    before = read_state(host)
    try:
        mode, why = choose_mode(host, settings)
        try_doors(settings, mode)
    except Unreachable:
        # Away, and known to be: this may be a run of the playbook while the guard has withdrawn.
        if before is None or before.routed:
            raise
        if settings.mode != "auto":
            return Mode(settings.mode), "the settings say so", False, before
        return before.mode, before.mode_why, False, before
    return mode, why, before is None or before.routed, before


def _together(first: Outcome, second: Outcome) -> Outcome:
    return Outcome(
        tuple(dict.fromkeys((*first.changed, *second.changed))),
        second.notes,
        tuple(dict.fromkeys((*first.failures, *second.failures))),
    )


def _converge(  # noqa: PLR0913 # each is one of few kinds
    host: Host,
    settings: Settings,
    mode: Mode,
    *,
    routed: bool,
    lenient: bool,
    keep: AbstractSet[str] = frozenset(),
) -> Outcome:
    """
    Let what is trusted be there, commands included, before anything leads there.

    Routes that are there and stay as they are lead on meanwhile: a host may have no other way. What
    was done for targets in `keep` stays as it is.
    """
    store = _store(host)
    parts = _parts(host, settings, mode, routed=routed, without=keep)
    # Strict: a refusal comes before any change.
    foreseen = preview(store, parts, lenient=lenient, keep=keep)
    if not routed or all(_is_trust(host, path) for path in foreseen.changed):
        return converge(store, parts, _run, lenient=lenient, keep=keep)
    before = _parts(host, settings, mode, routed=False, without=keep)
    first = converge(store, before, _run, lenient=lenient, keep=keep)
    second = converge(store, parts, _run, lenient=lenient, keep=keep)
    failures = dict.fromkeys((*first.failures, *second.failures))
    return Outcome(foreseen.changed, second.notes, tuple(failures))


def _is_trust(host: Host, path: Path) -> bool:
    """Tell whether a file says whom to trust, and nothing of where to go."""
    return path == host.path(BUNDLE) or trust_store.owns(host, path)


def _parts(
    host: Host,
    settings: Settings,
    mode: Mode,
    *,
    routed: bool,
    without: AbstractSet[str] = frozenset(),
) -> Sequence[Part]:
    return make_parts(host, settings, make_plan(settings, mode, routed=routed), without=without)


def _store(host: Host) -> Store:
    return Store(host.path(STATE_FOLDER))


def _installed(host: Host) -> State:
    state = read_state(host)
    if state is None:
        raise Refusal(f"{host.path(STATE)} is missing: `cellar-runner apply` writes it")
    return state


def _write_if_changed(host: Host, state: State) -> None:
    if read_state(host) != state:
        write_state(host, state)


def _require_systemd(host: Host) -> None:
    if not host.path(_SYSTEMD).is_dir():
        raise Refusal(
            "this host was not started by systemd, which runs the guard that lets jobs go on "
            "without the appliance"
        )


def _metrics_file(host: Host) -> Path | None:
    try:
        return host.path(str(read_settings(host).metrics_file))
    except Refusal:
        return None  # half removed already, or never whole


def _run(command: Command) -> str:
    try:
        done = subprocess.run(  # noqa: S603 # the commands are our own
            command.arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        return "there is no such program"
    except subprocess.TimeoutExpired:
        return f"it took longer than {_COMMAND_SECONDS} s"
    if done.returncode == 0:
        return ""
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return said[-1] if said else f"exit status {done.returncode}"
