"""The `cellar` command, as operators and the Ansible role call it."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import cellar
from cellar.cli import main
from unit.cellar.support import SETTINGS, changed, toml, write_settings

REPOSITORY = Path(__file__).parents[3]
COMMANDS = {
    "check-settings",
    "explain",
    "metrics",
    "purge",
    "report",
    "resolve",
    "rewriter",
    "selftest",
    "status",
    "verify",
    "warm",
}


def test_the_packages_version_is_the_one_that_is_installed() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == cellar.__version__
    assert project["scripts"] == {"cellar": "cellar.cli:main"}
    result = CliRunner().invoke(main, ["--version"], prog_name="cellar")
    assert result.stdout == f"cellar {cellar.__version__}\n"


def test_the_help_names_every_command_and_where_to_begin() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for words in ("Begin with `cellar status`", "exits with 0 if all is well", *COMMANDS):
        assert words in result.stdout
    assert "..." not in result.stdout.partition("[ARGS]...")[2], "a sentence was cut"


# What runs until it is told to end has no result.
@pytest.mark.parametrize("command", sorted(COMMANDS - {"rewriter"}))
def test_the_help_of_each_command_says_what_its_exit_status_means(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert re.search(r"Exits\s+with\s+0", result.stdout), result.stdout


def test_an_unknown_command_is_refused_by_its_name() -> None:
    result = CliRunner().invoke(main, ["common"])
    assert result.exit_code == 2
    assert "No such command 'common'." in result.stderr


def test_what_a_timer_runs_every_minute_does_not_load_the_web_server() -> None:
    code = (
        "import sys\n"
        "from cellar.cli import main\n"
        "main([sys.argv[1], '--help'], standalone_mode=False)\n"
        "print('loaded:', 'cellar.server' in sys.modules)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    loaded = {}
    for command in ("resolve", "metrics", "report", "rewriter"):
        run = [sys.executable, "-c", code, command]
        result = subprocess.run(run, env=env, capture_output=True, text=True, check=True)
        loaded[command] = result.stdout.splitlines()[-1].removeprefix("loaded: ")
    assert loaded == {"resolve": "False", "metrics": "False", "report": "False", "rewriter": "True"}


def completed(words: str) -> list[str]:
    """Return what bash is offered for the last of some words."""
    variables = {"_CELLAR_COMPLETE": "bash_complete", "COMP_WORDS": words}
    variables["COMP_CWORD"] = str(len(words.split(" ")) - 1)
    result = CliRunner().invoke(main, [], prog_name="cellar", env=variables)
    return [line.partition(",")[2] or line for line in result.stdout.splitlines()]


def test_shells_complete_commands_options_and_the_words_that_options_take() -> None:
    assert completed("cellar sel") == ["selftest"]
    assert set(completed("cellar ")) == COMMANDS
    assert completed("cellar verify --a") == ["--all"]
    assert "project" in completed("cellar report --by ")


def test_lock_files_are_completed_as_files() -> None:
    variables = {"_CELLAR_COMPLETE": "bash_complete", "COMP_WORDS": "cellar warm uv."}
    result = CliRunner().invoke(main, [], prog_name="cellar", env={**variables, "COMP_CWORD": "2"})
    assert result.stdout.startswith("file,")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_command_has_a_script_for_each_shell_that_the_role_installs(shell: str) -> None:
    path = REPOSITORY / "roles/rewriter/vars/main.yml"
    assert shell in yaml.safe_load(path.read_text(encoding="utf-8"))["__rewriter_completions"]
    variables = {"_CELLAR_COMPLETE": f"{shell}_source"}
    result = CliRunner().invoke(main, [], prog_name="cellar", env=variables)
    assert f"_CELLAR_COMPLETE={shell}_complete" in result.stdout


def test_good_settings_are_accepted_from_any_path(tmp_path: Path) -> None:
    # Ansible validates a temporary file before it replaces the real one.
    path = write_settings(tmp_path / ".ansible_tmp_x1y2")
    result = CliRunner().invoke(main, ["check-settings", str(path)])
    assert (result.exit_code, result.stderr) == (0, "")


def test_bad_settings_are_refused_with_every_problem_on_stderr(tmp_path: Path) -> None:
    path = tmp_path / "cellar.toml"
    path.write_text(toml(changed(pages={"max_age": 0}, rewriter={"workers": "2"})))
    result = CliRunner().invoke(main, ["check-settings", str(path)])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert [line.partition(" is ")[0] for line in result.stderr.splitlines()] == [
        f"{path}: pages.max_age",
        f"{path}: rewriter.workers",
    ]


@pytest.mark.parametrize("command", ["check-settings", "selftest"])
def test_the_settings_file_can_be_named_in_the_environment(tmp_path: Path, command: str) -> None:
    path = tmp_path / "elsewhere.toml"
    path.write_text(toml(SETTINGS).replace("[pages]", "[sheets]"))
    result = CliRunner().invoke(main, [command], env={"CELLAR_SETTINGS": str(path)})
    assert result.exit_code != 0
    assert f"{path}: sheets is not a known section" in result.stderr


def test_the_rewriter_does_not_start_without_a_socket(tmp_path: Path) -> None:
    path = write_settings(tmp_path / "cellar.toml")
    result = CliRunner().invoke(main, ["rewriter", "--settings", str(path)])
    assert result.exit_code == 2
    assert "There is no socket to listen on: " in result.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (toml(changed(pages={"max_age": 0})), "pages.max_age is 0; it must be"),
        (toml(changed(upstream={"ca_file": "/nonexistent/ca.pem"})), "no such file or directory; "),
        (toml(changed(upstream={"ca_file": __file__})), "holds no certificate in PEM form; "),
    ],
)
def test_the_rewriter_does_not_start_with_what_it_cannot_use(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "cellar.toml"
    path.write_text(text)
    arguments = ["rewriter", "--settings", str(path), "--bind", f"unix:{tmp_path / 'socket'}"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output
