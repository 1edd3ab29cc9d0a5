"""What GitHub's runners run before each job, in files that others have filled."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from cellar_runner import routing
from cellar_runner.refusal import Refusal
from cellar_runner.targets.github import GitHub
from unit.runner.targets.support import (
    GITHUB_FILES,
    GITHUB_FOLDER,
    PLAN,
    apply,
    files_of,
    fill,
    remove,
    text,
)
from unit.runner.trees import write

if TYPE_CHECKING:
    from pathlib import Path

    from cellar_runner.host import Host


HOOK = "/usr/local/lib/cellar-runner/github-job-started.sh"


def test_each_github_runner_gets_the_hook_and_the_one_before_is_called_by_it(host: Host) -> None:
    fill(host, GITHUB_FILES)
    before = files_of(host)
    apply(host, GitHub(), PLAN)
    assert text(host, f"{GITHUB_FOLDER}/.env") == (
        f"LANG=C.UTF-8\nACTIONS_RUNNER_HOOK_JOB_STARTED={HOOK}\n"
        "CELLAR_RUNNER_EARLIER_HOOK=/opt/hooks/mine.sh\n"
    )
    second = text(host, "/home/ci/actions-runner-2/.env")
    assert second == f"ACTIONS_RUNNER_HOOK_JOB_STARTED={HOOK}\n"
    assert host.path(HOOK).stat().st_mode & 0o777 == 0o755
    assert "PROXY" not in text(host, f"{GITHUB_FOLDER}/.env")
    remove(host)
    assert files_of(host) == before


def test_a_github_runners_service_starts_after_the_guard(host: Host) -> None:
    """A machine that lives for one job has no second one that would find the routes."""
    fill(host, GITHUB_FILES)
    apply(host, GitHub(), PLAN)
    folder = "/etc/systemd/system/actions.runner.corp-app.box.service.d"
    assert text(host, f"{folder}/50-cellar-runner.conf") == (
        "# Written by cellar-runner.\n[Unit]\nAfter=cellar-runner-guard.service\n"
    )
    assert [command.arguments for command in GitHub().reload(host)] == [
        ("systemctl", "daemon-reload")
    ]


def test_a_github_hook_set_meanwhile_stays_and_ours_goes(host: Host) -> None:
    fill(host, GITHUB_FILES)
    apply(host, GitHub(), PLAN)
    file = host.path(f"{GITHUB_FOLDER}/.env")
    file.write_text(file.read_text().replace(HOOK, "/opt/hooks/newer.sh") + "TZ=UTC\n")
    remove(host)
    assert file.read_text() == (
        "LANG=C.UTF-8\nACTIONS_RUNNER_HOOK_JOB_STARTED=/opt/hooks/newer.sh\nTZ=UTC\n"
    )


def started(host: Host, tmp_path: Path, **variables: str) -> tuple[str, int]:
    """Run the hook as the runner does; return what it added to $GITHUB_ENV, and its exit status."""
    apply(host, GitHub(), PLAN)
    script = text(host, HOOK).replace("/etc/cellar-runner", str(host.path("/etc/cellar-runner")))
    hook = write(tmp_path / "hook.sh", script)
    added = write(tmp_path / "github_env", "")
    environment = {
        "PATH": "/usr/bin:/bin",
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "GITHUB_ENV": str(added),
        **variables,
    }
    done = subprocess.run(
        ["bash", "-e", hook], env=environment, capture_output=True, text=True, check=False
    )
    return added.read_text(), done.returncode


def test_a_github_job_gets_all_variables_and_a_bundle_that_its_containers_see(
    host: Host, payload: Path, tmp_path: Path
) -> None:
    fill(host, GITHUB_FILES)
    copy = tmp_path / "temp" / "_github_home" / ".cellar-runner.pem"
    said, status = started(host, tmp_path)
    assert status == 0
    assert said == f"SSL_CERT_FILE={copy}\nHTTPS_PROXY=http://192.0.2.10:3128\n"
    assert copy.read_text() == payload.read_text()


@pytest.mark.parametrize("broken", ["bundle", "environment", "temp"])
def test_a_github_job_gets_nothing_and_goes_on_where_the_hook_cannot_do_all(
    host: Host, payload: Path, tmp_path: Path, broken: str
) -> None:
    fill(host, GITHUB_FILES)
    if broken == "bundle":
        payload.unlink()
    elif broken == "environment":
        host.path("/etc/cellar-runner/environment").unlink()
    else:
        write(tmp_path / "temp", "a file\n")
    assert started(host, tmp_path) == ("", 0)


def test_a_github_runner_with_a_proxy_of_its_own_keeps_it_and_gets_no_certificates(
    host: Host, payload: Path, tmp_path: Path
) -> None:
    fill(host, GITHUB_FILES)
    assert payload.exists()
    assert started(host, tmp_path, HTTPS_PROXY="http://proxy.corp.example:8080") == ("", 0)


def test_the_earlier_github_hook_runs_and_its_failure_fails_the_job_as_before(
    host: Host, payload: Path, tmp_path: Path
) -> None:
    fill(host, GITHUB_FILES)
    assert payload.exists()
    earlier = write(tmp_path / "mine.sh", 'echo A=b >>"$GITHUB_ENV"\nfalse\necho C=d\n')
    said, status = started(host, tmp_path, CELLAR_RUNNER_EARLIER_HOOK=str(earlier))
    assert said.endswith("HTTPS_PROXY=http://192.0.2.10:3128\nA=b\n")
    assert status == 1


def test_a_removal_is_refused_while_a_github_runner_would_fail_without_the_hook(
    host: Host,
) -> None:
    fill(host, GITHUB_FILES)
    apply(host, GitHub(), PLAN)
    write(host.path("/proc/4711/cmdline"), f"{GITHUB_FOLDER}/bin/Runner.Listener\0run\0")
    write(host.path("/proc/4711/environ"), f"ACTIONS_RUNNER_HOOK_JOB_STARTED={HOOK}\0")
    with pytest.raises(Refusal, match="restart its service when it is idle"):
        routing.remove(host)
    assert HOOK in text(host, f"{GITHUB_FOLDER}/.env")
    write(host.path("/proc/4711/environ"), "")
    routing.remove(host)
    assert HOOK not in text(host, f"{GITHUB_FOLDER}/.env")
    assert not host.has(HOOK)


def test_the_hook_is_not_taken_from_a_github_runner_that_would_miss_it(host: Host) -> None:
    fill(host, GITHUB_FILES)
    GitHub().release(host)  # nothing runs: nothing is said
    write(host.path("/proc/4711/cmdline"), f"{GITHUB_FOLDER}/bin/Runner.Listener\0run\0")
    write(host.path("/proc/4711/environ"), f"A=b\0ACTIONS_RUNNER_HOOK_JOB_STARTED={HOOK}\0")
    with pytest.raises(Refusal, match="process 4711"):
        GitHub().release(host)
    write(host.path("/proc/4711/environ"), "A=b\0")
    GitHub().release(host)
