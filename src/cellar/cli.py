"""The `cellar` command."""

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from cellar import __version__
from cellar.explain import explanation
from cellar.explain.asking import AskingError, ask
from cellar.explain.fate import fate_of
from cellar.explain.question import Question, QuestionError
from cellar.index.links import Links
from cellar.policy import Policy, StoragePolicy
from cellar.policy.texts import one_line
from cellar.resolving import resolve as resolve_all
from cellar.selftest.checks import checks
from cellar.selftest.report import Status, as_json, run_checks
from cellar.server import RewriterApplication, has_systemd_socket
from cellar.settings import DEFAULT_PATH, SettingsError, read_settings
from cellar.upstream import AccessError

_SETTINGS_VARIABLE = "CELLAR_SETTINGS"
_UNUSABLE = 2

_settings_option = click.option(
    "--settings",
    "settings_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default=DEFAULT_PATH,
    envvar=_SETTINGS_VARIABLE,
    show_envvar=True,
    show_default=True,
    help="The settings file of the appliance.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """
    Look after a Cellar appliance: a cache of PyPI for CI machines.

    The settings file is written by the Ansible role, so there is nothing to edit here. To see
    whether an appliance works, run `cellar selftest` on it.
    """


@main.command("check-settings")
@click.argument(
    "file",
    type=click.Path(path_type=Path),
    default=DEFAULT_PATH,
    envvar=_SETTINGS_VARIABLE,
)
def check_settings(file: Path) -> None:
    """
    Check a settings file and list every problem in it.

    FILE is /etc/cellar/cellar.toml unless given here or in CELLAR_SETTINGS. Exits with 0 if the
    file can be used, else with 1.
    """
    try:
        read_settings(file)
    except SettingsError as error:
        _complain(*error.problems)
        sys.exit(1)
    click.echo(f"{file}: the settings can be used.")


@main.command()
@_settings_option
@click.option(
    "--bind",
    metavar="ADDRESS",
    help="Listen here (unix:/path, or host:port) instead of on systemd's socket: to try it out.",
)
def rewriter(settings_path: Path, bind: str | None) -> None:
    """
    Run the index rewriter; the service unit does this.

    It listens on the socket that systemd passes, reports readiness to systemd, reads its settings
    again on SIGHUP and finishes the requests it has begun on SIGTERM.
    """
    if bind is None and not has_systemd_socket():
        _complain(
            "There is no socket to listen on: start cellar-rewriter.socket with systemctl, or give "
            "an address with --bind."
        )
        sys.exit(_UNUSABLE)
    try:
        application = RewriterApplication(settings_path, bind)
    except SettingsError as error:
        _complain(*error.problems)
        sys.exit(_UNUSABLE)
    except AccessError as error:
        _complain(str(error))
        sys.exit(_UNUSABLE)
    application.run()


@main.command()
@_settings_option
def resolve(settings_path: Path) -> None:
    """
    Resolve the names of upstream hosts; a timer does this every minute.

    What changed is written for the engine and the rewriter. A name that cannot be resolved keeps
    its last addresses. Exits with 0 if every name was resolved, 1 if one was not, and 2 if the
    settings cannot be used.
    """
    try:
        settings = read_settings(settings_path)
    except SettingsError as error:
        _complain(*error.problems)
        sys.exit(_UNUSABLE)
    failures = list(resolve_all(settings))
    _complain(*failures)
    if failures:
        sys.exit(1)


@main.command()
@_settings_option
@click.option("--json", "json_output", is_flag=True, help="Print one JSON object instead of lines.")
def selftest(settings_path: Path, json_output: bool) -> None:  # noqa: FBT001 click passes flags so
    """
    Check that this appliance works, through its own doors.

    One line for each check: "ok" and what was found, "FAIL" with what to do, or "skip" for a check
    that says nothing because another one failed. Exits with 0 if nothing failed, 1 if something
    did, and 2 if the settings cannot be used.
    """
    try:
        settings = read_settings(settings_path)
    except SettingsError as error:
        _complain(*error.problems)
        sys.exit(_UNUSABLE)
    results = []
    for result in run_checks(checks(settings)):
        results.append(result)
        if not json_output:
            click.echo(str(result))
    if json_output:
        click.echo(as_json(results))
    if any(result.status is Status.FAIL for result in results):
        sys.exit(1)


@main.command()
@click.argument("requirement")
@_settings_option
@click.option("--json", "json_output", is_flag=True, help="Print one JSON object instead of lines.")
def explain(requirement: str, settings_path: Path, json_output: bool) -> None:  # noqa: FBT001 click
    """
    Say which files clients are offered and which are stored, and the rules that say so.

    REQUIREMENT is a project (demo), a requirement (demo==1.2), or the name or the URL of a file.
    The project's own indexes are asked, not the cache. One line for each file: its verdict
    (offered, hidden, or refused), the rule and the setting that it stands in, since when the rule
    holds, until when if time alone ends it, and why the rule matches. Then what becomes of a file
    that clients ask for (stored, streamed, redirected, refused for its size, undecided if its size
    counts and the page does not say it, or elsewhere if its URL does not lead to the appliance),
    the rule or the setting that says so, and why.

    Exits with 0 if at least one of the files is offered, 1 if none is, and 2 if that cannot be
    said.
    """
    try:
        settings = read_settings(settings_path)
        question = Question.parse(requirement)
        project, document = ask(settings, question)
    except SettingsError as error:
        _complain(*error.problems)
        sys.exit(_UNUSABLE)
    except (QuestionError, AskingError) as error:
        _complain(one_line(str(error)))
        sys.exit(_UNUSABLE)
    rows = explanation.explain(
        question,
        document,
        project,
        Policy(settings.file_rules),
        partial(
            fate_of,
            StoragePolicy(settings.file_rules, settings.files, settings.file_zones),
            Links.of(settings.indexes),
        ),
        datetime.now(UTC),
        datetime.fromtimestamp(settings_path.stat().st_mtime, UTC),
    )
    if json_output:
        click.echo(explanation.as_json(question, project, rows))
    elif rows:
        click.echo(explanation.as_table(rows))
    if not rows:
        _complain(f"The page of {project} has no file that matches {one_line(question.text)}.")
    if not explanation.is_offered(rows):
        sys.exit(1)


def _complain(*sentences: str) -> None:
    for sentence in sentences:
        click.echo(sentence, err=True)
