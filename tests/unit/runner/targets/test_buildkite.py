"""What Buildkite's agents run before each job, in files that others have filled."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from cellar_runner.targets.buildkite import Buildkite
from unit.runner.targets.support import BUILDKITE_FILES, PLAN, apply, files_of, fill, remove, text
from unit.runner.trees import write

if TYPE_CHECKING:
    from pathlib import Path

    from cellar_runner.host import Host


def test_buildkites_hook_keeps_its_lines_and_then_sources_ours(host: Host) -> None:
    fill(host, BUILDKITE_FILES)
    host.path("/etc/bk/hooks/environment").chmod(0o755)
    before = files_of(host)
    apply(host, Buildkite(), PLAN)
    assert text(host, "/etc/bk/hooks/environment") == (
        "#!/usr/bin/env bash\nset -eu\nexport A=b\n# BEGIN cellar-runner\n"
        "[ ! -r /usr/local/lib/cellar-runner/variables.sh ] || "
        ". /usr/local/lib/cellar-runner/variables.sh\n# END cellar-runner\n"
    )
    remove(host)
    assert files_of(host) == before


def test_buildkite_gets_a_hook_where_it_had_none_and_none_is_left(host: Host) -> None:
    fill(host, {"/etc/buildkite-agent/buildkite-agent.cfg": "token=x\n# hooks-path=/x\n"})
    before = files_of(host)
    apply(host, Buildkite(), PLAN)
    hook = host.path("/etc/buildkite-agent/hooks/environment")
    assert hook.read_text().startswith("#!/bin/bash\n")
    assert hook.stat().st_mode & 0o777 == 0o755
    remove(host)
    assert files_of(host) == before


def test_a_hook_of_ours_that_others_have_added_to_stays_with_their_lines(host: Host) -> None:
    fill(host, {"/etc/buildkite-agent/buildkite-agent.cfg": "token=x\n"})
    hook = host.path("/etc/buildkite-agent/hooks/environment")
    for added, left in (("export A=b\n", "#!/bin/bash\nexport A=b\n"), ("\n", None)):
        apply(host, Buildkite(), PLAN)
        hook.write_text(hook.read_text().replace("# BEGIN", f"{added}# BEGIN"))
        remove(host)
        assert (hook.read_text() if hook.exists() else None) == left
        hook.unlink(missing_ok=True)


def test_buildkites_hook_in_another_language_stays(host: Host) -> None:
    hook = "#!/usr/bin/env python3\nprint()\n"
    fill(host, BUILDKITE_FILES | {"/etc/bk/hooks/environment": hook})
    outcome = apply(host, Buildkite(), PLAN)
    assert text(host, "/etc/bk/hooks/environment") == hook
    assert "is no shell script, and is left alone" in outcome.notes[0]


def test_buildkites_jobs_have_all_variables_or_none(host: Host, payload: Path) -> None:
    fill(host, BUILDKITE_FILES)
    apply(host, Buildkite(), PLAN)
    script = text(host, "/usr/local/lib/cellar-runner/variables.sh")
    script = script.replace("/etc/cellar-runner", str(host.path("/etc/cellar-runner")))
    write(host.path("/v.sh"), script)

    def seen(*assignments: str) -> str:
        shown = f"{' '.join(assignments)}\n. {host.path('/v.sh')}\n"
        shown += 'echo "${SSL_CERT_FILE-} ${HTTPS_PROXY-}"'
        done = subprocess.run(
            ["bash", "-euc", shown], env={}, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert seen() == f"{payload} http://192.0.2.10:3128\n"
    assert seen("HTTPS_PROXY=http://corp:1") == " http://corp:1\n"
