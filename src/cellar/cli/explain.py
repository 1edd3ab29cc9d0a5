"""The command that says why a client is offered a file, or is not."""

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from cellar.cli.common import (
    FOUND,
    UNUSABLE,
    complain,
    json_option,
    settings_option,
    settings_or_exit,
)
from cellar.explain import explanation
from cellar.explain.asking import AskingError, ask
from cellar.explain.fate import fate_of
from cellar.explain.question import Question, QuestionError
from cellar.index.links import Links
from cellar.policy import Policy, StoragePolicy
from cellar.policy.texts import one_line


@click.command(short_help="Say why a file is offered and stored, or is not.")
@click.argument("requirement")
@settings_option
@json_option
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
    settings = settings_or_exit(settings_path)
    try:
        question = Question.parse(requirement)
        project, document = ask(settings, question)
    except (QuestionError, AskingError) as error:
        complain(one_line(str(error)))
        sys.exit(UNUSABLE)
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
        complain(f"The page of {project} has no file that matches {one_line(question.text)}.")
    if not explanation.is_offered(rows):
        sys.exit(FOUND)
