"""
The command.

Exit status: 0, it was done, or there was nothing to do. 1, a part of it could not be done; the
sentences say which, and the rest was. 2, it was refused and nothing was changed, or the command
line was wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from cellar_runner import routing, status
from cellar_runner.guard import service
from cellar_runner.host import Host
from cellar_runner.refusal import Refusal
from cellar_runner.settings import parse_settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cellar_runner.converging import Outcome

FAILED = 1
REFUSED = 2


def main(arguments: Sequence[str] | None = None, host: Host | None = None) -> int:
    """Run the command line, and return the exit status."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace, Host], int] = options.run
    try:
        return run(options, host or Host())
    except Refusal as refusal:
        return _fail(str(refusal), REFUSED)
    except PermissionError as error:
        return _fail(f"{error.filename}: {error.strerror}; run this as root", REFUSED)
    except OSError as error:
        return _fail(f"{error.filename or 'the host'}: {error.strerror or error}", FAILED)


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _fail(sentence: str, exit_status: int) -> int:
    sys.stderr.write(f"cellar-runner: {sentence}\n")
    return exit_status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cellar-runner",
        description="Makes the jobs of this host use a Cellar appliance, as long as it is there.",
        epilog="Exit status: 0 done; 1 a part could not be done; 2 refused, nothing was changed.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.add_argument("--json", action="store_true", help="write JSON")
        made.set_defaults(run=run)
        return made

    check = command("check", _check, "Say what `apply` would change, or why it cannot.")
    check.add_argument("--settings", metavar="JSON", help="these, not those of the host")
    command("apply", _apply, "Make the host what its settings say.")
    command("remove", _remove, "Make the host what it was before.")
    command("refresh", _refresh, "Write the certificate bundle and all else anew, if it changed.")
    command("status", _status, "Show whether jobs use the appliance, and since when and why.")
    command("pause", _pause, "Lead jobs past the appliance until `resume`.")
    command("resume", _resume, "Let the guard decide again where jobs go.")
    guard = command("guard", _guard, "Be the service that probes the appliance, and decides.")
    guard.add_argument(
        "--stopped", action="store_true", help="do what is to be done when the service has ended"
    )
    return parser


def _check(options: argparse.Namespace, host: Host) -> int:
    if options.settings is None:
        settings = read_settings(host)
    else:
        settings = parse_settings(options.settings, "--settings")
    mode, why, outcome = routing.check(host, settings)
    if not options.json:
        _say(f"Mode {mode}, because {why}.", *(f"Would change {p}" for p in outcome.changed))
    return _report(options, outcome, quiet=True, mode=str(mode), mode_why=why)


def _apply(options: argparse.Namespace, host: Host) -> int:
    return _report(options, routing.apply(host))


def _remove(options: argparse.Namespace, host: Host) -> int:
    return _report(options, routing.remove(host))


def _refresh(options: argparse.Namespace, host: Host) -> int:
    return _report(options, routing.refresh(host))


def _pause(options: argparse.Namespace, host: Host) -> int:
    return _report(options, routing.set_routed(host, routed=False, why="paused", paused=True))


def _resume(options: argparse.Namespace, host: Host) -> int:
    outcome = routing.set_routed(
        host, routed=False, why="resumed: the guard has not yet seen the appliance", paused=False
    )
    return _report(options, outcome)


def _status(options: argparse.Namespace, host: Host) -> int:
    found = status.read_status(host)
    _say(json.dumps(found.to_json(), indent=2) if options.json else found.text())
    return 0


def _guard(options: argparse.Namespace, host: Host) -> int:
    return service.stopped(host) if options.stopped else service.serve(host)


def _report(
    options: argparse.Namespace, outcome: Outcome, *, quiet: bool = False, **more: str
) -> int:
    """Show what was done; the failures are on the standard error output as well."""
    if options.json:
        document = {
            "changed": [str(path) for path in outcome.changed],
            "notes": list(outcome.notes),
            "failures": list(outcome.failures),
            **more,
        }
        _say(json.dumps(document, indent=2))
    else:
        _say(*(f"Changed {path}" for path in (() if quiet else outcome.changed)))
        _say(*(f"Note: {note}." for note in outcome.notes))
    for failure in outcome.failures:
        _fail(failure, FAILED)
    return FAILED if outcome.failures else 0
