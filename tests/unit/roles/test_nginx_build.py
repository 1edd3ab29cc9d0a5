"""An nginx whose holes are known is refused, by Debian's own order of versions."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from unit.roles.test_failed_runs import play, write_program

ROOT = Path(__file__).resolve().parents[3]


def judged(folder: Path, release: str, version: str) -> tuple[bool, str]:
    """Return whether a host of a Debian with this nginx is taken, and what is said."""
    write_program(folder / "dpkg-query", f"#!/bin/sh\nprintf %s '{version}'\n")
    done = play(
        folder,
        vars_files=[str(ROOT / "roles/nginx/vars/main.yml")],
        tasks=[
            {
                "ansible.builtin.set_fact": {
                    "distribution_major_version": release,
                    "cacheable": True,
                }
            },
            *yaml.safe_load((ROOT / "roles/nginx/tasks/build.yml").read_text()),
        ],
    )
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode in {0, 2}, said
    assert "changed=0" in said
    return done.returncode == 0, said


@pytest.mark.parametrize(
    ("release", "version"),
    [
        ("12", "1.22.1-9+deb12u11"),
        ("12", "1.22.1-9+deb12u100"),
        ("13", "1.26.3-3+deb13u11"),
    ],
)
def test_an_nginx_with_this_years_fixes_is_taken(
    tmp_path: Path, release: str, version: str
) -> None:
    taken, said = judged(tmp_path, release, version)

    assert taken, said


@pytest.mark.parametrize(
    ("release", "version", "least"),
    [
        ("12", "1.22.1-9+deb12u9", "1.22.1-9+deb12u11"),  # as texts, the other way round
        ("12", "1.22.1-9", "1.22.1-9+deb12u11"),
        ("13", "1.26.3-3+deb13u10", "1.26.3-3+deb13u11"),
    ],
)
def test_an_older_one_is_refused_with_the_version_and_the_remedy(
    tmp_path: Path, release: str, version: str, least: str
) -> None:
    taken, said = judged(tmp_path, release, version)

    assert not taken
    assert f"The package nginx is {version}, and security fixes" in said
    assert (
        f"came with {least}: run `apt-get update && apt-get install --only-upgrade nginx`" in said
    )


@pytest.mark.parametrize(
    ("release", "version"),
    [
        ("12", "1.28.0-1~bookworm"),  # nginx.org, which dpkg takes for newer
        ("12", "1.26.3-3+deb13u11~bpo12+1"),  # a backport
        ("13", "1.22.1-9+deb12u11"),  # left by an upgrade of the host
    ],
)
def test_a_build_that_is_not_the_releases_own_is_refused(
    tmp_path: Path, release: str, version: str
) -> None:
    taken, said = judged(tmp_path, release, version)

    assert not taken
    assert (
        f"The package nginx is {version}, which is no build of Debian {release}: remove it" in said
    )
