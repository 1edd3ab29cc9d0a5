"""What `make up` shows and leaves, and what `make clean` leaves to others."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from appliance import Trial
from demonstration import Demonstration, Pair, Run, fetched
from failure import Failure
from playbook import Output
from screen import Progress, Screen

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[3]


def screen() -> tuple[Screen, io.StringIO]:
    """Return a screen that is no terminal, and what it prints."""
    shown, printed = Screen(), io.StringIO()
    shown.console = Console(file=printed, width=200, highlight=False, soft_wrap=True)
    return shown, printed


def read(text: str) -> tuple[Output, list[str], list[str]]:
    """Return what was made of Ansible's output, the steps that began, and those that ran."""
    begun: list[str] = []
    ran: list[str] = []
    output = Output(Progress(begun.append, ran.append))
    for line in text.splitlines(keepends=True):
        output.take(line)
    return output, begun, ran


FAILED = """
TASK [rewriter : Require that they are there] ****
[ERROR]: Task failed: Action failed: The wheels could not be downloaded.
Origin: /srv/cellar/roles/rewriter/tasks/fetch.yml:20:3

fatal: [cellar-local]: FAILED! =>
    msg: The wheels could not be downloaded.

RUNNING HANDLER [rewriter : Reload the rewriter] ****
[ERROR]: Task failed: Module failed: Could not find the requested service cellar-rewriter.service
"""


def test_the_first_error_is_the_reason_and_not_what_handlers_find_after_it() -> None:
    output, _, _ = read(FAILED)

    assert output.error == "The wheels could not be downloaded."


def test_an_error_that_ansible_ignores_is_no_reason() -> None:
    ignored = FAILED.partition("RUNNING")[0] + "...ignoring\n"

    assert read(ignored)[0].error == ""
    output, _, _ = read(ignored + FAILED.replace("wheels", "pages"))
    assert output.error == "The pages could not be downloaded."


def test_only_what_ran_is_said_to_have_run() -> None:
    lines = [
        *("TASK [a : Skipped] ***", "skipping: [host]", ""),
        *("TASK [b : Ran] ***", "changed: [host]", "changed: [other]", ""),
        *("TASK [c : Skipped for one item] ***", "skipping: [host] => (item=1) ", "ok: [host]"),
    ]

    _, begun, ran = read("\n".join(lines))

    assert begun == ["a : Skipped", "b : Ran", "c : Skipped for one item"]
    assert ran == begun[1:]


def test_off_a_terminal_a_step_is_printed_when_it_has_run() -> None:
    shown, printed = screen()

    with shown.progress("play") as progress:
        progress.begin("skipped")
        progress.begin("done")
        progress.ran("done")

    assert printed.getvalue() == "play\n  done\n"


def pair(first: float, second: float) -> Pair:
    return Pair("uv", "index", Run(first, 100_000, 90_000), Run(second, 110_000, 120_000))


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([pair(5, 1), pair(1, 2)], "were 3.0 s faster in all"),
        ([pair(2, 3), pair(1, 1.5)], "were 1.5 s slower in all"),
    ],
)
def test_what_was_lost_is_counted_like_what_was_won(pairs: list[Pair], said: str) -> None:
    shown, printed = screen()

    shown.show(Demonstration("2026-06-01 12:00", ["six"], pairs))

    assert said in printed.getvalue()
    assert "-0.01 MB" in printed.getvalue(), "more came from PyPI than was served"


def test_the_sum_of_what_was_saved_is_of_the_second_installs() -> None:
    """The first ones start from an empty cache, for which a gateway may unpack what it fetches."""
    shown, printed = screen()
    warm = Run(1, 3_000_000, 500_000)

    shown.show(
        Demonstration(
            "2026-06-01 12:00", ["six"], [Pair("uv", "a", Run(5, 1, 7_000_000), warm)] * 2
        )
    )

    text = " ".join(printed.getvalue().split())
    assert "2 first installs of six had 14.00 MB fetched from PyPI." in text
    assert "The 2 second ones took 6.00 MB, 5.00 MB of it from the cache" in text


# Podman, as far as `Trial` and `clean` ask it: files of containers, and what was removed.
PODMAN = """#!/bin/sh
case "$1 $2" in
'cp '*) f="$PODMAN_STATE/$(echo "${2%%:*}:${2##*/}")"; [ -f "$f" ] || exit 125
    cp "$f" "$PODMAN_STATE/tmp/${2##*/}"; exec tar -C "$PODMAN_STATE/tmp" -c "${2##*/}" ;;
'container inspect') case $5 in *Running*) echo true ;; *) echo 4711 ;; esac ;;
'exec cellar-local') printf %s "$7" >"$PODMAN_STATE/cellar-local:cellar-trial.json" ;;
'ps --all') printf '%s localhost/cellar-x:1\\n' ours theirs unmarked; echo "db other/image" ;;
'network ls') printf '%s\\n' podman cellar-local cellar-used ;;
'images --format') printf 'localhost/cellar-%s:1\\n' used free ;;
*) echo "$@" >>"$PODMAN_STATE/calls"; case "$*" in *used*) exit 2 ;; esac ;;
esac
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a stand-in for Podman, which is found first."""
    state = tmp_path / "state"
    (state / "tmp").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/podman").write_text(PODMAN)
    (tmp_path / "bin/podman").chmod(0o755)
    monkeypatch.setenv("PODMAN_STATE", str(state))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    return state


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the playbooks that were run, which are not run."""
    books: list[str] = []
    record: Callable[..., None] = lambda *arguments: books.append(arguments[1])  # noqa: E731 short
    monkeypatch.setattr("appliance.run_playbook", record)
    return books


def test_nothing_is_to_be_done_for_an_appliance_that_this_checkout_converged(
    state: Path, played: list[str]
) -> None:
    trial = Trial(screen()[0])
    (state / "cellar-local:cellar-checkout").write_text(f"{ROOT}\n")
    assert not trial.is_current()

    trial.converge()

    assert played == ["playbooks/containers/create.yml", "playbooks/appliance.yml"]
    assert trial.is_current()
    trial.keep(Demonstration("2026-06-01 12:00", ["six"], [pair(2, 1)]))
    assert trial.demonstration() == Demonstration("2026-06-01 12:00", ["six"], [pair(2, 1)])
    assert trial.is_current()


@pytest.mark.usefixtures("played")
def test_the_appliance_of_another_checkout_is_taken_over_aloud_and_never_removed(
    state: Path, tmp_path: Path
) -> None:
    shown, printed = screen()
    trial = Trial(shown)
    (state / "cellar-local:cellar-checkout").write_text(f"{ROOT}\n")
    trial.converge()
    (state / "cellar-local:cellar-checkout").write_text(f"{tmp_path}\n")

    assert not trial.is_current(), "the same sources, but of another checkout"
    with pytest.raises(Failure, match=f"is the appliance of {tmp_path}: run `make down` there"):
        trial.require_ours()
    assert "Taking over" not in printed.getvalue()
    trial.converge()
    assert f"Taking over cellar-local of {tmp_path}." in printed.getvalue()


@pytest.mark.parametrize("owner", [str(ROOT), "/nonexistent/checkout", ""])
def test_an_appliance_that_is_ours_or_nobodys_may_be_removed(state: Path, owner: str) -> None:
    (state / "cellar-local:cellar-checkout").write_text(owner)

    Trial(screen()[0]).require_ours()


def test_clean_leaves_what_is_of_other_checkouts_or_in_use_and_names_it(
    state: Path, tmp_path: Path
) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "scripts").mkdir(parents=True)
    (checkout / ".cellar").mkdir()
    shutil.copy(ROOT / "scripts/clean", checkout / "scripts/clean")
    (state / "ours:cellar-checkout").write_text(f"{checkout}\n")
    (state / "theirs:cellar-checkout").write_text("/srv/theirs\n")

    done = subprocess.run(
        [checkout / "scripts/clean"],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines() == [
        "Container theirs stays: its checkout is /srv/theirs.",
        "Container unmarked stays: its checkout is unknown.",
        "Network cellar-used stays: a container uses it.",
        "Image localhost/cellar-used:1 stays: a container uses it.",
        "Clean. Next: make up, or make test.",
    ]
    assert (state / "calls").read_text().splitlines() == [
        "rm --force --time 0 --volumes ours",
        "network rm cellar-local",
        "network rm cellar-used",
        "rmi localhost/cellar-used:1",
        "rmi localhost/cellar-free:1",
    ]
    assert not (checkout / ".cellar").exists()
    assert done.stderr == ""


def test_every_container_is_marked_with_its_checkout() -> None:
    play = (ROOT / "playbooks/containers/create.yml").read_text()

    assert "dest: /etc/cellar-checkout" in play


def test_ansible_needs_no_home_of_the_user() -> None:
    done = subprocess.run(
        ["make", "--silent", "--directory", ROOT, "--eval", "show: ; @echo $$ANSIBLE_HOME", "show"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == f"{ROOT}/.cellar/ansible"


@pytest.mark.parametrize(
    ("address", "count", "rewriter", "sent"),
    [
        ("192.0.2.1:443", "7", "", 7),
        ("192.0.2.1:443, 192.0.2.2:443", "-, 7", "", 7),
        ("192.0.2.1:443 : unix:/run/nginx/internal.sock", "7 : 90", "", 7),
        ("unix:/run/cellar/rewriter.sock", "90", "7", 7),
        ("unix:/run/nginx/internal.sock", "90", "", 0),
    ],
)
def test_only_what_upstream_sent_counts_as_fetched(
    address: str, count: str, rewriter: str, sent: int
) -> None:
    assert fetched({"address": address, "bytes": count, "rewriter_bytes": rewriter}) == sent
