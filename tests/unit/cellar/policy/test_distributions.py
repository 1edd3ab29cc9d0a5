"""What names of files say, in the standard's form and in all the others that indexes carry."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from cellar.index.names import is_normalised
from cellar.policy.distributions import Distribution, Kind, parse_filename, project_candidates

# File name, project, version as packaging writes it, kind.
STANDARD = [
    ("demo-1.2-py3-none-any.whl", "demo", "1.2", "wheel"),
    ("Demo_Pkg-1.2-1build-cp311-cp311-linux_x86_64.whl", "demo-pkg", "1.2", "wheel"),
    ("torch-2.9.0+cu128-cp313-cp313-manylinux_2_28_x86_64.whl", "torch", "2.9.0+cu128", "wheel"),
    ("demo-1!2.0rc1.dev3-py3-none-any.whl", "demo", "1!2.0rc1.dev3", "wheel"),
    ("demo_pkg-1.2.tar.gz", "demo-pkg", "1.2", "sdist"),
    ("demo.pkg-1.2.zip", "demo-pkg", "1.2", "sdist"),
    ("foo-bar-1.0.tar.gz", "foo-bar", "1.0", "sdist"),
    ("foo-2-1.0.tar.gz", "foo-2", "1.0", "sdist"),
]
OTHERS = [
    ("foo-bar-1.0.tar.bz2", "foo-bar", "1.0", "sdist"),
    ("foo-1.0-beta-2.tgz", "foo", "1.0b2", "sdist"),
    ("foo-1.0.linux-x86_64.tar.gz", "foo", "1.0", "sdist"),
    ("foo-bar-1.0.win-amd64.zip", "foo-bar", "1.0", "sdist"),
    ("foo_bar-1.0-py2.7.egg", "foo-bar", "1.0", "egg"),
    ("foo_bar-1.0-py3.6-linux-x86_64.egg", "foo-bar", "1.0", "egg"),
    ("foo-bar-1.0.win32-py2.7.exe", "foo-bar", "1.0", "other"),
    ("foo-bar-1.0.win-amd64-py3.4.msi", "foo-bar", "1.0", "other"),
    ("foo-1.0.win32.exe", "foo", "1.0", "other"),
    ("foo-1.0.macosx-10.9-x86_64.dmg", "foo", "1.0", "other"),
    ("foo-bar-1.0-1.noarch.rpm", "foo-bar", "1.0", "other"),
    ("foo_bar-1.0-variants.json", "foo-bar", "1.0", "other"),
    ("foo-bar-1.0-py3-none-any.whl", "foo-bar", "1.0", "wheel"),
    ("foo-1.0_1-py3-none-any.whl", "foo", "1.0.post1", "wheel"),
    ("foo-1.0-py3-none-no tag at all-.whl", "foo", "1.0", "wheel"),
]


@pytest.mark.parametrize(("filename", "project", "version", "kind"), [*STANDARD, *OTHERS])
def test_a_name_is_read(filename: str, project: str, version: str, kind: str) -> None:
    found = parse_filename(filename, project)
    assert (found.project, str(found.version), found.kind) == (project, version, kind)
    assert project in project_candidates(filename)


@pytest.mark.parametrize(("filename", "project"), [row[:2] for row in STANDARD])
def test_a_standard_name_needs_no_help(filename: str, project: str) -> None:
    assert parse_filename(filename) == parse_filename(filename, project)
    assert project_candidates(filename)[0] == project


UNREADABLE = [
    ("pytz-2004d.tar.gz", "pytz", "2004d", "sdist"),
    ("demo-dev-r12.zip", "demo", "dev-r12", "sdist"),
    ("demo-%s.tar.gz" % ("1" * 5000), "demo", "1" * 5000, "sdist"),
    ("demo-final-py3-none-any.whl", "demo", "final", "wheel"),
    ("demo-.tar.gz", "demo", "", "sdist"),
]


@pytest.mark.parametrize(("filename", "project", "written", "kind"), UNREADABLE)
def test_a_version_that_pep_440_does_not_know_is_kept_as_it_is_written(
    filename: str, project: str, written: str, kind: str
) -> None:
    found = parse_filename(filename, project)
    assert (found.project, found.version, found.kind) == (project, None, kind)
    assert found.written == found.release == written


@pytest.mark.parametrize(
    ("filename", "kind"),
    [("", "other"), ("readme.txt", "other"), ("demo.zip", "sdist"), ("-1.0.tar.gz", "sdist")],
)
def test_a_name_without_a_project_says_none(filename: str, kind: str) -> None:
    found = parse_filename(filename)
    assert (found.project, found.version, found.kind) == (None, None, kind)
    assert project_candidates(filename) == ()


def test_the_project_decides_where_a_name_can_be_read_in_two_ways() -> None:
    name = "foo-1.0-1.tar.gz"
    assert str(parse_filename(name, "foo").version) == "1.0.post1"
    assert str(parse_filename(name, "foo-1-0").version) == "1"
    assert project_candidates(name) == ("foo-1-0", "foo")
    assert parse_filename(name, "elsewhere") == parse_filename(name)


def test_every_project_that_an_archive_may_be_of_is_named() -> None:
    # It may well be version "evil-1.0" of foo, and pip installs it from its URL.
    assert project_candidates("foo-evil-1.0.tar.gz") == ("foo-evil", "foo")
    assert project_candidates("foo-1.0-py3-none-any.whl") == ("foo",)


def test_releases_compare_as_versions_do() -> None:
    assert parse_filename("a-1.0.zip").release == parse_filename("a-1.0.0.zip").release
    assert parse_filename("a-1.0.zip").release != parse_filename("a-1.0+b.zip").release


names = st.from_regex(re.compile(r"[A-Za-z0-9]([A-Za-z0-9._]{0,8}[A-Za-z0-9])?"), fullmatch=True)
pieces = st.one_of(names, st.sampled_from(["1.0", "2.0rc1", "1!3", "py3", "none", "any", "", "-"]))
extensions = st.sampled_from([".whl", ".tar.gz", ".zip", ".egg", ".exe", ".txt", ""])
anything = st.one_of(
    st.text(max_size=40),
    st.builds(lambda parts, end: "-".join(parts) + end, st.lists(pieces, max_size=6), extensions),
)


@given(anything)
def test_whatever_packaging_takes_is_read_as_packaging_reads_it(filename: str) -> None:
    wheel = filename.endswith(".whl")
    try:
        read = parse_wheel_filename(filename)[:2] if wheel else parse_sdist_filename(filename)
    except ValueError:
        return
    project, version = read
    if is_normalised(project):
        found = parse_filename(filename)
        assert found == Distribution(
            project, version, Kind.WHEEL if wheel else Kind.SDIST, found.written
        )
        assert project_candidates(filename)[0] == project


@given(anything)
def test_any_text_is_read_without_trouble_and_names_few_projects(filename: str) -> None:
    found = parse_filename(filename)
    candidates = project_candidates(filename)
    assert len(candidates) <= 4
    assert all(is_normalised(name) for name in candidates)
    assert found.project == (candidates[0] if candidates else None)
    assert all(canonicalize_name(filename).startswith(name) for name in candidates)


def test_a_name_full_of_dashes_names_few_projects() -> None:
    assert len(project_candidates("-1".join("abcdefghij") + ".tar.gz")) == 4
